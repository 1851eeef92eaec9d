// The screen "jobs": a list of any length of which only what is seen is in the page.
import { badge, button, clock, count, el, foreign, howFar, put, span } from "./dom.js";
import { get } from "./api.js";
import { give } from "./orders.js";

const HEIGHT = 36;
const SPARE = 12;
const PAGE = 100;
const STATES = ["failed", "blocked", "running", "collecting", "staging", "assigned", "ready", "pending", "cancelled", "pruned", "succeeded"];
const CELLS = ["s", "id", "why", "where", "tries", "took", "since"];
const SORTS = { state: "state", since: "last change", job: "name", worker: "worker", tries: "tries" };

/** The list as it is shown now; null on other screens.  @type {List | null} */
let list = null;

/** @param {HTMLElement} main @param {any} page @param {URLSearchParams} words */
export async function show(main, page, words) {
  list = new List(main, page, words);
  await list.reload();
}

export function leave() {
  list = null;
}

/** @param {{seq: number, reload: boolean, rows: any[], moved: boolean}} told */
export function changed(told) {
  list?.take(told);
}

class List {
  /** @param {HTMLElement} main @param {any} page @param {URLSearchParams} words */
  constructor(main, page, words) {
    this.page = page;
    this.wish = {
      q: words.get("q") || "", state: words.get("state") || "", base: words.get("base") || "",
      sort: words.get("sort") || "state", reverse: words.get("reverse") === "true",
    };
    this.matching = 0;
    /** @type {Map<number, any>} */
    this.rows = new Map();
    /** Those that are seen, by id.  @type {Map<string, {line: HTMLElement, key: string, place: number}>} */
    this.lines = new Map();
    /** @type {Set<string>} */
    this.chosen = new Set();
    this.allChosen = false;
    this.cursor = 0;
    /** @type {Set<number>} */
    this.asked = new Set();
    this.stale = 0;
    this.version = 0;
    /** What the buttons were made for last. */
    this.actionsKey = "";
    this.summary = el("p", { class: "summary", role: "status" });
    this.actions = el("div", { class: "actions" });
    this.space = el("div", { class: "space", role: "rowgroup" });
    this.view = el("div", {
      class: "list", role: "grid", tabindex: 0, "aria-label": "Jobs", "aria-multiselectable": "true",
      onscroll: () => this.draw(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    }, this.space);
    this.build(main);
  }

  /** @param {HTMLElement} main */
  build(main) {
    const filter = el("input", {
      id: "filter", type: "search", value: this.wish.q, "aria-label": "Filter jobs",
      placeholder: "part of a name, worker, or lr=1e-3", oninput: () => this.filtered(),
    });
    const state = el("select", { "aria-label": "State", onchange: () => this.filtered() },
      el("option", { value: "" }, "all states"), STATES.map((each) => el("option", { value: each, selected: each === this.wish.state }, each)));
    const sort = el("select", { "aria-label": "In order of", onchange: () => this.filtered() },
      Object.entries(SORTS).map(([name, text]) => el("option", { value: name, selected: name === this.wish.sort }, `by ${text}`)));
    const reverse = el("input", { type: "checkbox", id: "reverse", onchange: () => this.filtered() });
    /** @type {any} */ (reverse).checked = this.wish.reverse;
    this.inputs = /** @type {any} */ ({ filter, state, sort, reverse });
    put(main,
      el("form", { class: "filters", onsubmit: (/** @type {Event} */ e) => e.preventDefault() }, filter, state, sort,
        el("label", { for: "reverse" }, reverse, " reverse"),
        this.wish.base && button(`base model ${this.wish.base.slice(0, 8)} ✕`, () => this.go({ base: "" }))),
      this.summary, this.actions, this.view);
  }

  filtered() {
    clearTimeout(this.timer);
    const { filter, state, sort, reverse } = this.inputs;
    const wish = { q: filter.value, state: state.value, sort: sort.value, reverse: reverse.checked };
    this.timer = setTimeout(() => this.go(wish), 200);
  }

  /** @param {Record<string, any>} wish */
  go(wish) {
    const hadBase = this.wish.base;
    Object.assign(this.wish, wish);
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(this.wish)) {
      if (value && !(name === "sort" && value === "state")) words.set(name, String(value));
    }
    history.replaceState(null, "", words.size ? `#jobs?${words}` : "#jobs");
    if (hadBase !== this.wish.base) dispatchEvent(new HashChangeEvent("hashchange"));
    this.chosen.clear();
    this.allChosen = false;
    this.view.scrollTop = 0;
    this.cursor = 0;
    this.reload();
  }

  async reload() {
    this.version += 1;
    this.asked.clear();
    this.stale = performance.now();
    await this.load(Math.floor(this.first() / PAGE), true);
  }

  first() {
    return Math.max(0, Math.floor(this.view.scrollTop / HEIGHT) - SPARE);
  }

  /** @param {number} number of a page @param {boolean} [fresh] */
  async load(number, fresh = false) {
    if (this.asked.has(number)) return;
    this.asked.add(number);
    const version = this.version;
    try {
      const told = await get("/api/jobs", { ...this.wish, offset: number * PAGE, limit: PAGE });
      if (version !== this.version) return;
      if (fresh) this.rows.clear();
      told.rows.forEach((/** @type {any} */ row, /** @type {number} */ i) => this.rows.set(number * PAGE + i, row));
      this.matching = told.matching;
      put(this.summary, `${count(told.matching)} of ${count(told.total)} jobs`);
      this.space.style.height = `${told.matching * HEIGHT}px`;
      this.view.setAttribute("aria-rowcount", String(told.matching));
      this.draw();
    } catch (error) {
      this.asked.delete(number);
      put(this.summary, String(/** @type {Error} */ (error).message));
    }
  }

  /** Put the rows that are seen into the page, and ask for those that are missing. */
  draw() {
    const first = this.first();
    const last = Math.min(this.matching, first + Math.ceil(this.view.clientHeight / HEIGHT) + 2 * SPARE);
    const shown = [];
    for (let i = first; i < last; i++) {
      const row = this.rows.get(i);
      if (row) shown.push(this.line(row, i));
      else this.load(Math.floor(i / PAGE));
    }
    this.settle(shown);
    this.page.live.watch(shown.map((each) => each.dataset.id || ""));
    this.act();
  }

  /** Leave rows that stay where they are: whoever presses a button on one finds it still there.  @param {HTMLElement[]} shown */
  settle(shown) {
    /** @type {ChildNode | null} */
    let at = this.space.firstChild;
    for (const line of shown) {
      if (line === at) at = at.nextSibling;
      else this.space.insertBefore(line, at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    const kept = new Set(shown);
    for (const [id, { line }] of this.lines) if (!kept.has(line)) this.lines.delete(id);
  }

  /** @param {any} row @param {number} i */
  line(row, i) {
    const chosen = this.allChosen || this.chosen.has(row.id);
    const took = span(row.state === "running" && row.started ? this.page.now() - row.started : row.seconds);
    const known = this.lines.get(row.id) || { line: this.empty(row.id), key: "", place: i };
    const { line } = known;
    known.place = i;
    this.lines.set(row.id, known);
    line.className = i === this.cursor ? "row cursor" : "row";
    line.style.transform = `translateY(${i * HEIGHT}px)`;
    line.setAttribute("aria-rowindex", String(i + 1));
    line.setAttribute("aria-selected", String(chosen));
    /** @type {any} */ (line.querySelector("input")).checked = chosen;
    const key = JSON.stringify([row.state, row.why, row.where, row.tries, row.since, row.progress, took]);
    if (known.key === key) return line;
    known.key = key;
    const cells = [badge(row.state), foreign(row.id), howFar(row.progress) || foreign(row.why || ""), foreign(row.where || "–"), row.tries, took, clock(row.since)];
    cells.forEach((content, n) => put(line.children[n + 1], content));
    line.title = row.why ? `${row.id}: ${row.why}` : row.id;
    return line;
  }

  /** @param {string} id */
  empty(id) {
    const box = el("input", { type: "checkbox", tabindex: -1, "aria-label": `select ${id}`, onclick: (/** @type {Event} */ e) => { e.stopPropagation(); this.choose(id); } });
    const open = () => { this.cursor = this.lines.get(id)?.place ?? this.cursor; this.page.open(id); this.draw(); };
    return el("div", { role: "row", "data-id": id, onclick: open }, el("span", { role: "gridcell", class: "box" }, box),
      CELLS.map((kind) => el("span", { role: "gridcell", class: kind })));
  }

  /** @param {string} id */
  choose(id) {
    if (this.allChosen) this.allChosen = false;
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.draw();
  }

  act() {
    const { verbs, role } = this.page.overview;
    const n = this.allChosen ? this.matching : this.chosen.size;
    const may = role === "user" && verbs.length > 0;
    if (!may) this.actionsKey = "";
    if (!may) return put(this.actions, n ? "no master works on this run, or this link only shows: nothing can be done to jobs" : null);
    const orders = verbs.filter((/** @type {string} */ each) => ["cancel", "retry"].includes(each));
    const key = `${n} ${this.matching} ${orders}`;
    if (this.actionsKey === key) return undefined;
    this.actionsKey = key;
    return put(this.actions,
      n ? `${count(n)} selected` : null,
      button(`select all ${count(this.matching)}`, () => { this.allChosen = true; this.draw(); }, { disabled: !this.matching }),
      n ? button("none", () => { this.allChosen = false; this.chosen.clear(); this.draw(); }) : null,
      n ? orders.map((/** @type {string} */ verb) => button(`${verb}…`, () => this.order(verb), { class: "act" })) : null);
  }

  /** @param {string} verb */
  order(verb) {
    const { q, state, base } = this.wish;
    const jobs = this.allChosen ? { matching: { q, state, base } } : { jobs: [...this.chosen] };
    give(verb, jobs, () => { this.chosen.clear(); this.allChosen = false; this.reload(); });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    const row = this.rows.get(this.cursor);
    if (step !== undefined) {
      this.cursor = Math.min(Math.max(0, this.cursor + step), Math.max(0, this.matching - 1));
      const top = this.cursor * HEIGHT;
      if (top < this.view.scrollTop) this.view.scrollTop = top;
      if (top + HEIGHT > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = top + HEIGHT - this.view.clientHeight;
      this.draw();
    } else if (event.key === "Enter" && row) this.page.open(row.id);
    else if (event.key === " " && row) this.choose(row.id);
    else return;
    event.preventDefault();
  }

  /** @param {{reload: boolean, rows: any[], progress?: Record<string, any>, moved: boolean}} told */
  take(told) {
    const fresh = new Map(told.rows.map((row) => [row.id, row]));
    const far = told.progress || {};
    for (const [i, row] of this.rows) {
      if (fresh.has(row.id)) this.rows.set(i, fresh.get(row.id));
      else if (row.state === "running" && far[row.id]) row.progress = far[row.id];
    }
    this.draw();
    if (!told.moved) return;
    // The order may be another by now: not for each change, as a run may have thousands a second.
    if (performance.now() - this.stale > 2000) this.reload();
    else {
      clearTimeout(this.later);
      this.later = setTimeout(() => list === this && this.reload(), 2000);
    }
  }
}
