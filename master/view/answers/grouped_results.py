"""Groups of results as lines, Markdown, HTML, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from master.core.harmless import clean
from master.core.planning.value_texts import value_text
from master.core.results.comparison import Paired
from master.core.results.lines import Question, ResultLine
from master.core.results.statistics import Summary
from master.view.result_sheet import cell
from master.view.wording import figure

_PAGE = """\
<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Results</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ margin: 2rem }}
table {{ border-collapse: collapse }}
th, td {{ padding: .25rem .8rem; text-align: left; border-bottom: 1px solid #8884 }}
td {{ font-variant-numeric: tabular-nums }}
th button {{ all: unset; cursor: pointer }}
th button:focus-visible {{ outline: 2px solid }}
th[aria-sort=ascending] button::after {{ content: " ▲" }}
th[aria-sort=descending] button::after {{ content: " ▼" }}
</style>
<h1>Results</h1>
<p>The best by {by} first: mean ± half of the 95 % interval of Student's t, and over how many jobs.</p>
<div style="overflow-x: auto"><table>
<thead>{heads}</thead>
<tbody>{body}</tbody>
</table></div>
<script>
for (const head of document.querySelectorAll("th")) head.firstChild.onclick = () => {{
  const down = head.getAttribute("aria-sort") === "ascending", body = document.querySelector("tbody")
  for (const each of head.parentNode.children) each.removeAttribute("aria-sort")
  head.setAttribute("aria-sort", down ? "descending" : "ascending")
  const key = row => row.children[head.cellIndex].textContent, sign = down ? -1 : 1
  const rank = (a, b) => {{
    const [x, y] = [parseFloat(a), parseFloat(b)]
    if (isNaN(x) && isNaN(y)) return sign * a.localeCompare(b)
    return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : sign * (x - y)
  }}
  body.append(...[...body.children].sort((a, b) => rank(key(a), key(b))))
}}
</script>
"""
_FIGURES = ("mean", "half_width", "lowest", "highest", "count")


def rows(lines: Sequence[ResultLine], question: Question) -> list[list[str]]:
    """Return the table in words, headings first: means with intervals, over how many, how many lack."""
    names, against = parameters(lines), any_against(lines)
    heads = [*names, *question.metrics, "n", *(("difference", "shared") if against else ())]
    return [heads, *(_cells(line, names, question, against) for line in lines)]


def markdown(lines: Sequence[ResultLine], question: Question) -> str:
    """Return the table in Markdown."""
    heads, *others = rows(lines, question)
    left = len(parameters(lines))
    ruled = [heads, ["---"] * left + ["---:"] * (len(heads) - left), *others]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in ruled)


def html_page(lines: Sequence[ResultLine], question: Question) -> str:
    """Return the table as a page that needs nothing beside it."""
    heads, *others = rows(lines, question)
    body = "".join(_html_row(row) for row in others)
    named = "".join(f"<th><button>{escape(cell)}</button></th>" for cell in heads)
    return _PAGE.format(heads=f"<tr>{named}</tr>\n", body=body, by=escape(question.by))


def _html_row(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>\n"


def csv_text(lines: Sequence[ResultLine], question: Question) -> str:
    """Return one row a group with all figures in columns of their own, unrounded."""
    text = io.StringIO()
    records = list(flat(lines, question))
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: "" if value is None else cell(value) for name, value in record.items()} for record in records
    )
    return text.getvalue()


def flat(lines: Sequence[ResultLine], question: Question) -> Iterator[dict[str, Any]]:
    """Yield each group as one flat record; a parameter that a group does not have is None."""
    names = parameters(lines)
    for line in lines:
        own: dict[str, Any] = {name: _plain(line.group.parameters.get(name)) for name in names}
        for metric in question.metrics:
            own |= {f"{metric}.{name}": value for name, value in figures(line, metric).items()}
        if any_against(lines):
            own |= {f"difference.{key}": value for key, value in difference(line.against).items()}
        yield own


def as_json(lines: Sequence[ResultLine], question: Question) -> dict[str, Any]:
    """Return all groups, ready for JSON."""
    return {
        "by": question.by,
        "ascending": question.ascending,
        "over": list(question.over),
        "groups": [_group(line, question) for line in lines],
    }


def _group(line: ResultLine, question: Question) -> dict[str, Any]:
    return {
        "parameters": dict(line.group.parameters),
        "jobs": [row.job_id for row in line.group.rows],
        "absent": [dict(zip(each.names, each.values, strict=True)) for each in line.group.absent],
        "metrics": {name: figures(line, name) for name in question.metrics},
        "difference": difference(line.against) if line.against else None,
    }


def figures(line: ResultLine, metric: str) -> dict[str, float | int | None]:
    """Return a metric's summary by the names of its figures; None where there are none.

    Those of its jobs that were cancelled or pruned count as missing too.
    """
    found = line.summaries[metric]
    told = {name: getattr(found, name, None) for name in _FIGURES}
    group = line.group
    lacks = {"missing": line.missing[metric], "cancelled": group.cancelled, "pruned": group.pruned}
    return {**told, "count": found.count if found else 0, **lacks}


def difference(against: Paired | None) -> dict[str, float | int | None]:
    """Return a difference to the baseline by the names of its figures."""
    found = against.difference if against else None
    return {
        "mean": found.mean if found else None,
        "half_width": found.half_width if found else None,
        "count": found.count if found else 0,
        "unpaired": against.unpaired if against else 0,
    }


def parameters(lines: Sequence[ResultLine]) -> list[str]:
    """Return the names of the parameters that tell the groups apart."""
    return list(dict.fromkeys(name for line in lines for name in line.group.parameters))


def any_against(lines: Sequence[ResultLine]) -> bool:
    """True where the groups are compared with a baseline."""
    return any(line.against for line in lines)


def _cells(line: ResultLine, names: Sequence[str], question: Question, against: bool) -> list[str]:
    own = line.group.parameters
    return [
        *(_shown(own[name]) if name in own else "" for name in names),
        *(_mean(line.summaries[metric]) for metric in question.metrics),
        _count(line, question.by),
        *(_against(line.against) if against else ()),
    ]


def _plain(value: Any) -> Any:
    """Return a parameter as tables hold it: a list or an object is JSON."""
    return json.dumps(value) if isinstance(value, (list, tuple, dict)) else value


def _shown(value: Any) -> str:
    return (
        clean(value)
        if isinstance(value, str)
        else value_text(_plain(value) if isinstance(value, dict) else value)
    )


def _mean(found: Summary | None) -> str:
    if found is None:
        return "–"
    return figure(found.mean) + (f" ± {figure(found.half_width)}" if found.half_width is not None else "")


def _count(line: ResultLine, metric: str) -> str:
    """Return over how many jobs the mean is, how many are missing, were cancelled, and were pruned."""
    found, group = line.summaries.get(metric), line.group
    missing = max(0, line.missing.get(metric, 0) - group.cancelled - group.pruned)
    lacks = {"missing": missing, "cancelled": group.cancelled, "pruned": group.pruned}
    return ", ".join([f"{found.count if found else 0}", *(f"{n} {why}" for why, n in lacks.items() if n)])


def _against(found: Paired | None) -> tuple[str, str]:
    if found is None:
        return "baseline", ""
    unpaired = f", {found.unpaired} unpaired" if found.unpaired else ""
    return _mean(found.difference), f"{found.difference.count if found.difference else 0}{unpaired}"
