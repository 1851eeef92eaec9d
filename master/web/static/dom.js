// Elements and words.  Text goes into the page as text nodes alone: nothing here takes HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on…` are listeners
 * @param {...any} children each a Child, or a list of them
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  put(node, ...children);
  return node;
}

/**
 * Put children in the place of what a node holds.
 * @param {Element} node
 * @param {...any} children each a Child, or a list of them
 */
export function put(node, ...children) {
  const kept = children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);
  node.replaceChildren(...kept.map((child) => (child instanceof Node ? child : String(child))));
}

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** Text of others, kept from turning the text around it.  @param {unknown} text @param {string} [kind] */
export function foreign(text, kind = "") {
  return el("bdi", { class: kind || null }, text === null || text === undefined ? "–" : String(text));
}

/** @param {number | null | undefined} seconds */
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const s = Math.max(0, seconds);
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${(s / 3600).toFixed(1)} h`;
  return `${(s / 86400).toFixed(1)} d`;
}

/** @param {number | null | undefined} at Unix time */
export function clock(at) {
  if (!at) return "–";
  const then = new Date(at * 1000);
  const sameDay = then.toDateString() === new Date().toDateString();
  return sameDay ? then.toLocaleTimeString() : then.toLocaleString();
}

/** @param {number} n */
export const count = (n) => n.toLocaleString("en");

/** @param {number | null | undefined} x */
export function figure(x) {
  if (x === null || x === undefined) return "–";
  return Number.isInteger(x) ? count(x) : Number(x.toPrecision(4)).toString();
}

/** @param {number | null | undefined} n */
export function bytes(n) {
  if (!n) return "–";
  const unit = n >= 2 ** 30 ? ["GiB", 2 ** 30] : ["MiB", 2 ** 20];
  return `${(n / Number(unit[1])).toFixed(1)} ${unit[0]}`;
}

/** @param {unknown} value */
export const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** States of jobs from which only an order leads on. */
export const ENDED = ["succeeded", "failed", "blocked", "cancelled", "pruned"];

/** What is wrong, as a line of the page.  @param {unknown} what an Error, or text */
export const problem = (what) => el("p", { class: "problem" }, foreign(what instanceof Error ? what.message : what));

const SIGNS = { succeeded: "✓", failed: "✕", blocked: "⊘", cancelled: "–", pruned: "✂", running: "▶", collecting: "⇣" };

/** @param {string} state */
export function badge(state) {
  const sign = /** @type {Record<string, string>} */ (SIGNS)[state] || "·";
  return el("span", { class: `state ${state}` }, el("span", { "aria-hidden": "true" }, sign), el("span", { class: "word" }, ` ${state}`));
}

/** @param {string[]} heads @param {Child[][]} rows @param {string} label */
export function table(heads, rows, label) {
  const head = el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text)));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, head), el("tbody", {}, body)));
}

/** How far a job that runs is, as a bar and words.  @param {any} progress */
export function howFar(progress) {
  if (!progress) return null;
  const { epoch, epochs, share, left_s: left, says } = progress;
  const words = [`epoch ${figure(epoch)}${epochs ? ` of ${figure(epochs)}` : ""}`, share !== null && `${Math.round(share * 100)} %`,
    left !== null && `about ${span(left)} left`, says].filter(Boolean).join(" · ");
  const bar = share === null ? null : el("progress", { max: 1, value: share, "aria-label": `${Math.round(share * 100)} % done` });
  return el("span", { class: "far" }, bar, bar && " ", foreign(words));
}

/** @param {string} text @param {() => void} act @param {Record<string, any>} [props] */
export const button = (text, act, props = {}) => el("button", { type: "button", onclick: act, ...props }, text);
