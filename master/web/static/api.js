// What the server is asked, and what it says by itself.

/** @param {string} path @param {Record<string, any>} [query] */
export async function get(path, query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) value.forEach((each) => words.append(name, each));
    else if (value !== "" && value !== null && value !== undefined) words.set(name, String(value));
  }
  return answered(await fetch(`${path}?${words}`, { credentials: "same-origin" }));
}

/** @param {string} path @param {unknown} body */
export async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  return answered(await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" }));
}

/** @param {Response} response */
async function answered(response) {
  const told = await response.json().catch(() => ({ error: `the server says ${response.status}` }));
  if (!response.ok) throw new Error(told.error || `the server says ${response.status}`);
  return told;
}

const PAUSES_S = [0.5, 1, 2, 5, 10];
const SILENCE_S = 25;
const POLL_S = 3;

/** Hears what changes; where there is no WebSocket, it asks again and again. */
export class Live {
  /** @param {(told: {seq: number, reload: boolean, rows: any[], moved: boolean}) => void} hear @param {(how: string) => void} status */
  constructor(hear, status) {
    this.hear = hear;
    this.status = status;
    this.since = 0;
    /** @type {string[]} */
    this.watched = [];
    /** The job whose log is followed, and who hears it.  @type {{id: string, hear: (log: any) => void} | null} */
    this.log = null;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.failures = 0;
    /** Since what was told last the connection was gone: what was asked for meanwhile has failed. */
    this.lost = false;
    this.hasMaster = false;
    this.heard = performance.now();
    setInterval(() => this.look(), POLL_S * 1000);
    // A tab that slept goes on from where it was.
    document.addEventListener("visibilitychange", () => document.hidden || this.look());
  }

  /** @param {string[]} ids */
  watch(ids) {
    this.watched = ids.slice(0, 300);
    this.say();
  }

  /** Hear the log of a job as it is written, of no other; null: of none.  @param {{id: string, hear: (log: any) => void} | null} log */
  follow(log) {
    this.log = log;
    if (this.isOpen()) this.say();
    else log?.hear({ how: "away", lines: [], rest: "", says: "" });
  }

  isOpen() {
    return this.socket !== null && this.socket.readyState === WebSocket.OPEN;
  }

  say() {
    if (this.isOpen()) this.socket?.send(JSON.stringify({ since: this.since, watch: this.watched, log: this.log?.id || "" }));
  }

  connect() {
    if (!("WebSocket" in window)) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}/ws`));
    socket.onopen = () => this.say();
    socket.onmessage = (message) => {
      this.failures = 0;
      const told = JSON.parse(message.data);
      if (told.type) return; // of trainings: told to all who have not asked for rows yet
      if (!told.log) this.take(told, "live");
      else if (told.log.id === this.log?.id) this.log?.hear(told.log);
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.lost = true;
      this.log?.hear({ how: "away", lines: [], rest: "", says: "" });
      const pause = PAUSES_S[Math.min(this.failures++, PAUSES_S.length - 1)];
      setTimeout(() => this.socket || this.connect(), pause * 1000);
    };
  }

  /** Ask where nothing has been heard for long. */
  async look() {
    const silent = performance.now() - this.heard > SILENCE_S * 1000;
    if (silent && this.socket) this.socket.close();
    if (this.isOpen() && !silent) return;
    try {
      this.take(await get("/api/changes", { since: this.since, watch: this.watched }), "asking");
    } catch (error) {
      this.lost = true;
      this.status("away");
    }
  }

  /** @param {{seq: number, reload: boolean, rows: any[], has_master: boolean, progress: Record<string, any>}} told @param {string} how */
  take(told, how) {
    this.heard = performance.now();
    const moved = this.lost || told.reload || told.has_master !== this.hasMaster || told.seq !== this.since || told.rows.length > 0;
    this.lost = false;
    this.since = told.seq;
    this.hasMaster = told.has_master;
    this.status(how);
    // Also without a transition: how far jobs are, and how busy the machines.
    if (moved || told.has_master) this.hear({ ...told, moved });
  }
}
