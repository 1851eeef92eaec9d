// One job beside whatever screen is shown: its history, what it was given, its neighbours, its log.
import { ENDED, badge, button, byId, bytes, clock, el, foreign, howFar, problem, put, shown, span, table } from "./dom.js";
import { get } from "./api.js";
import { give } from "./orders.js";
import * as curves from "./curves.js";
import { Log } from "./log.js";

/** @type {{id: string, busy: boolean, again: boolean, log: Log, from: Element | null} | null} */
let current = null;

/** @param {any} page @param {string} id */
export async function open(page, id) {
  const from = current ? current.from : document.activeElement;
  close(false);
  const here = (current = { id, busy: false, again: false, log: new Log(page.live, id), from });
  const drawer = byId("drawer");
  drawer.hidden = false;
  put(drawer, head(id), el("p", {}, "…"));
  drawer.querySelector("button")?.focus();
  await refresh(page, here);
}

/** @param {string} id */
const head = (id) => el("div", { class: "top" }, button("✕", () => close(), { class: "close", "aria-label": "close" }), el("h2", {}, foreign(id)));

export function close(back = true) {
  if (!current) return;
  current.log.close();
  const { from } = current;
  current = null;
  byId("drawer").hidden = true;
  if (back && from instanceof HTMLElement) from.focus();
}

/** @param {any} page */
export function changed(page) {
  if (current) refresh(page, current);
}

/** One question at a time: where answers take their time, the next does not come before them.  @param {any} page @param {any} here */
async function refresh(page, here) {
  if (here.busy) {
    here.again = true;
    return;
  }
  here.busy = true;
  here.again = false;
  await draw(page, here);
  here.busy = false;
  if (here.again && current === here) setTimeout(() => current === here && refresh(page, here), 1000);
}

/** @param {any} page @param {any} here */
async function draw(page, here) {
  const drawer = byId("drawer");
  try {
    const job = await get("/api/job", { id: here.id });
    if (current !== here) return;
    const focused = drawer.contains(document.activeElement) && document.activeElement?.classList.contains("close");
    const figures = drawer.querySelector(".figures") || el("section", { class: "figures", "aria-label": "Curves" });
    const [now, before] = parts(page, job);
    put(drawer, ...now, figures, el("h3", {}, "Log"), here.log.note, here.log.view, ...before);
    if (focused) /** @type {HTMLElement | null} */ (drawer.querySelector(".close"))?.focus();
    curves.show(figures, here.id, () => current === here && figures.isConnected);
    here.log.look(job);
  } catch (error) {
    if (current === here) put(drawer, head(here.id), problem(error));
  }
}

/** @param {any} page @param {any} job */
function parts(page, job) {
  const verbs = page.overview.role === "user" ? page.overview.verbs : [];
  const fit = verbs.filter((/** @type {string} */ v) => (v === "cancel" && !ENDED.includes(job.state)) || (v === "retry" && job.state !== "succeeded" && ENDED.includes(job.state)));
  return [[
    head(job.job_id),
    el("p", {}, badge(job.state), " ", job.why ? foreign(job.why) : foreign(job.error || "")),
    job.progress && el("p", {}, howFar(job.progress)),
    job.changes && el("p", { class: "cure" }, "what would change it: ", foreign(job.changes)),
    el("p", { class: "actions" }, fit.map((/** @type {string} */ verb) => button(`${verb}…`, () => give(verb, { jobs: [job.job_id] }, () => changed(page)), { class: "act" })),
      job.base && el("a", { href: `#jobs?base=${job.base}` }, `all of base model ${job.base.slice(0, 8)}`)),
    facts(job),
    el("h3", {}, "Parameters"), pairs(Object.entries(job.parameters)),
  ], [
    job.neighbours.length ? el("h3", {}, "Its neighbours, and how they differ") : null,
    job.neighbours.length ? table(["State", "Job", "Different: here → there"], job.neighbours.map((/** @type {any} */ each) => [badge(each.state), page.jobLink(each.id), difference(each.different)]), "Neighbours") : null,
    el("h3", {}, "History"),
    table(["When", "What", "State", "Try", "Worker", "Note"], job.history.map((/** @type {any} */ each) =>
      [clock(each.at), each.what, badge(each.state), each.attempt, foreign(each.worker), foreign(each.note)]), "History"),
  ]];
}

/** @param {any} job */
function facts(job) {
  const known = /** @type {[string, any][]} */ ([
    ["took", job.duration_seconds === null ? null : span(job.duration_seconds)], ["where", [job.worker, job.slot].filter(Boolean).join(":") || null],
    ["exit code", job.exit_code], ["memory", job.peak_rss_bytes ? bytes(job.peak_rss_bytes) : null],
    ["GPU memory", job.peak_gpu_bytes ? bytes(job.peak_gpu_bytes) : null], ["tries", job.attempts],
  ]).filter(([, value]) => value !== null);
  return pairs(known);
}

/** @param {[string, any][]} items */
function pairs(items) {
  if (!items.length) return el("p", {}, "none are known");
  return el("dl", {}, items.map(([name, value]) => el("div", {}, el("dt", {}, foreign(name)), el("dd", {}, foreign(shown(value))))));
}

/** @param {Record<string, any[]>} different */
function difference(different) {
  const items = Object.entries(different);
  if (!items.length) return "the same parameters";
  return el("span", {}, items.map(([name, [own, other]]) => el("span", { class: "diff" }, foreign(`${name}: ${shown(own)} → ${shown(other)}`))));
}
