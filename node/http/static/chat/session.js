/**
 * This person's session with the cluster: arriving, coming back, asking, saying.
 *
 *   greeting ─┬─ a token? ── resume ──> what was missed, done ──────────┐
 *             └─ none, or not known any more ── nick, join ── token ────┴──> here
 *
 * A line that was said is kept until it came back in its place in the order. If the connection is
 * lost meanwhile, then what came back after `resume` was accepted, and what didn't come was not and is
 * said again: nothing of the old connection is accepted any more (docs/json-protocol.md, "Coming
 * back"). Only of private messages, which don't come back, that can't be known.
 */

import { fold } from "./names.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./conversation.js").Outgoing} Outgoing */

/** What a command came to, if it wasn't done. */
export class Refused extends Error {
  /** @param {{code: string, says: string, about?: string}} error */
  constructor({ code, says, about = "" }) {
    super(says);
    this.code = code;
    this.about = about;
  }
}

const LOST = { code: "lost", says: "the connection was lost meanwhile; it is not known whether that was done" };
const OFFLINE = { code: "offline", says: "there is no connection just now; that was not done" };

/** Whether another connection is made after a closing, and how many ms later at least; null: not by itself. */
const AFTER = /** @type {Record<string, number | null>} */ ({
  quit: null,
  elsewhere: null,
  idle: null,
  kicked: null,
  banned: null,
  "broker-away": 1_500,
  connects: 20_000,
  connections: 20_000,
});

/** Kinds that are a final answer if they carry the id of a command; `resumed` is followed by one. */
const NO_ANSWER = new Set(["resumed"]);

export class Session {
  /** With which the session is taken up again. */
  token = "";
  /** Whether everything can be done: arrived, or come back. */
  here = false;
  /** Why the server closed the last connection; null: it was lost. @type {{code: string, says: string} | null} */
  closed = null;
  /** Whether the next connection is wanted by the person only. */
  over = false;
  /** Whether it has ever been here. */
  began = false;
  /** Whether the session before could not be taken up again. */
  expired = false;
  #ids = 0;
  #run = Math.random().toString(36).slice(2, 8);
  /** @type {Map<string, {done: (answer: any) => void, failed: (why: Refused) => void}>} */
  #asked = new Map();
  /** @type {Map<string, {to: Conversation, line: Outgoing}>} */
  #said = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {import("./wire.js").Wire} wire
   * @param {object} page
   * @param {() => Promise<void>} page.arrived brings somebody who comes anew to where they want to be
   * @param {() => void} page.settled somebody is here, and has all that they missed
   * @param {() => void} page.changed
   */
  constructor(store, wire, page) {
    this.store = store;
    this.wire = wire;
    this.page = page;
  }

  /** An object of the server's. @param {any} message */
  hear(message) {
    this.store.hear(message);
    if (message.is === "greeting") void this.#begin(message);
    if (message.is === "closing") this.#close(message);
    if (message.is === "notice") this.flush(); // perhaps the broker is back
    if (message.id === undefined || NO_ANSWER.has(message.is)) return;
    this.#answer(String(message.id), message);
    this.#settle(String(message.id), message);
  }

  /** The connection is another, or gone. */
  changed() {
    if (this.wire.phase !== "open") {
      this.here = false;
      const asked = [...this.#asked.values()];
      this.#asked.clear();
      for (const each of asked) each.failed(new Refused(LOST));
    }
    this.page.changed();
  }

  // -- asking

  /**
   * @param {object} command
   * @returns {Promise<any>} the answer
   * @throws {Refused}
   */
  ask(command) {
    return this.here ? this.#ask(command) : Promise.reject(new Refused(OFFLINE));
  }

  /** @param {object} command @returns {Promise<any>} */
  #ask(command) {
    const id = this.#newId();
    const answered = new Promise((done, failed) => this.#asked.set(id, { done, failed }));
    this.wire.send({ ...command, id });
    return answered;
  }

  /** Ask while arriving. @param {object} command @returns {Promise<any>} */
  askFirst(command) {
    return this.wire.phase === "open" ? this.#ask(command) : Promise.reject(new Refused(LOST));
  }

  #newId() {
    this.#ids += 1;
    return `${this.#run}-${this.#ids}`;
  }

  /** @param {string} id @param {any} message */
  #answer(id, message) {
    const asked = this.#asked.get(id);
    if (!asked) return;
    this.#asked.delete(id);
    if (message.is === "error") asked.failed(new Refused(message));
    else asked.done(message);
  }

  // -- saying

  /** @param {Conversation} to @param {string} text @param {boolean} [action] */
  say(to, text, action = false) {
    to.pending.push({ id: this.#newId(), text, action, fate: "waiting", why: "", at: Date.now() });
    to.fresh = "";
    this.flush();
    this.store.changed();
  }

  /** Say a line again that wasn't accepted, or of which it isn't known. @param {Conversation} to @param {string} id */
  sayAgain(to, id) {
    const line = to.outgoing(id);
    if (!line) return;
    to.discard(id);
    this.say(to, line.text, line.action);
  }

  /** Send what waits. */
  flush() {
    if (!this.here || this.store.brokerAway) return;
    for (const to of this.store.conversations.values()) {
      for (const line of to.pending) {
        if (line.fate !== "waiting") continue;
        line.fate = "sent";
        this.#said.set(line.id, { to, line });
        const { id, text, action } = line;
        if (to.isChannel) this.wire.send({ do: "say", id, channel: to.name, text, ...(action && { action }) });
        else this.wire.send({ do: "tell", id, nick: to.name, text: action ? `* ${text}` : text });
      }
    }
  }

  /** What became of a line. @param {string} id @param {any} message */
  #settle(id, message) {
    const said = this.#said.get(id);
    if (!said) return;
    this.#said.delete(id);
    const { to, line } = said;
    if (message.is === "error" && message.code === "broker-away" && this.store.brokerAway) {
      line.fate = "waiting"; // it wasn't done; it goes when the broker is back
    } else if (message.is === "error") {
      line.fate = message.code === "unsettled" ? "unsure" : "refused";
      line.why = message.says;
    } else if (to.isChannel) {
      line.fate = "accepted"; // it goes when it's back in its place
    } else {
      to.discard(id);
      this.store.told(to, line.text, line.action);
      if (message.is === "absent") {
        this.store.note(to, { text: `${message.nick} is away${message.why ? ` (${message.why})` : ""}.` });
      }
    }
    this.store.changed();
  }

  /** What was under way on the connection before, now that all that was accepted is here.
   * @param {boolean} known whether what isn't here wasn't accepted */
  #reckon(known) {
    this.#said.clear();
    for (const to of this.store.conversations.values()) {
      for (const line of to.pending) {
        if (line.fate === "sent" && known && to.isChannel) {
          line.fate = "waiting";
        } else if (line.fate === "sent" || line.fate === "accepted") {
          line.fate = "unsure";
          line.why = "The connection was lost: it is not known whether this was delivered";
        }
      }
    }
  }

  // -- arriving and coming back

  /** @param {any} greeting */
  async #begin(greeting) {
    this.closed = null;
    try {
      if (!this.token || !(await this.#resume())) await this.#arrive(greeting);
    } catch (why) {
      // a connection that was lost meanwhile is made anew in any case
      if (this.wire.phase === "open") this.wire.again(1_000);
      if (!(why instanceof Refused)) throw why;
      return;
    }
    this.here = true;
    this.began = true;
    this.wire.settled();
    for (const each of this.store.channels) each.askedAt = 0;
    this.flush();
    this.page.settled();
  }

  /** @returns {Promise<boolean>} whether the session goes on @throws {Refused} */
  async #resume() {
    const channels = this.store.channels.filter((each) => each.joined && each.place);
    const places = Object.fromEntries(channels.map((each) => [each.name, each.place]));
    try {
      await this.#ask({ do: "resume", token: this.token, places });
    } catch (why) {
      if (!(why instanceof Refused) || why.code !== "token-unknown") throw why;
      this.token = "";
      this.expired = true;
      return false;
    }
    this.#reckon(true);
    return true;
  }

  /** @param {any} greeting @throws {Refused} */
  async #arrive(greeting) {
    this.store.become(greeting);
    for (const each of this.store.channels) each.begin();
    await this.page.arrived();
    this.#reckon(false);
    const token = this.#ask({ do: "token" });
    void token.then((answer) => (this.token = answer.token), () => {}); // lost: the next time
  }

  /** @param {any} closing */
  #close({ code, says, token }) {
    this.closed = { code, says };
    if (token) this.token = token;
    const wait = code in AFTER ? AFTER[code] : 0;
    if (wait === null) {
      this.over = true;
      if (code === "quit") this.token = "";
      this.wire.close();
    } else {
      this.wire.again(wait);
    }
  }

  /** The person wants to be here again. */
  comeBack() {
    this.over = false;
    this.closed = null;
    this.wire.open();
  }

  /** Whether somebody is this person. @param {string} nick */
  is(nick) {
    return fold(nick) === fold(this.store.nick);
  }
}
