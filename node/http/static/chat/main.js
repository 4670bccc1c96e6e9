/**
 * The chat page: puts the parts together.
 *
 *   Wire ──messages──> Session ──> Store ──changed──> once a frame: head, banner, lists, log
 *     ^                   ^                             │
 *     └────── send ───────┴── Wishes <── composer, lists, dialogs
 */

import { renderBanner } from "./banner.js";
import { COMMANDS, read, takesNick } from "./commands.js";
import { Composer } from "./composer.js";
import { askChannel, askLines, askNick, askPerson } from "./dialogs.js";
import { found } from "./dom.js";
import { renderHead } from "./head.js";
import { Lists } from "./lists.js";
import { LogView } from "./log.js";
import { recallMe, recallTab, rememberLeft, rememberMe, rememberTab } from "./memory.js";
import { channelName, fold } from "./names.js";
import { isSeen, Notifier } from "./notify.js";
import { Refused, Session } from "./session.js";
import { sentence, Store } from "./store.js";
import { Wire } from "./wire.js";
import { Wishes } from "./wishes.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

/** How old, in ms, a list of members may be; and up to which size it's asked for again by itself. */
const MEMBERS_AGE = 60_000;
const MEMBERS_ASKED = 500;
const SAVE_EACH = 1_000;

const notifier = new Notifier();
const store = new Store({
  changed,
  isSeen,
  called: ({ title, body, conversation }) => notifier.call(title, body, () => open(conversation)),
});
const wire = new Wire(
  new URL("ws", location.href).href.replace(/^http/, "ws"),
  (message) => {
    session.hear(message);
    if (message.is === "moved") followName();
  },
  () => session.changed(),
);
const session = new Session(store, wire, { arrived, settled, changed });
const wishes = new Wishes(store, session, { open, moved: keepMe, rest: () => composer.focus() });
const meet = (/** @type {string} */ nick) => void wishes.grant({ want: "meet", nick });
const log = new LogView(store, {
  loadOlder: (conversation) => void wishes.loadOlder(conversation),
  sayAgain: (id) => store.current && session.sayAgain(store.current, id),
  discard: (id) => store.current && store.discard(store.current, id),
  person: meet,
});
const lists = new Lists(store, { open: (name) => open(store.conversation(name)), person: meet });
const composer = new Composer({
  know,
  send,
  scroll: (pages) => log.scroll(pages),
  complain: (says) => wishes.complain(says),
});

// -- the screen follows the store

let isDue = false;
let isSaved = true;
/** @type {Conversation | null} */
let shown = null;

function changed() {
  isSaved = false;
  notifier.mark(store.current?.name ?? store.server, store.calls, store.unread);
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(render);
}

function render() {
  isDue = false;
  if (shown !== store.current) {
    if (shown) shown.draft = composer.text;
    if (shown || store.current?.draft) composer.text = store.current?.draft ?? "";
    shown = store.current;
  }
  composer.invite(invitation(store.current));
  renderHead(store);
  renderBanner(session, wire, store);
  lists.render();
  log.render();
  if (store.reading && isSeen()) store.read();
}

/** @param {Conversation | null} conversation */
function invitation(conversation) {
  if (!conversation) return session.here ? "Type /join #CHANNEL, or /help" : "";
  const outside = conversation.isChannel && !conversation.joined && session.here;
  return outside ? `You are not in ${conversation.name}` : `Message ${conversation.name}`;
}

/** @param {Conversation} conversation */
function open(conversation) {
  store.open(conversation);
  lists.close(false);
  showAddress(conversation);
  if (!document.querySelector("dialog")) composer.focus();
  void freshenMembers();
}

/** @param {Conversation} conversation */
function showAddress({ name, isChannel }) {
  history.replaceState(null, "", isChannel ? `#${encodeURIComponent(name.slice(1))}` : location.pathname);
}

/** A channel has another name: it's the one to come back to. */
function followName() {
  keepMe();
  if (store.current) showAddress(store.current);
}

/** Ask who is in the open channel, if what's known of it is old. */
async function freshenMembers() {
  const conversation = store.current;
  if (!conversation?.isChannel || !conversation.joined || !session.here) return;
  const { name, askedAt, members, topic } = conversation;
  if (Date.now() - askedAt < MEMBERS_AGE || (askedAt && members.size > MEMBERS_ASKED)) return;
  conversation.askedAt = Date.now();
  const ask = (/** @type {string} */ what) => session.ask({ do: what, channel: name }).catch(() => {});
  await Promise.all([ask("names"), topic || ask("topic")]);
}

// -- coming

/** @type {Promise<unknown> | null} */
let choosing = null;

/** Bring somebody who comes anew to where they want to be. @throws {Refused} */
async function arrived() {
  const me = recallMe();
  if (me.nick) await takeAgain(me.nick);
  else {
    choosing ??= askNick({ nick: store.nick, first: true, take: takeNick });
    await choosing;
    choosing = null;
  }
  const wanted = new Set(session.expired ? store.channels.map(({ name }) => name) : me.channels);
  session.expired = false;
  const link = linkedChannel();
  if (link) wanted.add(link);
  if (!wanted.size && store.lobby) wanted.add(store.lobby);
  for (const channel of wanted) await joinAgain(channel);
  const first = store.find(link) ?? store.current ?? store.channels[0];
  if (first) open(first);
}

/** Somebody is here, and has all that they missed. */
function settled() {
  if (!store.current && store.channels[0]) open(store.channels[0]);
  void freshenMembers();
  changed();
}

/** The channel that the page's address names, or "". */
function linkedChannel() {
  const hash = location.hash.slice(1);
  try {
    return hash && channelName(decodeURIComponent(hash));
  } catch {
    return ""; // no such address was ever made here
  }
}

/** @param {string} nick */
async function takeAgain(nick) {
  if (session.is(nick)) return;
  const says = await takeNick(nick);
  if (!says) return;
  const problem = `${says} Choose another one, or stay ${store.nick} for now.`;
  void askNick({ nick: store.nick, first: false, problem, take: takeNick }).then(() => composer.focus());
}

/** @param {string} channel @throws {Refused} if there's no connection any more */
async function joinAgain(channel) {
  try {
    await session.askFirst({ do: "join", channel });
  } catch (why) {
    if (!(why instanceof Refused) || why.code === "lost") throw why;
    if (why.code === "already-member") return;
    wishes.complain(sentence(why.message));
  }
}

/** @param {string} nick @returns {Promise<string>} what's wrong, or "" */
async function takeNick(nick) {
  const says = await trouble(session.askFirst({ do: "nick", nick }));
  if (!says) keepMe();
  return says;
}

function keepMe() {
  const nick = store.nick.startsWith("guest-") ? recallMe().nick : store.nick;
  const channels = store.channels.filter((each) => each.joined).map(({ name }) => name);
  rememberMe({ nick, channels });
}

// -- what the person does

/** @param {string[]} lines @returns {Promise<boolean>} whether they were taken */
async function send(lines) {
  const here = store.current;
  if (lines.length > 1 && !(await askLines(lines, here?.name ?? ""))) return false;
  const channels = store.channels.filter((each) => each.joined).map(({ name }) => name);
  log.toEnd();
  for (const line of lines) void wishes.grant(read(line, { here, channels }));
  return true;
}

/** What may be completed. @returns {import("./completion.js").Knowledge} */
function know() {
  const nicks = new Map(store.current?.members ?? []);
  for (const { name } of store.persons) nicks.set(fold(name), name);
  nicks.delete(fold(store.nick));
  return {
    commands: Object.entries(COMMANDS).map(([name, { form, does }]) => {
      return { name, hint: `${form.slice(name.length + 2)}  ${does}`.trim() };
    }),
    channels: store.channels.map(({ name, topic }) => ({ name, hint: topic })),
    nicks: [...nicks.values()].sort().map((name) => ({ name, hint: "" })),
    takesNick,
  };
}

/** What's wrong with how it went, or "". @param {Promise<unknown>} act */
async function trouble(act) {
  try {
    await act;
    return "";
  } catch (why) {
    if (!(why instanceof Refused)) throw why;
    return sentence(why.message);
  }
}

/** @param {string} id @param {() => void} act */
const onClick = (id, act) => found(id).addEventListener("click", act);
const rest = () => composer.focus();

onClick("join", () => {
  const look = async () => (await session.ask({ do: "list" })).channels;
  const join = (/** @type {string} */ typed) =>
    trouble(wishes.try({ want: "join", channel: channelName(typed), key: "" }));
  void askChannel(look, join).then(rest);
});
onClick("write", () => {
  void askPerson((nick) => trouble(wishes.try({ want: "query", nick }))).then(rest);
});
onClick("me", () => {
  void askNick({ nick: store.nick, first: false, take: takeNick }).then(rest);
});
onClick("help", () => void wishes.grant({ want: "help" }));
const leave = () => {
  lists.close(false);
  if (store.current) void wishes.grant({ want: "close", name: store.current.name });
};
onClick("leave", leave);
onClick("leave-too", leave);

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog")) return;
  const all = [...store.channels, ...store.persons];
  const at = store.current ? all.indexOf(store.current) : -1;
  const to = {
    ArrowUp: all.at(at - 1),
    ArrowDown: all[at + 1] ?? all[0],
    KeyA: [...all.slice(at + 1), ...all].find((each) => each.unread),
  }[event.code];
  if (!to) return;
  event.preventDefault();
  open(to);
});
window.addEventListener("focus", changed);
document.addEventListener("visibilitychange", changed);

function save() {
  if (shown) shown.draft = composer.text;
  rememberTab(store, session);
  isSaved = true;
}
window.addEventListener("pagehide", () => {
  save();
  rememberLeft(session);
});
setInterval(() => isSaved || save(), SAVE_EACH);
setInterval(() => isSeen() && void freshenMembers(), MEMBERS_AGE / 4);

recallTab(store, session);
changed();
wire.open();
