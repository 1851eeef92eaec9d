// The screen "time line": which slot ran what, drawn by ourselves, and the last lines of the journal.
import { badge, button, clock, count, el, foreign, problem, put, span, table } from "./dom.js";
import { get } from "./api.js";

const ROW = 22;
const NAMES = 150;
const FOOT = 22;
const LEAST_PX = 2;
const LINES = 50;
const COLOURS = { succeeded: "--good", failed: "--bad", again: "--warn", cancelled: "--soft", pruned: "--soft", running: "--run" };
const WORDS = { succeeded: "succeeded", failed: "failed", again: "tried again elsewhere or later", cancelled: "cancelled", pruned: "pruned", running: "runs" };
const AGAIN_MS = 3000;

/** The time line as it is shown now; null on other screens.  @type {TimeLine | null} */
let shown = null;

/** @param {HTMLElement} main @param {any} page */
export async function show(main, page) {
  shown = new TimeLine(main, page);
  await shown.load();
  await shown.lines();
}

export function leave() {
  shown?.leave();
  shown = null;
}

/** What has changed may be seen: but not for each change. */
export function changed() {
  shown?.changed();
}

class TimeLine {
  /** @param {HTMLElement} main @param {any} page */
  constructor(main, page) {
    this.page = page;
    /** @type {{since: number, until: number} | null} null: all of it, until now */
    this.window = null;
    this.offset = 0;
    /** @type {any} */
    this.told = null;
    /** @type {{x: number, width: number, y: number, piece: any[], worker: string}[]} */
    this.places = [];
    this.cursor = -1;
    this.width = 0;
    /** Before which transition lines are shown; 0: the latest. */
    this.earlier = 0;
    this.canvas = /** @type {HTMLCanvasElement} */ (el("canvas", {
      tabindex: 0, role: "img", class: "slots",
      onpointermove: (/** @type {PointerEvent} */ e) => this.point(e), onpointerleave: () => this.tell(null),
      onclick: (/** @type {PointerEvent} */ e) => this.open(this.at(e)), onkeydown: (/** @type {KeyboardEvent} */ e) => this.key(e),
    }));
    this.says = el("p", { class: "summary", role: "status" });
    this.journal = el("section", { "aria-label": "Journal" });
    this.more = el("span", {});
    this.watcher = new ResizeObserver(() => this.resized());
    const legend = el("p", { class: "legend" }, Object.entries(WORDS).map(([how, text]) => el("span", {}, el("i", { class: `key ${how}` }), ` ${text}`)));
    const step = (/** @type {string} */ text, /** @type {number} */ move, /** @type {number} */ zoom, /** @type {string} */ label) =>
      button(text, () => this.go(move, zoom), { "aria-label": label });
    put(main, el("p", { class: "actions" }, step("←", -0.5, 1, "earlier"), step("→", 0.5, 1, "later"), step("+", 0, 0.5, "closer"), step("−", 0, 2, "wider"),
      button("all", () => { this.window = null; this.load(); }), this.more),
    legend, this.canvas, this.says, this.journal);
    this.watcher.observe(this.canvas);
  }

  leave() {
    this.watcher.disconnect();
    clearTimeout(this.timer);
  }

  resized() {
    if (this.told && this.canvas.clientWidth !== this.width) this.draw();
  }

  changed() {
    if (this.timer) return;
    this.timer = setTimeout(async () => {
      this.timer = undefined;
      if (shown !== this) return;
      await this.load();
      if (!this.earlier) await this.lines();
    }, AGAIN_MS);
  }

  /** @param {number} move in widths of the window @param {number} zoom */
  go(move, zoom) {
    if (!this.told) return;
    const { since, until, begin, end } = this.told;
    const width = Math.min((until - since) * zoom, (end - begin) * 1.05);
    const middle = Math.min(Math.max((since + until) / 2 + move * (until - since), begin), end);
    this.window = { since: Math.max(0, middle - width / 2), until: middle + width / 2 };
    this.load();
  }

  async load() {
    const steps = Math.max(10, Math.min(800, Math.floor((this.canvas.clientWidth - NAMES) / LEAST_PX) || 400));
    try {
      this.told = await get("/api/timeline", { ...this.window, steps, offset: this.offset });
    } catch (error) {
      put(this.says, problem(error));
      return;
    }
    const { lanes, offset, rows } = this.told;
    const page = (/** @type {number} */ to) => () => { this.offset = to; this.load(); };
    put(this.more, lanes > rows.length && [` slots ${count(offset + 1)} to ${count(offset + rows.length)} of ${count(lanes)} `,
      button("before", page(Math.max(0, offset - 40)), { disabled: offset === 0 }), " ",
      button("after", page(offset + 40), { disabled: offset + rows.length >= lanes })]);
    this.draw();
  }

  draw() {
    const { canvas, told } = this;
    const ratio = devicePixelRatio || 1;
    const height = Math.max(1, told.rows.length) * ROW + FOOT;
    canvas.style.height = `${height}px`;
    this.width = canvas.clientWidth;
    canvas.width = this.width * ratio;
    canvas.height = height * ratio;
    const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const style = getComputedStyle(document.body);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
    const names = Math.min(NAMES, this.width / 3);
    const left = (/** @type {number} */ at) => names + ((at - told.since) / (told.until - told.since)) * (this.width - names);
    ink.scale(ratio, ratio);
    ink.font = `12px ${style.fontFamily}`;
    ink.textBaseline = "middle";
    this.places = [];
    told.rows.forEach((/** @type {any} */ row, /** @type {number} */ n) => {
      const y = n * ROW;
      ink.fillStyle = colour("--ink");
      ink.fillText(fitting(ink, row.lane === 1 ? row.worker : "", names - 24), 0, y + ROW / 2);
      ink.fillStyle = colour("--soft");
      ink.fillText(String(row.lane), names - 20, y + ROW / 2);
      ink.fillStyle = colour("--raised");
      ink.fillRect(names, y + 2, this.width - names, ROW - 4);
      for (const piece of row.pieces) {
        const x = Math.max(names, left(piece[0]));
        const width = Math.max(LEAST_PX, Math.min(this.width, left(piece[1] === null ? told.now : piece[1])) - x - 0.5);
        const bad = piece[2] === "failed";
        ink.fillStyle = colour(/** @type {any} */ (COLOURS)[piece[2]]);
        ink.fillRect(x, y + (bad ? 2 : 4), width, bad ? ROW - 4 : ROW - 8);
        this.places.push({ x, width, y, piece, worker: row.worker });
      }
    });
    this.foot(ink, colour("--soft"), names, height);
    const runs = this.places.filter(({ piece }) => piece[2] === "running").length;
    canvas.setAttribute("aria-label", `${count(told.lanes)} slots from ${clock(told.since)} to ${clock(told.until)}; ${count(runs)} of those shown run a job now. Arrows move from job to job, Enter opens one.`);
    if (!told.lanes) put(this.says, "Nothing has been started yet.");
  }

  /** @param {CanvasRenderingContext2D} ink @param {string} colour @param {number} names @param {number} height */
  foot(ink, colour, names, height) {
    const { since, until } = this.told;
    const ticks = Math.max(2, Math.min(6, Math.floor((this.width - names) / 130)));
    ink.fillStyle = colour;
    for (let n = 0; n < ticks; n++) {
      const share = n / (ticks - 1);
      ink.textAlign = n === 0 ? "left" : n === ticks - 1 ? "right" : "center";
      ink.fillText(clock(since + share * (until - since)), names + share * (this.width - names), height - FOOT / 2);
    }
    ink.textAlign = "left";
  }

  /** @param {PointerEvent} event */
  at(event) {
    const { offsetX: x, offsetY: y } = event;
    return this.places.find((each) => y >= each.y && y < each.y + ROW && x >= each.x - 1 && x <= each.x + each.width + 1) || null;
  }

  /** @param {PointerEvent} event */
  point(event) {
    const place = this.at(event);
    this.canvas.style.cursor = place && place.piece.length === 5 ? "pointer" : "default";
    this.tell(place);
  }

  /** @param {any} place */
  tell(place) {
    if (!place) return put(this.says, "");
    const [start, end, how, what, attempt] = place.piece;
    const took = span((end === null ? this.told.now : end) - start);
    const words = attempt === undefined ? `${count(what)} tries in ${took}: closer tells them apart` : [foreign(what), ` try ${attempt}, ${WORDS[/** @type {keyof typeof WORDS} */ (how)]}, ${took} from ${clock(start)}`];
    return put(this.says, words, " on ", foreign(place.worker));
  }

  /** @param {any} place */
  open(place) {
    if (!place) return;
    if (place.piece.length === 5) this.page.open(place.piece[3]);
    else {
      const [start, end] = place.piece;
      this.window = { since: start, until: Math.max(end, start + 0.1) };
      this.load();
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    const step = /** @type {Record<string, number>} */ (steps)[event.key];
    const row = this.places[this.cursor]?.y;
    if (step !== undefined) this.cursor = Math.min(Math.max(0, this.cursor + step), this.places.length - 1);
    else if (event.key === "ArrowDown") this.cursor = Math.max(this.cursor, this.places.findIndex((each) => each.y > (row ?? -1)));
    else if (event.key === "ArrowUp") this.cursor = Math.max(0, this.places.findLastIndex((each) => each.y < (row ?? Infinity)));
    else if (event.key === "Enter") this.open(this.places[this.cursor]);
    else if (event.key === "+" || event.key === "-") this.go(0, event.key === "+" ? 0.5 : 2);
    else return;
    event.preventDefault();
    this.draw();
    const place = this.places[this.cursor];
    if (!place) return;
    const ink = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    ink.strokeStyle = getComputedStyle(document.body).getPropertyValue("--ink");
    ink.lineWidth = 2;
    ink.strokeRect(place.x - 1, place.y + 1, place.width + 2, ROW - 2);
    this.tell(place);
  }

  /** @param {number} [before] */
  async lines(before) {
    try {
      const { lines } = await get("/api/journal", { before, limit: LINES });
      const rows = lines.map((/** @type {any} */ each) =>
        [clock(each.at), this.page.jobLink(each.job), each.what, badge(each.state), each.attempt, foreign(each.worker), foreign(each.note, "says")]);
      put(this.journal, el("h2", {}, before ? "Journal, earlier" : "Journal, the latest first"),
        table(["When", "Job", "What", "State", "Try", "Worker", "Note"], rows, "Journal"),
        el("p", { class: "actions" },
          before && button("the latest", () => { this.earlier = 0; this.lines(); }),
          lines.length === LINES && button("earlier", () => { this.earlier = lines[lines.length - 1].seq; this.lines(this.earlier); })));
    } catch (error) {
      put(this.journal, problem(error));
    }
  }
}

/** @param {CanvasRenderingContext2D} ink @param {string} text @param {number} room */
function fitting(ink, text, room) {
  let kept = text;
  while (kept && ink.measureText(kept).width > room) kept = kept.slice(0, -1);
  return kept === text ? text : `${kept.slice(0, -1)}…`;
}
