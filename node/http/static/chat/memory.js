/**
 * What the browser remembers: who somebody is and where they were, on this machine; the session and
 * the private conversations, in this tab only. The token of a tab that was closed is there for the
 * next one. A browser that remembers nothing is fine.
 */

const ME = "chorus.me";
const TAB = "chorus.tab";
const LEFT = "chorus.left";
/** For how long, in ms, somebody who closed the page may still be who they were. */
const MAY_COME_BACK = 10 * 60_000;

/**
 * @typedef {{nick: string, channels: string[]}} Me
 *
 * @typedef {object} Tab
 * @property {string} token with which the session is taken up again
 * @property {string[]} sids that this tab has had
 * @property {string} current name of the conversation that was open
 * @property {{name: string, place: string, unread: number, calls: number, draft: string,
 *   lines: import("./conversation.js").Line[],
 *   pending: import("./conversation.js").Outgoing[]}[]} conversations `lines`: of private ones
 */

/** @returns {Me} */
export const recallMe = () => ({ nick: "", channels: [], ...recall(localStorage, ME) });

/** @param {Me} me */
export const rememberMe = (me) => remember(localStorage, ME, me);

const PRIVATE_LINES = 100;
const SIDS = 20;

/**
 * Keep what this tab needs to go on after it was loaded again.
 *
 * @param {import("./store.js").Store} store
 * @param {import("./session.js").Session} session
 */
export function rememberTab(store, session) {
  const kept = [...store.conversations.values()].filter((each) => each.joined || !each.isChannel);
  remember(sessionStorage, TAB, {
    token: session.token,
    sids: [...store.sids].slice(-SIDS),
    current: store.current?.name ?? "",
    conversations: kept.map(({ name, place, unread, calls, draft, pending, isChannel, lines }) => ({
      name, place, unread, calls, draft, pending,
      lines: isChannel ? [] : lines.slice(-PRIVATE_LINES), // a channel's are in its log
    })),
  });
}

/** The page is left, and perhaps opened anew. @param {import("./session.js").Session} session */
export function rememberLeft({ token, over }) {
  if (token && !over) remember(localStorage, LEFT, { token, at: Date.now() });
}

/**
 * Put back what this tab had.
 *
 * @param {import("./store.js").Store} store
 * @param {import("./session.js").Session} session
 */
export function recallTab(store, session) {
  /** @type {Tab | null} */
  const tab = recall(sessionStorage, TAB);
  const left = recall(localStorage, LEFT);
  remember(localStorage, LEFT, {});
  if (!tab && left?.token && Date.now() - left.at < MAY_COME_BACK) session.token = left.token;
  if (!tab) return;
  session.token = tab.token;
  store.sids = new Set(tab.sids);
  for (const { name, lines, ...kept } of tab.conversations) {
    const conversation = Object.assign(store.conversation(name), kept);
    conversation.joined = conversation.isChannel;
    for (const line of lines) conversation.add(line);
  }
  const current = store.find(tab.current) ?? store.channels[0] ?? store.persons[0];
  if (current) store.open(current);
}

/** @param {Storage} storage @param {string} key */
function recall(storage, key) {
  try {
    return JSON.parse(storage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {Storage} storage @param {string} key @param {object} value */
function remember(storage, key, value) {
  try {
    storage.setItem(key, JSON.stringify(value));
  } catch {
    // full, or forbidden: then it isn't remembered
  }
}
