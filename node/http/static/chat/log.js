/** The open conversation's lines on the screen: kept in step with what the store has. */

import { WINDOW_WHILE_READING } from "./conversation.js";
import { foreign, found, make } from "./dom.js";
import { parts } from "./links.js";
import { hue } from "./names.js";
import { clock, dayName, dayOf, full } from "./times.js";

/** @typedef {import("./conversation.js").Line} Line */
/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {{shape: string, made: () => HTMLElement}} Wanted `shape` says all that decides how it looks */

/** Lines of one person within so many ms are shown under one name. */
const GROUP = 5 * 60_000;
/** How near to an end of the list, in pixels, somebody is there. */
const NEAR_END = 40;
const NEAR_BEGINNING = 300;

export class LogView {
  #scroller = found("scroller");
  #log = found("log");
  #pending = found("pending");
  #older = found("older");
  #latest = found("latest");
  /** @type {Conversation | null} */
  #shown = null;
  /** What is on the screen, by what decides how it looks. @type {Map<string, HTMLElement>} */
  #lines = new Map();
  /** @type {Map<string, HTMLElement>} */
  #outgoing = new Map();

  /**
   * @param {import("./store.js").Store} store
   * @param {{loadOlder: (of: Conversation) => void, sayAgain: (id: string) => void,
   *   discard: (id: string) => void, person: (nick: string) => void}} acts
   */
  constructor(store, acts) {
    this.store = store;
    this.acts = acts;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#latest.addEventListener("click", () => this.toEnd());
    new ResizeObserver(() => {
      if (this.store.reading) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    }).observe(this.#scroller);
  }

  /** Show the newest lines. */
  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#scrolled();
  }

  /** @param {number} pages */
  scroll(pages) {
    this.#scroller.scrollBy({ top: pages * this.#scroller.clientHeight * 0.85 });
  }

  render() {
    const conversation = this.store.current;
    const turned = conversation !== this.#shown;
    const anchor = turned || this.store.reading ? null : this.#anchor();
    this.#shown = conversation;
    if (turned) this.#hush();
    this.#fill(conversation);
    if (turned) this.#turn(conversation);
    else if (this.store.reading) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else if (anchor) this.#scroller.scrollTop += anchor.element.offsetTop - anchor.top;
    this.#scrolled();
  }

  /** Where a conversation is begun to be read: at the first line that's new, or at the end.
   * @param {Conversation | null} conversation */
  #turn(conversation) {
    this.store.reading = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    const fresh = this.#log.querySelector(".fresh");
    if (conversation && fresh && fresh.offsetTop < this.#scroller.scrollTop) {
      this.#scroller.scrollTop = fresh.offsetTop - 60;
    }
  }

  /** The first line that's seen, which stays where it is whatever comes above it. */
  #anchor() {
    const top = this.#scroller.scrollTop;
    for (const element of this.#log.children) {
      if (element.offsetTop + element.offsetHeight > top && element.dataset.line) {
        return { element, top: element.offsetTop };
      }
    }
    return null;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroller;
    const conversation = this.#shown;
    const reading = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (reading !== this.store.reading) {
      this.store.reading = reading;
      this.store.changed();
    }
    this.#latest.hidden = reading;
    this.#latest.textContent = conversation?.unread ? `${conversation.unread} new ↓` : "To the newest ↓";
    const more = conversation?.older && !conversation.loading;
    if (more && scrollTop < NEAR_BEGINNING && conversation.lines.length < WINDOW_WHILE_READING) {
      this.#hush();
      this.acts.loadOlder(conversation);
    }
  }

  /** What is put in now isn't new, so a screen reader needn't read it. */
  #hush() {
    this.#log.setAttribute("aria-live", "off");
    setTimeout(() => this.#log.setAttribute("aria-live", "polite"), 300);
  }

  /** @param {Conversation | null} conversation */
  #fill(conversation) {
    this.#older.textContent = conversation ? aboutOlder(conversation) : "";
    const lines = conversation ? this.#wanted(conversation) : [];
    this.#lines = arrange(this.#log, this.#lines, lines);
    const pending = (conversation?.pending ?? []).map((line) => {
      return { shape: `${line.id} ${line.fate} ${line.why}`, made: () => this.#unconfirmed(line) };
    });
    this.#outgoing = arrange(this.#pending, this.#outgoing, pending);
  }

  /** What should be on the screen. @param {Conversation} conversation */
  #wanted(conversation) {
    /** @type {Wanted[]} */
    const wanted = [];
    const now = Date.now();
    /** @type {Line | null} */
    let before = null;
    for (const line of conversation.lines) {
      if (!before || dayOf(before.at) !== dayOf(line.at)) {
        const name = dayName(line.at, now);
        wanted.push({ shape: `day ${dayOf(line.at)} ${line.key} ${name}`, made: () => separator("day", name) });
        before = null;
      }
      if (line.key === conversation.fresh) {
        wanted.push({ shape: `fresh ${line.key}`, made: () => separator("fresh", "New") });
        before = null;
      }
      const first = !isSpoken(line) || !before || !sameBreath(before, line);
      wanted.push({
        shape: `${conversation.name} ${line.key} ${first}`,
        made: () => this.#entry(line, first),
      });
      before = line;
    }
    return wanted;
  }

  /** @param {Line} line @param {boolean} first whether it's the first of several of one person */
  #entry(line, first) {
    const made = isSpoken(line) ? this.#spoken(line, first) : (SENTENCES[line.kind] ?? note)(line);
    made.dataset.line = line.key;
    return made;
  }

  /** @param {Line} line @param {boolean} first */
  #spoken(line, first) {
    const nick = line.nick ?? "";
    const entry = make("div.entry");
    entry.classList.toggle("first", first);
    entry.classList.toggle("mentions", Boolean(line.mentions));
    entry.classList.toggle("mine", Boolean(line.mine));
    entry.classList.toggle("action", line.kind === "action");
    const when = make("time", { datetime: new Date(line.at).toISOString(), title: full(line.at) }, clock(line.at));
    const text = foreign("div", ...linked(line.text ?? ""));
    text.classList.add("text");
    if (line.kind === "action") text.prepend(`${nick} `);
    if (!first) {
      entry.append(when, make("span.visually-hidden", {}, `${nick}: `), text);
      return entry;
    }
    const name = make(`button.nick.hue-${hue(nick)}`, { type: "button", click: () => this.acts.person(nick) }, make("bdi", {}, nick));
    entry.append(face(nick), make("div.who", {}, name, when), text);
    return entry;
  }

  /** A line that isn't confirmed. @param {import("./conversation.js").Outgoing} line */
  #unconfirmed(line) {
    const { id, fate } = line;
    const text = foreign("div", line.text);
    text.classList.add("text");
    const entry = make("div.entry", {}, text);
    entry.dataset.fate = fate;
    const settled = fate === "refused" || fate === "unsure";
    entry.classList.toggle("unsure", settled);
    const says = settled ? line.why : fate === "waiting" ? "Will be sent as soon as that's possible" : "";
    const holds = [make("span", {}, says)];
    if (settled) {
      holds.push(
        make("button", { type: "button", click: () => this.acts.sayAgain(id) }, "Send again"),
        make("button", { type: "button", click: () => this.acts.discard(id) }, "Discard"),
      );
    }
    if (says) entry.append(make("div.fate", {}, ...holds));
    return entry;
  }
}

/**
 * Make the children of an element what's wanted; whatever is there already stays what and, if it can,
 * where it is.
 *
 * @param {HTMLElement} parent
 * @param {Map<string, HTMLElement>} there its children, by shape
 * @param {Wanted[]} wanted
 * @returns {Map<string, HTMLElement>} its children now
 */
function arrange(parent, there, wanted) {
  /** @type {Map<string, HTMLElement>} */
  const elements = new Map();
  for (const { shape, made } of wanted) elements.set(shape, there.get(shape) ?? made());
  for (const [shape, element] of there) if (!elements.has(shape)) element.remove();
  let next = parent.firstElementChild;
  for (const element of elements.values()) {
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  return elements;
}

/** The sign of a person; its letter is no text, so that it's neither read nor copied. @param {string} nick */
export function face(nick) {
  const letter = /[\p{L}\p{N}]/u.exec(nick)?.[0] ?? nick.charAt(0);
  return make(`span.face.hue-${hue(nick)}`, { "aria-hidden": "true", "data-letter": letter });
}

/** A text with its links. @param {string} text */
export function linked(text) {
  return parts(text).map((part) =>
    part.href
      ? make("a", { href: part.href, target: "_blank", rel: "noopener noreferrer nofollow" }, part.text)
      : part.text,
  );
}

/** @param {string} kind @param {string} name */
function separator(kind, name) {
  return make(`div.${kind}`, { role: "separator", "aria-label": name }, make("span", {}, name));
}

/** @param {Line} line */
const isSpoken = (line) => line.kind === "said" || line.kind === "action";

/** @param {Line} before @param {Line} line */
const sameBreath = (before, line) =>
  isSpoken(before) && before.nick === line.nick && line.kind === "said" &&
  before.kind === "said" && line.at - before.at < GROUP;

/** @param {Conversation} conversation */
function aboutOlder(conversation) {
  if (!conversation.isChannel || !conversation.joined) return "";
  if (conversation.loading) return "Loading older lines …";
  if (!conversation.older) return `This is the beginning of what is kept of ${conversation.name}.`;
  return conversation.lines.length < WINDOW_WHILE_READING ? "" : "This page shows no older lines than these.";
}

const SENTENCES = /** @type {Record<string, (line: Line) => HTMLElement>} */ ({
  joined: (line) => happened(line, " came in"),
  left: (line) => happened(line, " left", because(line)),
  quit: (line) => happened(line, " quit", because(line)),
  renamed: (line) => happened(line, " is called ", name(line.text ?? ""), " now"),
  kicked: (line) => happened(line, " took ", name(line.target ?? ""), " out of the channel", because(line)),
  ruled: (line) => happened(line, " changed the modes: ", foreign("span", line.text ?? "")),
  moved: (line) => happened(line, " renamed the channel to ", foreign("span", line.text ?? "")),
  topic: (line) => happened(line, " set the topic: ", foreign("span", ...linked(line.text ?? ""))),
});

/** What somebody did. @param {Line} line @param {...(Node | string)} what */
function happened(line, ...what) {
  const when = { datetime: new Date(line.at).toISOString(), title: full(line.at) };
  return make("div.event", {}, name(line.nick ?? ""), ...what, " ", make("time", when, clock(line.at)));
}

/** @param {string} nick */
const name = (nick) => make("bdi", {}, nick);

/** @param {Line} line */
const because = (line) => (line.text ? foreign("span", ` (${line.text})`) : "");

/** Something for this person only. @param {Line} line */
function note(line) {
  const inner = make("div.inner", {}, foreign("div", line.text ?? ""));
  if (line.rows?.length) {
    const rows = line.rows.flatMap(([what, is]) => [foreign("dt", what), foreign("dd", is)]);
    inner.append(make("dl", {}, ...rows));
  }
  const made = make("div.note", {}, inner);
  made.classList.add(line.kind);
  return made;
}
