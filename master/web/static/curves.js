// The figures of a job over time, each in a chart of its own.
import { count, el, figure, foreign, problem, put } from "./dom.js";
import { get } from "./api.js";

const HEIGHT = 150;

/** What was drawn last of which job: charts are not made anew for what they show already. */
let drawn = { id: "", text: "" };

/** @param {Element} place @param {string} id of a job @param {() => boolean} isShown */
export async function show(place, id, isShown) {
  try {
    const told = await get("/api/curves", { id });
    if (!isShown()) return;
    const text = JSON.stringify(told);
    if (drawn.id === id && drawn.text === text && place.firstChild) return;
    drawn = { id, text };
    put(place, told.curves.length ? el("h3", {}, "Curves") : null, told.says && problem(told.says));
    const box = el("div", { class: "curves" });
    place.append(box);
    told.curves.forEach((/** @type {any} */ curve) => chart(box, curve, told.over));
    if (told.in_all > told.curves.length) place.append(el("p", {}, `and ${count(told.in_all - told.curves.length)} more`));
  } catch (error) {
    if (isShown()) put(place, problem(error));
  }
}

/** @param {Element} box @param {{name: string, x: number[], y: (number | null)[]}} curve @param {string} over */
function chart(box, curve, over) {
  const last = curve.y[curve.y.length - 1] ?? null;
  const place = el("div", { class: "curve", role: "img", "aria-label": `${curve.name} over ${curve.x.length} ${over}s, the last ${figure(last)}` },
    el("h4", {}, foreign(curve.name), " ", figure(last)));
  box.append(place);
  const uPlot = /** @type {any} */ (window).uPlot;
  if (!uPlot || curve.x.length < 2) return;
  const style = getComputedStyle(document.body);
  const axis = { stroke: style.getPropertyValue("--soft"), grid: { stroke: "#8883" }, ticks: { stroke: "#8883" }, font: "11px system-ui" };
  new uPlot({
    width: place.clientWidth || 300, height: HEIGHT, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false } }, axes: [axis, { ...axis, size: 56 }],
    series: [{}, { stroke: style.getPropertyValue("--accent"), width: 1.5, points: { show: curve.x.length < 20 } }],
  }, [curve.x, curve.y], place);
}
