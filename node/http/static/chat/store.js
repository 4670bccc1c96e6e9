/**
 * What the page knows: this person, their conversations, who is where. It changes by what the server
 * says (docs/json-protocol.md), a row of `HEARD` for each kind of message, and by what the person
 * does; each change is told once. It knows neither the connection nor the screen.
 */

import { Conversation, WINDOW, WINDOW_WHILE_READING } from "./conversation.js";
import { fold, mentions } from "./names.js";

/**
 * @typedef {import("./conversation.js").Line} Line
 * @typedef {import("./conversation.js").Kind} Kind
 * @typedef {{title: string, body: string, conversation: Conversation}} Call
 */

export class Store {
  server = "chorus";
  lobby = "";
  nick = "";
  sid = "";
  /** Every sid that this tab has had: lines of these are its own. @type {Set<string>} */
  sids = new Set();
  /** Why this person is away; null: they aren't. @type {string | null} */
  away = null;
  /** Those of whom it's known that they are away, folded, and why. @type {Map<string, string>} */
  absent = new Map();
  /** Where channels, folded, sent this person on to. @type {Map<string, string>} */
  forwards = new Map();
  brokerAway = false;
  /** By folded name, in the order in which they came. @type {Map<string, Conversation>} */
  conversations = new Map();
  /** The one that's open. @type {Conversation | null} */
  current = null;
  /** Whether the person sees the end of the open conversation. */
  reading = true;
  #local = 0;

  /**
   * @param {object} page
   * @param {() => void} page.changed
   * @param {(call: Call) => void} page.called somebody speaks to or of this person
   * @param {() => boolean} page.isSeen whether the person sees the page
   */
  constructor({ changed, called, isSeen }) {
    this.changed = changed;
    this.called = called;
    this.isSeen = isSeen;
  }

  // -- conversations

  get channels() {
    return [...this.conversations.values()].filter((each) => each.isChannel).sort(byName);
  }

  get persons() {
    return [...this.conversations.values()].filter((each) => !each.isChannel);
  }

  /** @param {string} name */
  find(name) {
    return this.conversations.get(fold(name));
  }

  /** The conversation of this name, made if need be. @param {string} name */
  conversation(name) {
    let found = this.find(name);
    if (!found) {
      found = new Conversation(name);
      this.conversations.set(fold(name), found);
    }
    return found;
  }

  /** @param {Conversation} conversation */
  open(conversation) {
    if (conversation === this.current) return;
    if (this.current) {
      this.current.fresh = "";
      this.current.trim(WINDOW);
    }
    this.current = conversation;
    if (!conversation.unread) conversation.fresh = "";
    this.changed();
  }

  /** @param {Conversation} conversation */
  forget(conversation) {
    this.conversations.delete(fold(conversation.name));
    if (this.current === conversation) {
      this.current = null;
      const next = this.channels.at(0) ?? this.persons.at(0);
      if (next) this.open(next);
    }
    this.changed();
  }

  /** The person has seen what there is of the open conversation. */
  read() {
    if (!this.current?.unread) return;
    this.current.read();
    this.changed();
  }

  get calls() {
    return [...this.conversations.values()].reduce((sum, each) => sum + each.calls, 0);
  }

  get unread() {
    return [...this.conversations.values()].some((each) => each.unread > 0);
  }

  /** Say something to this person only. @param {Conversation} where @param {Partial<Line>} line */
  note(where, line) {
    this.#local += 1;
    const note = { key: `note-${this.#local}-${Date.now()}`, kind: /** @type {Kind} */ ("note") };
    this.#put(where, { ...note, at: Date.now(), ...line });
    this.changed();
  }

  /** Give up a line that waits. @param {Conversation} where @param {string} id */
  discard(where, id) {
    where.discard(id);
    this.changed();
  }

  /** A private message of this person's own was accepted. @param {Conversation} with_ @param {string} text @param {boolean} action */
  told(with_, text, action) {
    this.note(with_, { kind: action ? "action" : "said", nick: this.nick, text, mine: true });
  }

  // -- what the server says

  /** @param {any} message */
  hear(message) {
    const row = HEARD[/** @type {keyof typeof HEARD} */ (message.is)];
    if (!row) return;
    row(this, message);
    this.changed();
  }

  /** @param {any} greeting */
  become(greeting) {
    this.nick = greeting.nick;
    this.sid = greeting.sid;
    this.sids.add(greeting.sid);
    this.changed();
  }

  /** An event as a line. @param {any} event @returns {Line} */
  line(event) {
    const mine = this.sids.has(event.sid);
    const changes = event.changes && written(event.changes);
    const text = event.text ?? event.topic ?? event.new ?? changes ?? event.why ?? "";
    return {
      key: keyOf(event),
      kind: KINDS[/** @type {keyof typeof KINDS} */ (event.is)] ?? (event.action ? "action" : "said"),
      at: event.at,
      nick: event.nick,
      target: event.target,
      text,
      pos: event.pos,
      mine,
      mentions: event.is === "said" && !mine && mentions(text, this.nick),
    };
  }

  /** A line comes at the end of a conversation. @param {Conversation} where @param {Line} line */
  #put(where, line) {
    if (!where.add(line)) return false;
    const reading = where === this.current && this.reading && this.isSeen();
    where.trim(where === this.current && !this.reading ? WINDOW_WHILE_READING : WINDOW);
    if (line.mine) where.fresh = "";
    if (!line.mine && (line.kind === "said" || line.kind === "action")) {
      if (!where.unread && !reading) where.fresh = line.key;
      const calls = line.mentions || !where.isChannel;
      if (!reading) {
        where.unread += 1;
        where.calls += calls ? 1 : 0;
      }
      if (calls) {
        const title = where.isChannel ? `${line.nick} in ${where.name}` : `${line.nick}`;
        this.called({ title, body: line.text ?? "", conversation: where });
      }
    }
    return true;
  }

  /** An event of a channel. @param {any} event */
  event(event) {
    const where = this.conversation(event.channel);
    where.place = event.pos;
    const line = this.line(event);
    if (line.mine && event.is === "said") where.confirm(event.text, Boolean(event.action));
    this.#put(where, line);
    return where;
  }

  /** A private message. @param {any} event */
  private(event) {
    this.#put(this.conversation(event.nick), this.line(event));
    const persons = this.persons;
    if (persons.length > PERSONS) this.forget(persons.find((each) => each !== this.current) ?? persons[0]);
  }

  /** What concerns somebody everywhere: a line in each channel where they are.
   * @param {any} event @param {(where: Conversation) => boolean} change whether they are there */
  everywhere(event, change) {
    const line = this.line(event);
    if (event.channel) this.conversation(event.channel).place = event.pos;
    for (const where of this.channels) {
      const own = event.channel && fold(event.channel) === fold(where.name);
      if (!change(where)) continue;
      this.#put(where, own ? line : { ...line, pos: undefined });
    }
  }

  /** Older lines than those that are here. @param {Conversation} where @param {any[]} entries */
  older(where, entries) {
    where.addOlder(entries.map((each) => this.line(each)));
  }
}

/** How many private conversations are held. */
const PERSONS = 200;

const KINDS = {
  joined: /** @type {Kind} */ ("joined"),
  left: /** @type {Kind} */ ("left"),
  topic: /** @type {Kind} */ ("topic"),
  renamed: /** @type {Kind} */ ("renamed"),
  quit: /** @type {Kind} */ ("quit"),
  kicked: /** @type {Kind} */ ("kicked"),
  ruled: /** @type {Kind} */ ("ruled"),
  moved: /** @type {Kind} */ ("moved"),
};

/** @type {Record<string, (store: Store, message: any) => void>} */
const HEARD = {
  greeting(store, { server, lobby }) {
    store.server = server;
    store.lobby = lobby ?? "";
    store.brokerAway = false;
  },
  said: (store, event) => void store.event(event),
  told: (store, event) => store.private(event),
  redacted(store, event) {
    const where = event.channel ? store.conversation(event.channel) : store.find(event.nick);
    if (event.channel && where) where.place = event.pos;
    const why = event.why ? ` (${event.why})` : "";
    where?.takeBack(event.what, `${event.nick} has taken this back${why}`);
  },
  joined(store, event) {
    const where = store.event(event);
    where.enter(event.nick);
    if (event.sid === store.sid) where.joined = true;
  },
  left(store, event) {
    const where = store.event(event);
    where.exit(event.nick);
    if (event.sid === store.sid) where.joined = false;
  },
  kicked(store, event) {
    const where = store.event(event);
    where.exit(event.target);
    if (event.target_sid === store.sid) where.joined = false;
  },
  ruled: (store, event) => void store.event(event),
  moved(store, event) {
    const where = store.event(event);
    store.conversations.delete(fold(event.channel));
    where.name = event.new;
    store.conversations.set(fold(event.new), where);
  },
  invited(store, { nick, channel }) {
    if (store.current) store.note(store.current, { text: `${nick} invites you: /join ${channel}` });
  },
  topic(store, event) {
    store.event(event).topic = event.topic;
  },
  renamed(store, event) {
    const own = event.sid === store.sid;
    if (own) store.nick = event.new;
    const known = event.pos ? event : { ...event, pos: `me.${Date.now()}`, at: Date.now() };
    store.everywhere(known, (where) => {
      if (!where.exit(event.nick)) return false;
      where.enter(event.new);
      return true;
    });
    const talk = store.find(event.nick);
    if (talk && !own && !store.find(event.new)) {
      store.conversations.delete(fold(event.nick));
      talk.name = event.new;
      store.conversations.set(fold(event.new), talk);
      store.note(talk, { kind: "renamed", nick: event.nick, text: event.new });
    }
    const why = store.absent.get(fold(event.nick));
    store.absent.delete(fold(event.nick));
    if (why !== undefined) store.absent.set(fold(event.new), why);
  },
  quit(store, event) {
    store.everywhere(event, (where) => where.exit(event.nick));
    store.absent.delete(fold(event.nick));
  },
  welcome(store, { channel, pos, nicks, topic, history }) {
    const where = store.conversation(channel);
    where.joined = true;
    where.topic = topic?.text ?? "";
    where.place ||= pos;
    where.members = new Map(nicks.map((/** @type {string} */ nick) => [fold(nick), nick]));
    for (const each of history) {
      // said on a connection that was lost, in a session that couldn't be taken up again
      const own = store.sids.has(each.sid) && !where.had(keyOf(each));
      if (own) where.confirm(each.text, Boolean(each.action));
    }
    store.older(where, history);
  },
  forwarded: (store, { channel, forward }) => void store.forwards.set(fold(channel), forward),
  names(store, { channel, nicks }) {
    const where = store.find(channel);
    if (where) where.members = new Map(nicks.map((/** @type {string} */ nick) => [fold(nick), nick]));
  },
  "topic-is": (store, { channel, topic }) => {
    const where = store.find(channel);
    if (where) where.topic = topic?.text ?? "";
  },
  past(store, { entries }) {
    for (const event of entries) store.hear(event);
  },
  away(store, { why }) {
    store.away = why ?? "";
  },
  back(store) {
    store.away = null;
  },
  absent: (store, { nick, why }) => void store.absent.set(fold(nick), why ?? ""),
  person(store, { nick, away }) {
    if (away === undefined) store.absent.delete(fold(nick));
    else store.absent.set(fold(nick), away);
  },
  resumed(store, { nick, sid, channels }) {
    store.become({ nick, sid });
    for (const channel of channels) store.conversation(channel).joined = true;
  },
  gap: (store, { channel, says }) => warn(store, channel, `A gap: ${says}.`),
  disorder: (store, { channel, says }) => warn(store, channel, `Perhaps in another order: ${says}.`),
  notice(store, { code, about, says }) {
    if (code === "broker-away") store.brokerAway = true;
    else if (code === "broker-back") store.brokerAway = false;
    else warn(store, undefined, sentence(says));
    if (code === "nick-lost") store.nick = about;
    if (code === "channel-lost") store.conversation(about).joined = false;
    if (code === "cut-off") for (const each of store.channels) each.askedAt = 0;
  },
};

/** @param {Store} store @param {string | undefined} channel @param {string} text */
function warn(store, channel, text) {
  const where = channel ? store.conversation(channel) : store.current;
  if (where) store.note(where, { kind: "warn", text });
}

/** The server's words begin small. @param {string} says */
export function sentence(says) {
  const said = says.charAt(0).toUpperCase() + says.slice(1);
  return /[.!?]$/.test(said) ? said : `${said}.`;
}

/** Changes of modes as they are typed. @param {{mode: string, about?: string}[]} changes */
function written(changes) {
  const about = changes.flatMap((each) => (each.about ? [each.about] : []));
  return [changes.map((each) => each.mode).join(""), ...about].join(" ");
}

/** What stays the same if another Redis keeps the log: all but the epoch. @param {any} event */
function keyOf({ is, pos, at, sid }) {
  const seq = String(pos).split(".").at(-1);
  return `${is === "told" ? "told" : "log"}-${seq}-${at}-${sid}`;
}

/** @param {Conversation} one @param {Conversation} other */
const byName = (one, other) => (fold(one.name) < fold(other.name) ? -1 : 1);

