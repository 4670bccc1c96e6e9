/**
 * The connection: one WebSocket after another, with JSON objects on it.
 *
 *   connecting ──greeting──> open ──lost──> waiting ──time, or wake──> connecting ...
 *                                     └──close──> closed
 *
 * Must not know what the objects mean, but for `ping`, with which it finds out whether a silent
 * connection is a dead one.
 */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 20_000;
/** How long a connection may be silent before it's asked whether it lives. */
const SILENCE = 20_000;
/** How long it may take to answer that; to answer it to somebody who is back; to come up. */
const PATIENCE = 8_000;
const PATIENCE_ON_WAKING = 3_000;
const PATIENCE_AT_FIRST = 15_000;
const GLANCE = 1_000;
const PROBE = "probe";

/** @typedef {"connecting" | "open" | "waiting" | "closed"} Phase */

export class Wire {
  /** @type {Phase} */
  phase = "closed";
  /** When the next attempt is made, while it's waiting; milliseconds of Unix time. */
  next = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  #heardAt = 0;
  /** When it must have been answered that it lives; 0: it wasn't asked. */
  #deadline = 0;
  #failures = 0;
  #retry = 0;

  /**
   * @param {string} url
   * @param {(message: any) => void} heard called with each object
   * @param {() => void} changed called when `phase` is another
   */
  constructor(url, heard, changed) {
    this.url = url;
    this.heard = heard;
    this.changed = changed;
    setInterval(() => this.#watch(), GLANCE);
    window.addEventListener("online", () => this.wake());
    window.addEventListener("pageshow", () => this.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.wake();
    });
  }

  open() {
    clearTimeout(this.#retry);
    this.#drop();
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#heardAt = Date.now();
    this.#deadline = 0;
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heardAt = Date.now();
      this.#deadline = 0;
      const message = JSON.parse(data);
      if (message.is === "greeting") this.#become("open");
      if (message.id !== PROBE) this.heard(message);
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.again();
    });
    this.#become("connecting");
  }

  /** @param {object} command */
  send(command) {
    this.#socket?.send(JSON.stringify(command));
  }

  /** What was begun on this connection went well: the next loss is the first one. */
  settled() {
    this.#failures = 0;
  }

  /** Lose this connection, if it isn't lost, and make another after a while. @param {number} [least] ms */
  again(least = 0) {
    this.#drop();
    clearTimeout(this.#retry);
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
    const wait = Math.max(least, longest) * (0.5 + Math.random() / 2); // not all pages at once
    this.#failures += 1;
    this.next = Date.now() + wait;
    this.#retry = setTimeout(() => this.open(), wait);
    this.#become("waiting");
  }

  /** Make no other connection. */
  close() {
    clearTimeout(this.#retry);
    this.#drop();
    this.#become("closed");
  }

  /** The person, the network or the machine is back: look at once. */
  wake() {
    if (this.phase === "waiting") this.open();
    else if (this.phase === "open") this.#probe(PATIENCE_ON_WAKING);
  }

  #watch() {
    const now = Date.now();
    if (this.phase === "connecting" && now - this.#heardAt > PATIENCE_AT_FIRST) this.again();
    if (this.phase !== "open") return;
    if (this.#deadline && now > this.#deadline) this.again();
    else if (!this.#deadline && now - this.#heardAt > SILENCE) this.#probe(PATIENCE);
  }

  /** @param {number} patience */
  #probe(patience) {
    const deadline = Date.now() + patience;
    if (!this.#deadline) this.send({ do: "ping", id: PROBE });
    this.#deadline = this.#deadline ? Math.min(this.#deadline, deadline) : deadline;
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null; // so that nothing that it still says is heard
    socket?.close();
  }

  /** @param {Phase} phase */
  #become(phase) {
    if (phase === this.phase) return;
    this.phase = phase;
    this.changed();
  }
}
