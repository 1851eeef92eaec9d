// The screens "base models", "machines" and "results".
import { badge, button, bytes, clock, count, el, figure, foreign, problem, put, shown, span, table } from "./dom.js";
import { get } from "./api.js";
import { give } from "./orders.js";

/** @param {HTMLElement} main @param {any} page */
export async function baseModels(main, page) {
  const { base_models: found } = await get("/api/base-models");
  if (!found.length) return put(main, el("p", {}, "The jobs of this run start from no base model."));
  const saved = found.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.trainings_saved, 0);
  const seconds = found.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + (each.seconds_saved || 0), 0);
  return put(main,
    el("p", {}, `${count(found.length)} base models; sharing them saved ${count(saved)} trainings${seconds ? `, about ${span(seconds)} of work` : ""}.`),
    el("ul", { class: "tree" }, found.slice(0, 500).map((/** @type {any} */ each) => branch(page, each))),
    found.length > 500 && el("p", {}, `and ${count(found.length - 500)} more: twophase base ls lists all`));
}

/** @param {any} page @param {any} model */
function branch(page, model) {
  const users = Object.entries(model.jobs);
  const total = users.reduce((sum, [, n]) => sum + Number(n), 0);
  const many = (/** @type {number} */ n, /** @type {string} */ what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const direct = [el("a", { href: `#jobs?base=${model.spec_hash}` }, many(total, "job")), " ",
    users.map(([state, n]) => [el("a", { href: `#jobs?base=${model.spec_hash}&state=${state}` }, badge(state), ` ${count(Number(n))}`), " "])];
  const config = Object.entries(model.config).map(([name, value]) => `${name}=${shown(value)}`).join("  ");
  return el("li", { class: `depth${Math.min(model.depth, 6)}` },
    el("div", {}, badge(model.state === "stored" ? "succeeded" : model.state), " ",
      el("code", {}, model.spec_hash.slice(0, 8)), " ", model.stage ? [el("b", {}, foreign(model.stage)), " "] : null, foreign(config),
      model.parent ? [" starts from ", el("code", {}, model.parent.slice(0, 8))] : null,
      model.resumes_from ? [" goes on from ", el("code", {}, model.resumes_from.slice(0, 8))] : null,
      model.state === "stored" ? " was in the store" : "", model.where ? [" on ", foreign(model.where)] : null, model.seconds ? `, ${span(model.seconds)}` : "",
      model.job ? [" ", page.jobLink(model.job, "its training")] : null),
    model.says && problem(model.says.replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, "$1")),
    el("ul", {}, el("li", {}, total || !model.jobs_in_all ? direct : `${many(model.jobs_in_all, "job")} in all${model.trainings_saved ? ", " : ""}`,
      model.trainings_saved ? `saves ${many(model.trainings_saved, "training")}` : null)));
}

/** @param {HTMLElement} main @param {any} page */
export async function machines(main, page) {
  const { machines: found, has_master: is_live } = page.overview;
  if (!is_live) return put(main, el("p", {}, "No master works on this run: nobody tells of the machines now. twophase doctor looks at them."));
  return put(main, el("div", { class: "cards" }, found.map((/** @type {any} */ each) => card(each, page))));
}

/** @param {any} worker @param {any} page */
function card(worker, page) {
  const fit = worker.held ? ["resume"] : ["pause", "drain"];
  const verbs = page.overview.role === "user" ? fit.filter((verb) => page.overview.verbs.includes(verb)) : [];
  const state = !worker.tried ? "connecting" : !worker.usable ? "cannot be used" : !worker.up ? "not connected" : worker.paused_until ? `paused until ${clock(worker.paused_until)}` : "up";
  const kind = state === "up" ? "good" : state === "connecting" ? "" : "bad";
  const gpus = worker.gpu_bytes.length ? `${worker.gpu_bytes.length} × GPU ${bytes(worker.gpu_bytes[0])}` : "no GPU";
  const meter = el("meter", { min: 0, max: Math.max(worker.slots, 1), value: Math.min(worker.running, worker.slots), "aria-label": `${worker.running} of ${worker.slots} slots` });
  return el("article", { class: `card ${kind}` },
    el("h2", {}, foreign(worker.name)),
    el("p", {}, state, worker.since ? ` since ${clock(worker.since)}` : ""),
    el("p", {}, meter, ` ${count(worker.running)} of ${count(worker.slots)} slots`, worker.held_by_others ? `, ${figure(worker.held_by_others)} held by others` : ""),
    el("p", {}, `${gpus}, ${worker.cores ? `${count(worker.cores)} cores, ` : ""}${bytes(worker.memory_bytes)} memory`),
    use(worker.use),
    worker.labels.length ? el("p", {}, "labels: ", foreign(worker.labels.join(", "))) : null,
    worker.reason && problem(worker.reason),
    el("p", { class: "actions" }, verbs.map((verb) => button(`${verb}…`, () => give(verb, { workers: [worker.name] }, () => {}))),
      el("a", { href: `#jobs?${new URLSearchParams({ q: worker.name, state: "running" })}` }, "what runs there")));
}

/** How busy a machine is, by whomever.  @param {any} now */
function use(now) {
  if (!now) return null;
  const meter = (/** @type {string} */ name, /** @type {number} */ value, /** @type {number} */ max, /** @type {string} */ words) =>
    el("p", { class: "use" }, el("span", {}, name), el("meter", { min: 0, max, value: Math.min(value, max), "aria-label": `${name}: ${words}` }), ` ${words}`);
  const gpu = (/** @type {any} */ each) => [
    each.utilization_percent === null ? null : meter(`GPU ${each.index}`, each.utilization_percent, 100, `${figure(Math.round(each.utilization_percent))} % busy`),
    each.used_bytes === null || !each.total_bytes ? null : meter(each.utilization_percent === null ? `GPU ${each.index}` : "", each.used_bytes, each.total_bytes, `${bytes(each.used_bytes)} of ${bytes(each.total_bytes)}`),
  ];
  return [
    now.gpus.map(gpu),
    now.cpu_percent === null ? null : meter("CPU", now.cpu_percent, 100, `${Math.round(now.cpu_percent)} % busy`),
    now.memory_bytes ? meter("memory", now.memory_used_bytes, now.memory_bytes, `${bytes(now.memory_used_bytes)} of ${bytes(now.memory_bytes)}`) : null,
  ];
}

/** @param {HTMLElement} main @param {any} page @param {URLSearchParams} words */
export async function results(main, page, words) {
  const told = await get("/api/results", { by: words.get("by") || "" });
  if (!told.metrics.length) return put(main, el("p", {}, "No job has left metrics yet: a script leaves them as metrics.json in its output directory."));
  const names = [...new Set(told.groups.flatMap((/** @type {any} */ each) => Object.keys(each.parameters)))];
  const by = el("select", { id: "by", onchange: () => { location.hash = `#results?${new URLSearchParams({ by: /** @type {any} */ (by).value })}`; } },
    told.metrics.map((/** @type {string} */ each) => el("option", { value: each, selected: each === told.by }, each)));
  const rows = told.groups.map((/** @type {any} */ group) => [
    ...names.map((name) => (name in group.parameters ? foreign(shown(group.parameters[name])) : "")),
    ...told.metrics.map((/** @type {string} */ name) => mean(group.metrics[name])),
    size(group, told.by, page),
  ]);
  return put(main,
    el("p", {}, el("label", { for: "by" }, "best by "), by, ` first: mean ± half of the 95 % interval over seeds and folds; ${count(told.groups_in_all)} groups`),
    table([...names, ...told.metrics, "jobs"], rows, "Results"),
    el("p", {}, "As files: ", el("code", {}, "twophase results --format csv|html|parquet")));
}

/** @param {any} found */
function mean(found) {
  if (found.mean === null) return "–";
  return `${figure(found.mean)}${found.half_width === null ? "" : ` ± ${figure(found.half_width)}`}`;
}

/** @param {any} group @param {string} by @param {any} page */
function size(group, by, page) {
  const { count: n, missing } = group.metrics[by];
  return el("span", {}, page.jobLink(group.jobs[0], `${n}`), missing ? `, ${missing} missing` : "");
}
