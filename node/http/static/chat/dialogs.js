/** What the page asks: each function shows a dialog, and returns what the person chose, or null. */

import { foreign, make } from "./dom.js";
import { COMMANDS } from "./commands.js";
import { NICK } from "./names.js";

/**
 * Show a dialog until somebody decides.
 *
 * @template T
 * @param {string} title
 * @param {(close: (result: T | null) => void, dialog: HTMLDialogElement) => (Node | string)[]} content
 * @param {string} [kind] a class
 * @returns {Promise<T | null>} null: it was dismissed
 */
function show(title, content, kind = "") {
  // what is long begins at its beginning, though the button is at its end
  const focus = kind === "wide" && { tabindex: -1, autofocus: true };
  const heading = make("h2", { id: "dialog-title", ...focus }, title);
  const dialog = /** @type {HTMLDialogElement} */ (make("dialog", { "aria-labelledby": "dialog-title" }));
  if (kind) dialog.classList.add(kind);
  return new Promise((decide) => {
    /** @type {any} */
    let result = null;
    dialog.addEventListener("close", () => {
      dialog.remove();
      decide(result);
    });
    const close = (/** @type {any} */ chosen) => {
      result = chosen;
      dialog.close();
    };
    dialog.append(heading, ...content(close, dialog));
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("input");
    first?.select();
  });
}

/** What, and what it is. @param {[string, string][]} rows */
const list = (rows) =>
  make("dl", {}, ...rows.flatMap(([what, is]) => [foreign("dt", what), foreign("dd", is)]));

/** @param {(event: Event) => void} click @param {string} text */
const quiet = (click, text) => make("button.quiet", { type: "button", click }, text);

/**
 * A dialog with one field. `submit` returns what's wrong with what was typed, or "" to close.
 *
 * @param {object} about
 * @param {string} about.title
 * @param {string} about.explains
 * @param {string} about.label
 * @param {string} about.value
 * @param {string} about.verb
 * @param {string} about.cancel
 * @param {(typed: string) => Promise<string>} about.submit
 * @param {HTMLElement} [about.more] what stands below the field
 * @returns {Promise<string | null>} what was typed
 */
export function ask({ title, explains, label, value, verb, cancel, submit, more }) {
  return show(title, (close) => {
    const wrong = make("p.wrong", { id: "dialog-wrong", role: "alert" });
    const field = /** @type {HTMLInputElement} */ (
      make("input", {
        id: "dialog-field", value, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
        dir: "auto", "aria-describedby": "dialog-wrong",
      })
    );
    const submitted = async (/** @type {Event} */ event) => {
      event.preventDefault();
      wrong.textContent = "";
      const says = await submit(field.value.trim());
      if (says) wrong.textContent = says;
      else close(field.value.trim());
    };
    const form = make(
      "form", { submit: submitted },
      make("label", { for: "dialog-field" }, label), field, wrong, ...(more ? [more] : []),
      make("div.choices", {}, quiet(() => close(null), cancel), make("button.solid", { type: "submit" }, verb)),
    );
    return [make("p", {}, explains), form];
  });
}

/**
 * @param {object} about
 * @param {string} about.nick that they have now
 * @param {boolean} about.first whether they come for the first time
 * @param {string} [about.problem] why they are asked
 * @param {(nick: string) => Promise<string>} about.take what's wrong, or ""
 */
export function askNick({ nick, first, problem, take }) {
  const welcome = "Choose a name that others see. It's yours while you are here.";
  return ask({
    title: first ? "Welcome" : "Your nick",
    explains: problem ?? (first ? welcome : "Everybody who shares a channel with you will read that you changed it."),
    label: "Nick",
    value: first ? "" : nick,
    verb: first ? "Come in" : "Take it",
    cancel: first ? `Stay ${nick}` : "Cancel",
    submit: async (typed) =>
      NICK.test(typed) ? take(typed) : "A nick has 1 to 32 letters, digits or - _ [ ] \\ ` ^ { } |, and doesn't begin with a digit or -.",
  });
}

/**
 * @param {() => Promise<{channel: string, members: number, topic?: string}[]>} look
 * @param {(channel: string) => Promise<string>} join what's wrong, or ""
 */
export function askChannel(look, join) {
  const rows = make("div.rows", { "aria-live": "polite" }, "Looking which channels there are …");
  void look().then(
    (channels) => rows.replaceChildren(...channels.map((each) => channelRow(each, rows))),
    (/** @type {Error} */ why) => rows.replaceChildren(why.message),
  );
  return ask({
    title: "Join a channel",
    explains: "A channel that isn't there yet is made when you join it.",
    label: "Channel",
    value: "#",
    verb: "Join",
    cancel: "Cancel",
    submit: (typed) => (typed && typed !== "#" ? join(typed) : Promise.resolve("Which one?")),
    more: rows,
  });
}

/** @param {{channel: string, members: number, topic?: string}} channel @param {HTMLElement} rows */
function channelRow({ channel, members, topic }, rows) {
  const choose = () => {
    const form = /** @type {HTMLFormElement} */ (rows.closest("form"));
    const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
    field.value = channel;
    form.requestSubmit();
  };
  const label = make("span.label", {}, make("bdi", {}, channel));
  if (topic) label.append(make("small", { dir: "auto" }, topic));
  const people = make("span", {}, String(members), make("span.visually-hidden", {}, " people"));
  return make("button.row", { type: "button", click: choose }, label, people);
}

/** @param {(nick: string) => Promise<string>} open what's wrong, or "" */
export function askPerson(open) {
  return ask({
    title: "Write to somebody",
    explains: "Only the two of you read what is said in a private conversation.",
    label: "Nick",
    value: "",
    verb: "Write",
    cancel: "Cancel",
    submit: (typed) => (NICK.test(typed) ? open(typed) : Promise.resolve("That can't be a nick.")),
  });
}

/** Whether so many lines are to be sent. @param {string[]} lines @param {string} to */
export function askLines(lines, to) {
  const count = lines.length;
  return show(`Send ${count} messages?`, (close) => [
    make("p", {}, `That has ${count} lines. Each goes to `, make("bdi", {}, to), " as a message of its own."),
    foreign("pre", lines.join("\n")),
    make(
      "div.choices", {},
      quiet(() => close(null), "Keep editing"),
      make("button.solid", { type: "button", click: () => close(true) }, `Send ${count} messages`),
    ),
  ]);
}

/**
 * One person.
 *
 * @param {string} nick
 * @param {[string, string][]} details
 * @param {boolean} other whether it's somebody else
 * @returns {Promise<true | null>} whether they are to be written to
 */
export function showPerson(nick, details, other) {
  return show(nick, (close) => {
    const write = make("button.solid", { type: "button", click: () => close(true) }, "Write privately");
    const choices = [quiet(() => close(null), "Close"), ...(other ? [write] : [])];
    return [list(details), make("div.choices", {}, ...choices)];
  });
}

const KEYBOARD = /** @type {[string, string][]} */ ([
  ["Enter", "sends; Shift+Enter begins another line"],
  ["Tab", "completes a command, a nick or a channel"],
  ["↑", "in an empty field: what you sent before"],
  ["Page Up, Page Down", "scroll through the conversation"],
  ["Alt+↑, Alt+↓", "the conversation before, the next one"],
  ["Alt+A", "the next one in which something is unread"],
]);

export function showHelp() {
  const commands = Object.values(COMMANDS).map(({ form, does }) => /** @type {[string, string]} */ ([form, does]));
  return show(
    "Help",
    (close) => [
      make("p", {}, "What you type is said in the open conversation, unless it begins with a /. //text says /text."),
      list(commands),
      make("h2", {}, "Keys"),
      list(KEYBOARD),
      make("div.choices", {}, make("button.solid", { type: "button", click: () => close(null) }, "Close")),
    ],
    "wide",
  );
}
