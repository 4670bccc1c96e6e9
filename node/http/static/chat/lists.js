/** The lists at the sides: conversations on one, who is here on the other. */

import { found, make } from "./dom.js";
import { face } from "./log.js";
import { fold } from "./names.js";

const MEMBERS_SHOWN = 200;

/** @typedef {{key: string, shape: string, made: () => HTMLElement}} Row `shape` says all that decides how it looks */

export class Lists {
  #side = found("side");
  #roster = found("roster");
  #shade = found("shade");
  #drawers = [
    { drawer: this.#side, opener: found("side-open"), closer: found("side-close") },
    { drawer: this.#roster, opener: found("roster-open"), closer: found("roster-close") },
  ];

  /**
   * @param {import("./store.js").Store} store
   * @param {{open: (name: string) => void, person: (nick: string) => void}} acts
   */
  constructor(store, acts) {
    this.store = store;
    this.acts = acts;
    for (const { drawer, opener, closer } of this.#drawers) {
      opener.addEventListener("click", () => this.#slide(drawer));
      closer.addEventListener("click", () => this.close(true));
    }
    this.#shade.addEventListener("click", () => this.close(true));
    this.#side.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#escape(event));
    this.#roster.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#escape(event));
  }

  /** On a narrow screen: slide a list in. @param {HTMLElement} drawer */
  #slide(drawer) {
    this.close(false);
    drawer.classList.add("open");
    this.#shade.hidden = false;
    for (const each of this.#drawers) {
      each.opener.setAttribute("aria-expanded", String(each.drawer === drawer));
      if (each.drawer === drawer) each.closer.focus();
    }
  }

  /** @param {boolean} back whether the focus goes back to the button that opened it */
  close(back) {
    for (const { drawer, opener } of this.#drawers) {
      if (drawer.classList.contains("open") && back) opener.focus();
      drawer.classList.remove("open");
      opener.setAttribute("aria-expanded", "false");
    }
    this.#shade.hidden = true;
  }

  /** @param {KeyboardEvent} event */
  #escape(event) {
    if (event.key === "Escape") this.close(true);
  }

  render() {
    const { store } = this;
    found("server").textContent = store.server;
    fill(found("channels"), store.channels.map((each) => this.#conversation(each)));
    fill(found("persons"), store.persons.map((each) => this.#conversation(each)));
    found("elsewhere").hidden = !store.calls;
    this.#me();
    this.#members();
  }

  /** @param {import("./conversation.js").Conversation} conversation @returns {Row} */
  #conversation(conversation) {
    const { name, unread, calls, joined } = conversation;
    const current = conversation === this.store.current;
    const away = this.store.absent.has(fold(name));
    return {
      key: name,
      shape: [name, unread, calls, joined, current, away].join(" "),
      made: () => this.#conversationRow(conversation, current, away),
    };
  }

  /** @param {import("./conversation.js").Conversation} conversation @param {boolean} current @param {boolean} away */
  #conversationRow({ name, unread, calls, isChannel, joined }, current, away) {
    const says = unread ? `, ${unread} unread${calls && isChannel ? `, ${calls} of them mention you` : ""}` : "";
    const row = make("button.conversation", {
      type: "button",
      "aria-current": current ? "true" : null,
      "aria-label": name + says,
      click: () => this.acts.open(name),
    });
    row.classList.toggle("unread", unread > 0);
    row.classList.toggle("gone", isChannel && !joined);
    if (!isChannel) {
      const sign = face(name);
      sign.classList.add("small");
      row.append(sign);
      row.classList.toggle("away", away);
    }
    row.append(make("bdi.label", {}, name));
    if (unread) {
      const count = make("span.count", { "aria-hidden": "true" }, calls && isChannel ? `@${calls}` : many(unread));
      count.classList.toggle("mention", calls > 0);
      row.append(count);
    }
    return row;
  }

  #me() {
    const { nick, away } = this.store;
    const button = found("me");
    const state = away === null ? "" : away ? `away: ${away}` : "away";
    if (button.dataset.shape === nick + state) return;
    button.dataset.shape = nick + state;
    const sign = face(nick || "?");
    button.classList.toggle("away", away !== null);
    const label = make("span.label", {}, make("bdi", {}, nick || "…"));
    if (state) label.append(make("small", { dir: "auto" }, state));
    button.replaceChildren(sign, label);
    button.title = "Take another nick";
  }

  #members() {
    const conversation = this.store.current;
    const shown = Boolean(conversation?.isChannel && conversation.joined);
    found("app").classList.toggle("alone", !shown);
    const opener = found("roster-open");
    opener.hidden = !shown;
    if (!shown || !conversation) return;
    const members = [...conversation.members.values()];
    const here = members.length === 1 ? "1 person" : `${members.length} people`;
    opener.textContent = here;
    found("roster-title").textContent = here;
    const sorted = members.sort((one, other) => (fold(one) < fold(other) ? -1 : 1));
    const rows = sorted.slice(0, MEMBERS_SHOWN).map((nick) => this.#member(nick));
    if (sorted.length > MEMBERS_SHOWN) {
      const text = `and ${sorted.length - MEMBERS_SHOWN} more`;
      rows.push({ key: "…", shape: text, made: () => make("span.more", {}, text) });
    }
    fill(found("members"), rows);
  }

  /** @param {string} nick @returns {Row} */
  #member(nick) {
    const own = fold(nick) === fold(this.store.nick);
    const why = (own ? this.store.away : this.store.absent.get(fold(nick))) ?? null;
    return { key: nick, shape: `${nick} ${own} ${why}`, made: () => this.#memberRow(nick, own, why) };
  }

  /** @param {string} nick @param {boolean} own @param {string | null} why they are away */
  #memberRow(nick, own, why) {
    const away = why !== null;
    const row = make("button.member", { type: "button", click: () => this.acts.person(nick) });
    row.classList.toggle("away", away);
    const sign = face(nick);
    sign.classList.add("small");
    const label = make("span.label", {}, make("bdi", {}, nick), own ? " (you)" : "");
    if (away) label.append(make("small", { dir: "auto" }, why ? `away: ${why}` : "away"));
    row.append(sign, label);
    return row;
  }
}

/** @param {number} count */
const many = (count) => (count > 99 ? "99+" : String(count));

/**
 * Make a list's items these; whichever looks as before stays, and with it the focus.
 *
 * @param {HTMLElement} list
 * @param {Row[]} rows
 */
function fill(list, rows) {
  const before = new Map([...list.children].map((each) => [/** @type {HTMLElement} */ (each).dataset.key, /** @type {HTMLElement} */ (each)]));
  const items = rows.map(({ key, shape, made }) => {
    const item = before.get(key) ?? make("li", { "data-key": key });
    if (item.dataset.shape !== shape) {
      const focused = item.contains(document.activeElement);
      item.dataset.shape = shape;
      const row = made();
      item.replaceChildren(row);
      if (focused) row.focus();
    }
    return item;
  });
  const same = items.length === list.children.length && items.every((each, i) => each === list.children[i]);
  if (!same) {
    const focused = document.activeElement;
    list.replaceChildren(...items);
    if (focused instanceof HTMLElement && list.contains(focused)) focused.focus();
  }
}
