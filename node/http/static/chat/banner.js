/** The one line above the conversation that says what's the matter, as long as it is. */

import { found, make } from "./dom.js";

/**
 * @param {import("./session.js").Session} session
 * @param {import("./wire.js").Wire} wire
 * @param {import("./store.js").Store} store
 */
function matter(session, wire, store) {
  const waiting = [...store.conversations.values()].some((each) => each.pending.length);
  const kept = waiting ? " What you typed is kept." : " What you type is kept, and sent when it's back.";
  if (session.over) {
    return { says: ended(session.closed), act: "Come back here", calm: false };
  }
  if (wire.phase === "waiting" || (wire.phase === "connecting" && session.began)) {
    const why = session.closed ? `The server closed the connection: ${session.closed.says}.` : "The connection is lost.";
    return { says: `${why} Reconnecting …${kept}`, act: "Now", calm: true };
  }
  if (!session.here) return session.began ? { says: "Coming back …", act: "", calm: true } : null;
  if (store.brokerAway) {
    const says = "The cluster's memory can't be reached just now. You stay connected.";
    return { says: says + kept, act: "", calm: true };
  }
  return null;
}

/** @param {import("./session.js").Session["closed"]} closed */
function ended(closed) {
  if (closed?.code === "elsewhere") return "This chat goes on in another tab or window.";
  return `You are not connected any more: ${closed?.says}.`;
}

/**
 * @param {import("./session.js").Session} session
 * @param {import("./wire.js").Wire} wire
 * @param {import("./store.js").Store} store
 */
export function renderBanner(session, wire, store) {
  const element = found("state");
  const found_ = matter(session, wire, store);
  const shape = found_ ? found_.says + found_.act : "";
  if (element.dataset.shape === shape) return;
  element.dataset.shape = shape;
  element.replaceChildren();
  if (!found_) return;
  if (found_.calm) element.append(make("span.pulse", { "aria-hidden": "true" }));
  element.append(make("span", {}, found_.says));
  const click = () => (session.over ? session.comeBack() : wire.wake());
  if (found_.act) element.append(make("button", { type: "button", click }, found_.act));
}
