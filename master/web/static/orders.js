// An order: what it would do is shown before it is given.
import { button, byId, count, el, foreign, problem, put } from "./dom.js";
import { post } from "./api.js";

const MOST = 12;

/** @param {string} verb @param {Record<string, any>} order @param {() => void} after */
export async function give(verb, order, after) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("dialog"));
  const say = (/** @type {any[]} */ ...parts) => put(dialog, el("h2", {}, verb), ...parts, button("close", () => dialog.close()));
  say(el("p", {}, "…"));
  dialog.showModal();
  try {
    const would = await post(`/api/orders/${verb}`, { order, dry_run: true });
    const why = /** @type {HTMLInputElement} */ (el("input", { id: "why", maxlength: 500, placeholder: "for who reads the journal later" }));
    const act = async () => {
      say(el("p", {}, "…"));
      try {
        say(...told(await post(`/api/orders/${verb}`, { order, why: why.value }), false));
        after();
      } catch (error) {
        say(problem(error));
      }
    };
    const n = would.done.length;
    say(...told(would, true), n ? el("label", { for: "why" }, "why ", why) : null,
      n ? button(`${verb} ${count(n)}`, act, { class: "act", id: "confirm" }) : null);
  } catch (error) {
    say(problem(error));
  }
}

/** @param {any} reply @param {boolean} would */
function told(reply, would) {
  return [
    ...lines(reply.done, would ? "would be done" : "done"),
    ...lines(reply.refused, "refused"),
    ...reply.notes.map((/** @type {string} */ text) => el("p", {}, foreign(text))),
  ];
}

/** @param {any[]} items @param {string} what */
function lines(items, what) {
  if (!items.length) return [];
  const rest = items.length - MOST;
  return [el("h3", {}, `${count(items.length)} ${what}`),
    el("ul", {}, items.slice(0, MOST).map((each) => el("li", {}, foreign(each.name, "name"), " ", foreign(each.says))),
      rest > 0 && el("li", {}, `and ${count(rest)} more`))];
}
