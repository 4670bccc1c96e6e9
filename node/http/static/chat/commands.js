/**
 * What a person can type: the commands of the slash dialect (docs/line-protocol.md), as wishes. Pure.
 *
 * A wish is an object whose `want` names it; main.js has a function for each. A row reads what stands
 * behind the command; null means that something lacks.
 */

import { channelName, fold, isChannel } from "./names.js";

/**
 * @typedef {{name: string, isChannel: boolean} | null} Here the open conversation
 * @typedef {{here: Here, channels: string[]}} Situation `channels`: those that the person is in
 * @typedef {{want: string} & Record<string, any>} Wish
 * @typedef {object} Command
 * @property {string} form how it's typed
 * @property {string} does
 * @property {boolean} [takesNick] whether the first word behind it is somebody's nick
 * @property {(rest: string, situation: Situation) => Wish | null} read
 */

/**
 * A command that changes one mode, about a nick or a mask.
 *
 * @param {string} form
 * @param {string} does
 * @param {string} mode
 * @returns {Command}
 */
function status(form, does, mode) {
  return {
    form,
    does,
    takesNick: true,
    read(rest, { here }) {
      const about = words(rest);
      const one = about.length === 1 && here?.isChannel;
      return one ? { want: "mode", channel: here.name, changes: [mode, ...about] } : null;
    },
  };
}

/** @type {Record<string, Command>} */
export const COMMANDS = {
  join: {
    form: "/join #CHANNEL",
    does: "comes into a channel, and makes it if there is none",
    read(rest) {
      const [channel, key] = words(rest);
      return channel ? { want: "join", channel: channelName(channel), key: key ?? "" } : null;
    },
  },
  leave: {
    form: "/leave [#CHANNEL] [WHY]",
    does: "leaves a channel, or this one",
    read: (rest, situation) => ofChannel("leave", rest, situation, "why"),
  },
  msg: {
    form: "/msg NAME TEXT",
    does: "writes to a person, or says something in a channel",
    takesNick: true,
    read(rest) {
      const [, to, text] = /^(\S+)\s([^]+)$/.exec(rest) ?? [];
      return text?.trim() ? { want: "say", to, text } : null;
    },
  },
  query: {
    form: "/query NAME",
    does: "opens a private conversation",
    takesNick: true,
    read: (rest) => (words(rest)[0] ? { want: "query", nick: words(rest)[0] } : null),
  },
  me: {
    form: "/me TEXT",
    does: "says what you do: * ann waves",
    read: (rest, { here }) =>
      rest.trim() && here ? { want: "say", to: here.name, text: rest, action: true } : null,
  },
  nick: {
    form: "/nick NAME",
    does: "takes another nick",
    read: (rest) => (words(rest).length === 1 ? { want: "nick", nick: words(rest)[0] } : null),
  },
  topic: {
    form: "/topic [#CHANNEL] [TEXT]",
    does: "shows the topic, or sets it",
    read: (rest, situation) => ofChannel("topic", rest, situation, "topic"),
  },
  rename: {
    form: "/rename [#CHANNEL] #NEW [WHY]",
    does: "gives a channel another name, if you are its operator",
    read(rest, { here }) {
      const [, old, name = "", why = ""] = /^\s*(?:(#\S+)\s+(?=#))?(#\S+)\s*([^]*)$/.exec(rest) ?? [];
      const channel = old ?? (here?.isChannel ? here.name : "");
      return name && channel ? { want: "rename", channel, name, why: why.trim() } : null;
    },
  },
  kick: {
    form: "/kick NAME [WHY]",
    does: "takes somebody out of this channel, if you are its operator",
    takesNick: true,
    read(rest, { here }) {
      const [, nick = "", why = ""] = /^\s*(\S*)\s*([^]*)$/.exec(rest) ?? [];
      return nick && here?.isChannel ? { want: "kick", channel: here.name, nick, why: why.trim() } : null;
    },
  },
  invite: {
    form: "/invite NAME",
    does: "asks somebody into this channel",
    takesNick: true,
    read(rest, { here }) {
      const [nick] = words(rest);
      return nick && here?.isChannel ? { want: "invite", channel: here.name, nick } : null;
    },
  },
  op: status("/op NAME", "makes somebody an operator of this channel", "+o"),
  deop: status("/deop NAME", "makes an operator one no more", "-o"),
  voice: status("/voice NAME", "gives somebody a voice where not all may speak", "+v"),
  devoice: status("/devoice NAME", "takes it away", "-v"),
  ban: status("/ban NAME", "keeps somebody, or whoever a mask means, from coming and speaking", "+b"),
  unban: status("/unban NAME", "does so no more", "-b"),
  mode: {
    form: "/mode [CHANGES]",
    does: "shows the rules of this channel, or changes them: /mode +k KEY",
    read(rest, { here }) {
      if (!here?.isChannel) return null;
      const changes = words(rest);
      return { want: "mode", channel: here.name, ...(changes.length && { changes }) };
    },
  },
  names: {
    form: "/names [#CHANNEL]",
    does: "shows who is there",
    read: (rest, situation) => ofChannel("names", rest, situation, "rest"),
  },
  list: {
    form: "/list [PATTERN]",
    does: "shows which channels there are; * stands for anything",
    read: (rest) => ({ want: "list", pattern: words(rest)[0] ?? "" }),
  },
  whois: {
    form: "/whois NAME",
    does: "shows where somebody is, and whether they are away",
    takesNick: true,
    read(rest, { here }) {
      const nick = words(rest)[0] ?? (here?.isChannel === false ? here.name : "");
      return nick ? { want: "whois", nick } : null;
    },
  },
  history: {
    form: "/history [#CHANNEL]",
    does: "shows older lines, as scrolling up does",
    read: (rest, situation) => ofChannel("history", rest, situation, "rest"),
  },
  away: {
    form: "/away [WHY]",
    does: "tells whoever writes to you that you are away",
    read: (rest) => ({ want: "away", why: rest.trim() }),
  },
  back: { form: "/back", does: "you are not away any more", read: () => ({ want: "back" }) },
  close: {
    form: "/close",
    does: "closes a private conversation, or leaves this channel",
    read: (_rest, { here }) => (here ? { want: "close", name: here.name } : null),
  },
  quit: {
    form: "/quit [WHY]",
    does: "goes, and ends your session",
    read: (rest) => ({ want: "quit", why: rest.trim() }),
  },
  help: { form: "/help", does: "shows all this", read: () => ({ want: "help" }) },
};

/**
 * @param {string} line
 * @param {Situation} situation
 * @returns {Wish} `wrong` if it can't be read, with `says`
 */
export function read(line, situation) {
  if (!line.startsWith("/") || line.startsWith("//")) {
    const text = line.startsWith("//") ? line.slice(1) : line;
    if (!situation.here) return { want: "wrong", says: "You are in no channel; /join one first." };
    return { want: "say", to: situation.here.name, text };
  }
  const [, name, rest] = /^\/(\S*)\s?([^]*)$/.exec(line) ?? ["", "", ""];
  const command = Object.hasOwn(COMMANDS, name.toLowerCase()) && COMMANDS[name.toLowerCase()];
  if (!command) return { want: "wrong", says: `There is no /${name}; /help shows all commands.` };
  return command.read(rest, situation) ?? { want: "wrong", says: `It's typed so: ${command.form}` };
}

/** @param {string} command */
export function takesNick(command) {
  const name = command.toLowerCase();
  return Object.hasOwn(COMMANDS, name) && Boolean(COMMANDS[name].takesNick);
}

/** @param {string} text */
function words(text) {
  return text.trim().split(/\s+/).filter(Boolean);
}

/**
 * A wish about a channel and a text. The first word is a channel if it begins with # or is the name
 * of one that the person is in; else it's the open one.
 *
 * @param {string} want
 * @param {string} rest
 * @param {Situation} situation
 * @param {string} called what the text is called in the wish
 * @returns {Wish | null}
 */
function ofChannel(want, rest, { here, channels }, called) {
  const [, first = "", others = ""] = /^\s*(\S*)\s*([^]*)$/.exec(rest) ?? [];
  const named =
    isChannel(first) || (first && channels.some((name) => fold(name) === fold(channelName(first))));
  if (named) return { want, channel: channelName(first), [called]: others.trim() };
  return here?.isChannel ? { want, channel: here.name, [called]: rest.trim() } : null;
}
