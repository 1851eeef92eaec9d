"""How the page looks, light and dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5c6878; --back: #fbfbfa; --card: #fff;
  --line: #dfe3e8; --mark: 217 119 6; --a: #2563eb; --b: #d97706; --c: #059669; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --dim: #98a3b3; --back: #14171c;
  --card: #1b2027; --line: #2e3642; --mark: 245 158 11; --a: #60a5fa; --b: #fbbf24; --c: #34d399; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.2rem 1.5rem; background: var(--back); color: var(--ink);
  font: 14px/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.4rem 0 .5rem; }
h3, h4 { margin: .2rem 0 .4rem; } .dim { color: var(--dim); }
dl { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; margin: .6rem 0 0; }
dt { color: var(--dim); font-size: .8rem; } dd { margin: 0; font-variant-numeric: tabular-nums; }
.charts { display: flex; flex-wrap: wrap; gap: .8rem; }
figure { margin: 0; padding: .6rem .7rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; width: 300px; flex: 1 1 300px; max-width: 420px; }
figcaption { font-weight: 600; } svg { width: 100%; display: block; }
svg text { font-size: 10px; fill: var(--dim); } .axis { fill: none; stroke: var(--line); }
.line { fill: none; stroke-width: 1.6; } .line0 { stroke: var(--a); } .line1 { stroke: var(--b); }
.line2 { stroke: var(--c); } .bar { fill: var(--a); }
.key { font-weight: 400; margin-left: .6rem; } .key0 { color: var(--a); } .key1 { color: var(--b); }
.key2 { color: var(--c); }
.tools { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin-bottom: .5rem; }
input[type=search] { width: 18rem; max-width: 100%; } input[type=search], select, button { font: inherit;
  color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: .25rem .5rem; }
.browser { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: .8rem; height: 70vh; }
@media (max-width: 800px) { .browser { grid-template-columns: 1fr; height: auto; } #list { height: 50vh; } }
#list, #detail { overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
#detail { padding: .8rem 1rem; } #rows { position: relative; }
.head, .row { display: flex; gap: .6rem; padding: 0 .6rem; height: 30px; align-items: center; }
.head { position: sticky; top: 0; z-index: 1; background: var(--card); border-bottom: 1px solid var(--line);
  color: var(--dim); } .row { position: absolute; left: 0; right: 0; cursor: pointer; }
.row:hover { background: rgb(128 128 128 / .12); } .chosen { background: rgb(128 128 128 / .2); }
.cell { flex: 0 0 4.6rem; font-variant-numeric: tabular-nums; } .id { font-weight: 600; }
.snippet { white-space: pre; overflow: hidden; text-overflow: ellipsis; min-width: 0; direction: ltr;
  unicode-bidi: isolate; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
.examples { list-style: none; margin: 0; padding: 0; } .examples li { display: flex; gap: .6rem;
  padding: .25rem 0; border-top: 1px solid var(--line); }
.examples .snippet { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { color: inherit; border-radius: 3px; background: rgb(var(--mark) / calc(var(--share, 1) * .6)); }
.near { margin: 0 .4rem .4rem 0; cursor: pointer; font-variant-numeric: tabular-nums; }
"""
