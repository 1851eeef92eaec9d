// The end of a job's log: as it is written where a master tells, else what came home.
import { ENDED, count, el, foreign, put } from "./dom.js";
import { get } from "./api.js";

const MOST = 1000;
const AGAIN_MS = 2000;

export class Log {
  /** @param {any} live @param {string} id */
  constructor(live, id) {
    this.live = live;
    this.id = id;
    /** What of the job was looked at last: a log is asked for anew where that has changed. */
    this.key = "";
    this.isClosed = false;
    this.isOver = false;
    this.note = el("p", { class: "logs" });
    this.view = el("pre", { class: "log", tabindex: 0, role: "region", "aria-label": "Log" });
    /** Pieces of the log, each a text node: a log is never markup.  @type {{node: Text, lines: number}[]} */
    this.pieces = [];
    this.rest = new Text("");
    this.lines = 0;
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
    if (this.live.log?.id === this.id) this.live.follow(null);
  }

  /** @param {any} job as it stands now */
  look(job) {
    const key = `${job.state} ${job.attempts}`;
    if (key === this.key || this.isClosed) return;
    this.key = key;
    this.isOver = ENDED.includes(job.state);
    if (this.isOver) this.ask();
    else this.follow();
  }

  follow() {
    this.live.follow({ id: this.id, hear: (/** @type {any} */ told) => this.hear(told) });
  }

  /** @param {any} told */
  hear(told) {
    if (this.isClosed || this.isOver) return;
    clearTimeout(this.timer);
    if (told.how === "away") {
      this.timer = setTimeout(() => this.ask(), this.lines ? AGAIN_MS : 0);
      return;
    }
    this.add(told.lines, told.rest, told.fresh);
    put(this.note, told.says ? foreign(told.says) : `try ${told.attempt}, ${told.how === "live" ? "as it is written" : "it has ended"}, ${this.length()}`);
  }

  /** Ask for the end of the log; where it may go on, and nobody else tells, again and again. */
  async ask() {
    clearTimeout(this.timer);
    try {
      const told = await get("/api/log", { id: this.id });
      if (this.isClosed) return;
      this.add(told.lines, "", true);
      put(this.note, told.says ? foreign(told.says) : `try ${told.attempt}${told.live ? ", live" : ""}${told.cut ? ", its end" : ""}, ${this.length()}`);
    } catch (error) {
      if (!this.isClosed) put(this.note, foreign(/** @type {Error} */ (error).message));
    }
    if (!this.isClosed && !this.isOver) this.timer = setTimeout(() => (this.live.isOpen() ? this.follow() : this.ask()), AGAIN_MS);
  }

  length() {
    return this.lines >= MOST ? `its last ${count(MOST)} lines` : `${count(this.lines)} ${this.lines === 1 ? "line" : "lines"}`;
  }

  /** @param {string[]} lines @param {string} rest what has not ended yet @param {boolean} fresh */
  add(lines, rest, fresh) {
    const text = lines.length ? `${lines.join("\n")}\n` : "";
    if (fresh && this.pieces.length === 1 && this.pieces[0].node.data === text && this.rest.data === rest) return;
    const { view } = this;
    const atEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - 30;
    if (fresh) {
      this.pieces = [];
      this.lines = 0;
      view.replaceChildren(this.rest);
    }
    if (lines.length) {
      const node = new Text(text);
      view.insertBefore(node, this.rest);
      this.pieces.push({ node, lines: lines.length });
      this.lines += lines.length;
    }
    while (this.pieces.length && this.lines - this.pieces[0].lines >= MOST) {
      this.lines -= this.pieces[0].lines;
      this.pieces.shift()?.node.remove();
    }
    this.rest.data = rest;
    if (atEnd) view.scrollTop = view.scrollHeight;
  }
}
