/** What a person may wish, and how it's done: a function for each kind of wish of commands.js. */

import { showHelp, showPerson } from "./dialogs.js";
import { fold, isChannel } from "./names.js";
import { Refused } from "./session.js";
import { sentence } from "./store.js";
import { full } from "./times.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./commands.js").Wish} Wish */

const HISTORY_PAGE = 60;
const LISTED = 100;

export class Wishes {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./session.js").Session} session
   * @param {object} page
   * @param {(conversation: Conversation) => void} page.open
   * @param {() => void} page.moved nick or channels are others
   * @param {() => void} page.rest nothing more is asked: the person goes on typing
   */
  constructor(store, session, page) {
    this.store = store;
    this.session = session;
    this.page = page;
  }

  /** Do it, and tell the person what came of it. @param {Wish} wish */
  async grant(wish) {
    try {
      await this.try(wish);
    } catch (why) {
      if (!(why instanceof Refused)) throw why;
      this.complain(sentence(why.message));
    }
  }

  /** Do it. @param {Wish} wish @throws {Refused} */
  async try(wish) {
    await WAYS[wish.want](this, wish);
  }

  /** Something went wrong. @param {string} says */
  complain(says) {
    if (this.store.current) this.store.note(this.store.current, { kind: "error", text: says });
  }

  /** @param {string} text @param {[string, string][]} [rows] */
  tell(text, rows) {
    if (this.store.current) this.store.note(this.store.current, { text, rows });
  }

  /** Older lines than those that are here. @param {Conversation} conversation */
  async loadOlder(conversation) {
    const possible = conversation.older && conversation.joined && this.session.here;
    if (conversation.loading || !possible) return;
    conversation.loading = true;
    const before = conversation.firstPlace;
    try {
      const ask = { do: "history", channel: conversation.name, count: HISTORY_PAGE };
      const { entries, more } = await this.session.ask(before ? { ...ask, before } : ask);
      this.store.older(conversation, entries);
      conversation.older = Boolean(more);
    } catch (why) {
      if (!(why instanceof Refused)) throw why; // it's asked for again on the next scroll
    } finally {
      conversation.loading = false;
      this.store.changed();
    }
  }
}

/** @type {Record<string, (wishes: Wishes, wish: any) => void | Promise<void>>} */
const WAYS = {
  wrong: (wishes, { says }) => wishes.complain(says),

  say(wishes, { to, text, action = false }) {
    const where = isChannel(to) ? wishes.store.find(to) : wishes.store.conversation(to);
    if (!where || (where.isChannel && !where.joined)) {
      wishes.complain(`You are not in ${to}; /join ${to} first.`);
      return;
    }
    if (!where.isChannel && where !== wishes.store.current) wishes.page.open(where);
    wishes.session.say(where, text, action);
  },

  async join(wishes, { channel, key }) {
    const { forwards } = wishes.store;
    let forward;
    if (!wishes.store.find(channel)?.joined) {
      forwards.delete(fold(channel));
      await wishes.session.ask({ do: "join", channel, ...(key && { key }) });
      forward = forwards.get(fold(channel));
    }
    wishes.page.open(wishes.store.conversation(forward ?? channel));
    wishes.page.moved();
    if (forward) wishes.tell(`${channel} does not let you in, and sends you on to ${forward}.`);
  },

  async leave(wishes, { channel, why }) {
    const where = wishes.store.find(channel);
    if (!where) {
      wishes.complain(`You are not in ${channel}.`);
      return;
    }
    if (where.joined) await wishes.session.ask({ do: "leave", channel, ...(why && { why }) });
    wishes.store.forget(where);
    wishes.page.moved();
  },

  async close(wishes, { name }) {
    const where = wishes.store.find(name);
    if (where?.isChannel) await WAYS.leave(wishes, { channel: name, why: "" });
    else if (where) wishes.store.forget(where);
  },

  /** Open a private conversation with somebody who is there. */
  async query(wishes, { nick }) {
    const person = await wishes.session.ask({ do: "whois", nick });
    wishes.page.open(wishes.store.conversation(person.nick));
  },

  async nick(wishes, { nick }) {
    await wishes.session.ask({ do: "nick", nick });
    wishes.page.moved();
  },

  async topic(wishes, { channel, topic }) {
    const answer = await wishes.session.ask({ do: "topic", channel, ...(topic && { topic }) });
    if (answer.is !== "topic-is") return; // it was set, and everyone reads that
    const { text, nick, at } = answer.topic ?? {};
    if (!text) wishes.tell(`${channel} has no topic.`);
    else wishes.tell(`The topic of ${channel} is ${text}`, [["set by", nick], ["on", full(at)]]);
  },

  async rename(wishes, { channel, name, why }) {
    await wishes.session.ask({ do: "rename", channel, new: name, ...(why && { why }) });
  },

  async kick(wishes, { channel, nick, why }) {
    await wishes.session.ask({ do: "kick", channel, nick, ...(why && { why }) });
  },

  async invite(wishes, { channel, nick }) {
    await wishes.session.ask({ do: "invite", channel, nick });
    wishes.tell(`You invite ${nick} into ${channel}.`);
  },

  /** What is changed everyone reads. */
  async mode(wishes, { channel, changes }) {
    const answer = await wishes.session.ask({ do: "mode", channel, ...(changes && { changes }) });
    if (answer.is === "modes") wishes.tell(`The modes of ${channel}: +${answer.modes ?? ""}`);
    if (answer.is !== "masks") return;
    for (const [list, masks] of Object.entries(answer.lists)) {
      wishes.tell(`On the list +${list} of ${channel}: ${masks.length || "nobody"}`, masks.map(entry));
    }
  },

  async names(wishes, { channel }) {
    const { nicks, total } = await wishes.session.ask({ do: "names", channel });
    const more = total > LISTED ? ` and ${total - LISTED} more` : "";
    wishes.tell(`In ${channel} (${total}): ${nicks.slice(0, LISTED).join(" ")}${more}`);
  },

  async list(wishes, { pattern }) {
    const answer = await wishes.session.ask({ do: "list", ...(pattern && { pattern }) });
    const rows = answer.channels.slice(0, LISTED).map(describe);
    const more = answer.total > rows.length ? `, of which ${rows.length} are shown` : "";
    wishes.tell(`${answer.total} ${answer.total === 1 ? "channel" : "channels"}${more}.`, rows);
  },

  async whois(wishes, { nick }) {
    const person = await wishes.session.ask({ do: "whois", nick });
    wishes.tell(person.nick, details(person));
  },

  /** As whois, in a dialog. */
  async meet(wishes, { nick }) {
    const person = await wishes.session.ask({ do: "whois", nick });
    const write = await showPerson(person.nick, details(person), !wishes.session.is(nick));
    if (write) wishes.page.open(wishes.store.conversation(person.nick));
    else wishes.page.rest();
  },

  async history(wishes, { channel }) {
    const where = wishes.store.find(channel);
    if (!where) {
      wishes.complain(`You are not in ${channel}.`);
      return;
    }
    await wishes.loadOlder(where);
    wishes.page.open(where);
  },

  async away(wishes, { why }) {
    await wishes.session.ask({ do: "away", ...(why && { why }) });
    wishes.tell(`You are away${why ? ` (${why})` : ""}. Type /back when you are back.`);
  },

  async back(wishes) {
    await wishes.session.ask({ do: "back" });
    wishes.tell("You are back.");
  },

  /** The server answers with a closing. */
  async quit(wishes, { why }) {
    await wishes.session.ask({ do: "quit", ...(why && { why }) }).catch(() => {});
  },

  async help(wishes) {
    await showHelp();
    wishes.page.rest();
  },
};

/** @param {{mask: string, nick: string, at: number}} entry @returns {[string, string]} */
function entry({ mask, nick, at }) {
  return [mask, `${nick}, ${full(at)}`];
}

/** @param {{channel: string, members: number, topic?: string}} channel @returns {[string, string]} */
function describe({ channel, members, topic }) {
  return [channel, topic ? `${members}: ${topic}` : String(members)];
}

/**
 * @param {{node: string, since: number, channels: string[], away?: string}} person
 * @returns {[string, string][]}
 */
function details({ node, since, channels, away }) {
  /** @type {[string, string][]} */
  const rows = [["node", node], ["since", full(since)], ["channels", channels.join(" ") || "none"]];
  return away === undefined ? rows : [["away", away || "yes"], ...rows];
}
