/**
 * One conversation: the lines of a channel, or with a person, that the page holds.
 *
 *   older lines <── lines: a window of the log, oldest first ──> pending: what isn't confirmed yet
 *
 * The window is bounded: at its end while the newest are read, later while somebody reads far up.
 */

import { fold, isChannel } from "./names.js";

export const WINDOW = 400;
export const WINDOW_WHILE_READING = 3000;

/**
 * @typedef {"said" | "action" | "joined" | "left" | "topic" | "renamed" | "quit" | "kicked" | "ruled" | "moved"} EventKind
 * @typedef {EventKind | "note" | "error" | "warn"} Kind the last three are for this person only
 *
 * @typedef {object} Line
 * @property {string} key the same for the same event, however often it comes
 * @property {Kind} kind
 * @property {number} at milliseconds of Unix time
 * @property {string} [nick] whose doing it is
 * @property {string} [target] whom it was done to
 * @property {string} [text] what was said, the new topic, the new nick, the changes of modes, or why
 *   somebody left
 * @property {string} [pos] its place in the log
 * @property {boolean} [mine]
 * @property {boolean} [mentions]
 * @property {[string, string][]} [rows] of a note that is a list: what, and what it is
 *
 * @typedef {"waiting" | "sent" | "accepted" | "refused" | "unsure"} Fate
 * @typedef {{id: string, text: string, action: boolean, fate: Fate, why: string, at: number}} Outgoing
 */

export class Conversation {
  /** @type {Line[]} */
  lines = [];
  /** @type {Outgoing[]} */
  pending = [];
  /** Who is there: the folded nick, and the nick as it's spelled. @type {Map<string, string>} */
  members = new Map();
  topic = "";
  /** Place of the last event that was seen. */
  place = "";
  unread = 0;
  /** Of the unread: those that call this person. */
  calls = 0;
  /** Key of the first line that wasn't read when the conversation was opened. */
  fresh = "";
  /** Whether there may be older lines. */
  older = false;
  loading = false;
  /** Whether this person is in the channel. */
  joined = false;
  /** What was typed and not sent. */
  draft = "";
  /** When the members were last asked for; milliseconds of Unix time. */
  askedAt = 0;
  /** @type {Set<string>} */
  #keys = new Set();
  /** Those of the lines that were here before this person came anew. @type {Set<string>} */
  #before = new Set();

  /** @param {string} name with its `#`, or a nick */
  constructor(name) {
    this.name = name;
    this.isChannel = isChannel(name);
    this.older = this.isChannel;
  }

  /** Whether the line with this key is here. @param {string} key */
  has(key) {
    return this.#keys.has(key);
  }

  /** Whether it was here before this person came anew. @param {string} key */
  had(key) {
    return this.#before.has(key);
  }

  /** Put a line behind the others. @param {Line} line @returns {boolean} whether it's new */
  add(line) {
    if (this.#keys.has(line.key)) return false;
    this.#keys.add(line.key);
    this.lines.push(line);
    return true;
  }

  /** Put lines before the others, in their order; those that are here already are left out.
   * @param {Line[]} lines */
  addOlder(lines) {
    const added = lines.filter((line) => !this.#keys.has(line.key));
    for (const line of added) this.#keys.add(line.key);
    this.lines.unshift(...added);
  }

  /** What stood at a place was taken back: there's a word about that instead.
   * @param {string} pos @param {string} text */
  takeBack(pos, text) {
    const seq = pos.split(".").at(-1);
    let gone = this.lines.findIndex((line) => line.pos === pos);
    // read under the name that the log has since another Redis keeps it
    if (gone < 0) gone = this.lines.findIndex((line) => line.pos?.split(".").at(-1) === seq);
    if (gone < 0) return;
    const { key, at } = this.lines[gone];
    this.#keys.add(`${key}-gone`);
    this.lines[gone] = { key: `${key}-gone`, kind: "note", at, text, pos };
  }

  /** Let go of the oldest lines. @param {number} most how many may stay */
  trim(most) {
    if (this.lines.length <= most) return;
    const gone = this.lines.splice(0, this.lines.length - most);
    for (const line of gone) this.#keys.delete(line.key);
    this.older ||= this.isChannel;
  }

  /** The place before which older lines are, or "" if nothing here has one. */
  get firstPlace() {
    return this.lines.find((line) => line.pos)?.pos ?? "";
  }

  /** An own line came back: whatever waited for it does so no more.
   * @param {string} text @param {boolean} action */
  confirm(text, action) {
    const same = this.pending.filter((each) => each.text === text && each.action === action);
    const line =
      same.find(({ fate }) => fate === "sent" || fate === "accepted") ??
      same.find(({ fate }) => fate === "unsure");
    if (line) this.discard(line.id);
  }

  /** @param {string} id */
  outgoing(id) {
    return this.pending.find((each) => each.id === id);
  }

  /** @param {string} id */
  discard(id) {
    this.pending = this.pending.filter((each) => each.id !== id);
  }

  /** Somebody comes anew: what was between the lines here and those to come isn't known. */
  begin() {
    this.lines = [];
    this.#before = this.#keys;
    this.#keys = new Set();
    this.place = "";
    this.fresh = "";
    this.older = true;
    this.joined = false;
    this.members.clear();
    this.read();
  }

  read() {
    this.unread = 0;
    this.calls = 0;
  }

  /** @param {string} nick */
  enter(nick) {
    this.members.set(fold(nick), nick);
  }

  /** @param {string} nick @returns {boolean} whether they were here */
  exit(nick) {
    return this.members.delete(fold(nick));
  }
}
