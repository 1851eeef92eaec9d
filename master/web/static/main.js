// Which screen is shown, and what keeps it up to date.
import { byId, el, foreign, problem, put } from "./dom.js";
import { Live, get } from "./api.js";
import * as now from "./now.js";
import * as jobs from "./jobs.js";
import * as slots from "./slots.js";
import * as drawer from "./drawer.js";
import { baseModels, machines, results } from "./others.js";

const SCREENS = { now: ["Now", now.show], jobs: ["Jobs", jobs.show], base: ["Base models", baseModels], machines: ["Machines", machines], results: ["Results", results], time: ["Time line", slots.show] };
const WORDS = { live: "live", asking: "asks every few seconds", away: "no connection: shown is what was known" };
const main = byId("main");

const page = {
  /** @type {any} */
  overview: null,
  live: new Live(heard, (now) => status(now)),
  /** What the run's clock says, whatever the visitor's does: since the last look at it. */
  now: () => page.overview.at + (performance.now() - looked) / 1000,
  /** @param {string} id */
  open: (id) => drawer.open(page, id),
  /** @param {string} id @param {string} [text] */
  jobLink: (id, text) => el("button", { type: "button", class: "link", onclick: () => page.open(id) }, text || foreign(id)),
};

let looked = 0;

/** @returns {Promise<void>} */
async function look() {
  page.overview = await get("/api/overview");
  looked = performance.now();
}

/** Of the screen that is shown: what comes late for another draws where nobody sees it. */
let stage = el("div", { class: "screen" });
/** @type {any} */
let busy = null;
let again = false;

/** At most one look at a time, and one after it.  @param {any} told */
function heard(told) {
  jobs.changed(told);
  if (!told.moved && ["jobs", "results", "base", "time"].includes(place()[0])) return drawer.changed(page);
  if (busy) {
    again = true;
    return;
  }
  busy = refresh().finally(() => {
    setTimeout(() => {
      busy = null;
      if (again) {
        again = false;
        heard({ seq: 0, reload: false, rows: [], moved: false });
      }
    }, 1000);
  });
}

async function refresh() {
  try {
    await look();
  } catch (error) {
    return;
  }
  status(how);
  const [name] = place();
  if (name === "now") now.update(stage, page);
  slots.changed();
  if (name === "machines") await machines(stage, page);
  drawer.changed(page);
}

let how = "asking";

/** @param {string} now how the page hears of changes */
function status(now) {
  how = now;
  const role = page.overview?.role === "viewer" ? "you can only look; " : "";
  const master = page.overview && !page.overview.has_master ? "no master works; " : "";
  const text = role + master + /** @type {Record<string, string>} */ (WORDS)[how];
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

/** @returns {[string, URLSearchParams]} */
function place() {
  const [name, words] = location.hash.slice(1).split("?", 2);
  return [name in SCREENS ? name : "now", new URLSearchParams(words || "")];
}

async function show() {
  const [name, words] = place();
  const own = el("div", { class: "screen" });
  stage = own;
  jobs.leave();
  slots.leave();
  put(main, own);
  put(byId("screens"), Object.entries(SCREENS).map(([key, [text]]) =>
    el("a", { href: `#${key}`, "aria-current": key === name ? "page" : null }, String(text))));
  try {
    await /** @type {any} */ (SCREENS)[name][1](own, page, words);
  } catch (error) {
    put(own, problem(error));
  }
}

/** @param {KeyboardEvent} event */
function key(event) {
  const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key === "Escape") drawer.close();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const screen = Object.keys(SCREENS)[Number(event.key) - 1];
  if (screen) location.hash = `#${screen}`;
  if (event.key === "/") {
    if (place()[0] !== "jobs") location.hash = "#jobs";
    setTimeout(() => document.getElementById("filter")?.focus(), 50);
    event.preventDefault();
  }
}

async function begin() {
  try {
    await look();
  } catch (error) {
    put(main, problem(error));
    return;
  }
  put(byId("name"), foreign(page.overview.name));
  document.title = `${page.overview.name} – Twophase`;
  addEventListener("hashchange", show);
  addEventListener("keydown", key);
  await show();
  page.live.since = page.overview.seq;
  page.live.hasMaster = page.overview.has_master;
  page.live.connect();
}

begin();
