// The screen "now": how far the run is, what failed in which ways, what needs a human.
import { ENDED, badge, count, el, foreign, put, span, table } from "./dom.js";

const NAMES = { 1: "Base models", 2: "Experiments" };

/** @param {HTMLElement} main @param {any} page */
export async function show(main, page) {
  put(main, el("div", { class: "now" }));
  update(main, page);
}

/** @param {HTMLElement} main @param {any} page */
export function update(main, page) {
  const now = page.overview;
  const box = main.querySelector(".now");
  if (!box) return;
  put(box,
    now.phases.filter((/** @type {any} */ each) => each.total).map(bar),
    now.phases.some((/** @type {any} */ each) => each.total) ? null
      : el("p", {}, "There are no jobs yet: ", el("code", {}, "twophase add jobs.json"), " brings some."),
    el("p", { class: "eta" }, eta(now)),
    needs(now.needs),
    failures(now.failures, page),
    el("section", { id: "pace", "aria-label": "Jobs that have not ended, over time" }));
  draw(box.querySelector("#pace"), now.paces);
}

/** @param {any} phase */
function bar(phase) {
  const done = ENDED.reduce((sum, state) => sum + (phase.states[state] || 0), 0);
  const name = /** @type {any} */ (NAMES)[phase.phase];
  const parts = [...ENDED, "running"].map((state) => {
    const part = el("span", { class: `part ${state}` });
    part.style.flexGrow = String(phase.states[state] || 0);
    return part;
  });
  const rest = el("span", { class: "part rest" });
  rest.style.flexGrow = String(phase.total - done - (phase.states.running || 0));
  const words = Object.entries(phase.states).map(([state, n]) =>
    el("a", { href: `#jobs?state=${state}` }, badge(state), ` ${count(Number(n))}`));
  return el("section", { class: "phase" },
    el("h2", {}, `${name}: ${count(done)} of ${count(phase.total)}`),
    el("div", { class: "bar", role: "img", "aria-label": `${done} of ${phase.total} have ended` }, parts, rest),
    el("p", { class: "states" }, words));
}

/** @param {any} now */
function eta(now) {
  if (now.stopping) return "The run is stopping: nothing more is started.";
  if (!now.eta_s) return now.has_master ? "" : "No master works on this run: this is how it stands.";
  const [least, most] = now.eta_s;
  return span(least) === span(most) ? `About ${span(least)} left.` : `${span(least)} to ${span(most)} left.`;
}

/** @param {any[]} items */
function needs(items) {
  if (!items.length) return null;
  return el("section", { class: "needs" }, el("h2", {}, "Needs you"),
    el("ul", {}, items.map((each) => el("li", {}, foreign(each.says), each.cure && el("p", { class: "cure" }, foreign(each.cure))))));
}

/** @param {any[]} ways @param {any} page */
function failures(ways, page) {
  if (!ways.length) return el("section", {}, el("h2", {}, "Nothing has failed"));
  const rows = ways.map((way) => [
    count(way.count),
    foreign(way.says, "says"),
    el("span", { class: "several" }, way.jobs.slice(0, 3).map((/** @type {string} */ id) => page.jobLink(id))),
    foreign(way.workers.slice(0, 4).join(", "), "names"),
  ]);
  return el("section", {}, el("h2", {}, "What failed, equal ones as one"),
    table(["Jobs", "Last words", "Such as", "On"], rows, "Failures"));
}

/** @param {Element | null} place @param {[number, number][]} paces */
function draw(place, paces) {
  const uPlot = /** @type {any} */ (window).uPlot;
  if (!place || !uPlot || paces.length < 3) return;
  const colour = getComputedStyle(document.body).getPropertyValue("--ink");
  const accent = getComputedStyle(document.body).getPropertyValue("--accent");
  const axis = { stroke: colour, grid: { stroke: "#8883" }, ticks: { stroke: "#8883" } };
  const options = {
    width: Math.min(place.clientWidth || 320, 900), height: 170, legend: { show: false }, cursor: { show: false },
    axes: [axis, { ...axis, size: 60 }], series: [{}, { stroke: accent, width: 2, fill: "#4a80d022" }],
  };
  new uPlot(options, [paces.map((each) => each[0]), paces.map((each) => each[1])], place);
  place.prepend(el("h2", {}, "Jobs that have not ended"));
}
