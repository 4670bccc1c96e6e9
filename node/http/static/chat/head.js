/** What stands above the conversation: its name, its topic, the way out. */

import { found, make } from "./dom.js";
import { linked } from "./log.js";
import { fold } from "./names.js";

/** @param {import("./store.js").Store} store */
export function renderHead(store) {
  const conversation = store.current;
  const name = conversation?.name ?? store.server;
  const topic = conversation ? about(conversation, store) : "";
  const shape = `${name} ${topic}`;
  if (found("name").dataset.shape === shape) return;
  found("name").dataset.shape = shape;
  found("name").replaceChildren(make("bdi", {}, name));
  found("topic").title = topic;
  found("topic").replaceChildren(...linked(topic));
  found("leave").hidden = !conversation;
  found("leave").textContent = conversation?.isChannel ? "Leave" : "Close";
}

/**
 * @param {import("./conversation.js").Conversation} conversation
 * @param {import("./store.js").Store} store
 */
function about({ name, isChannel, topic }, store) {
  if (isChannel) return topic;
  const why = store.absent.get(fold(name));
  if (why === undefined) return "Only the two of you read this";
  return why ? `away: ${why}` : "away";
}
