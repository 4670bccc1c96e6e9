/**
 * How the page calls somebody who looks elsewhere: the title, the icon, and notifications of the
 * desktop, which are asked for only when the person presses the button.
 */

import { found } from "./dom.js";

const KEPT = "chorus.notify";

/** Whether this browser, on this page, can notify at all. */
const possible = "Notification" in window && window.isSecureContext;

/** Whether somebody sees the page now. */
export const isSeen = () => document.visibilityState === "visible" && document.hasFocus();

export class Notifier {
  #button = found("notify");

  constructor() {
    this.#button.hidden = !possible;
    this.#button.addEventListener("click", () => void this.#toggle());
    this.#show();
  }

  get #on() {
    return possible && Notification.permission === "granted" && localStorage.getItem(KEPT) === "on";
  }

  async #toggle() {
    if (this.#on) {
      localStorage.setItem(KEPT, "off");
    } else if ((await Notification.requestPermission()) === "granted") {
      localStorage.setItem(KEPT, "on");
    }
    this.#show();
  }

  #show() {
    if (!possible) return;
    const refused = Notification.permission === "denied";
    const words = refused
      ? "This browser doesn't let this page notify you"
      : "Notify me of mentions and private messages";
    this.#button.title = words;
    this.#button.setAttribute("aria-label", words);
    this.#button.setAttribute("aria-pressed", String(this.#on));
    this.#button.disabled = refused;
  }

  /**
   * Show a notification, if it's wanted and the page isn't looked at.
   *
   * @param {string} title
   * @param {string} body
   * @param {() => void} chosen called when the person clicks it
   */
  call(title, body, chosen) {
    if (!this.#on || isSeen()) return;
    try {
      const shown = new Notification(title, { body, tag: title, icon: found("icon").href });
      shown.addEventListener("click", () => {
        window.focus();
        shown.close();
        chosen();
      });
    } catch {
      this.#button.hidden = true; // a phone's browser has the class, and wants a service worker
    }
  }

  /**
   * Put into title and icon what waits for the person.
   *
   * @param {string} name of the conversation that's open
   * @param {number} calls mentions and private messages that weren't read yet
   * @param {boolean} unread whether anything wasn't
   */
  mark(name, calls, unread) {
    const mark = calls ? `(${calls}) ` : unread ? "• " : "";
    document.title = `${mark}${name}`;
    const icon = calls ? "chat/icon-new.svg" : "chat/icon.svg";
    if (found("icon").getAttribute("href") !== icon) found("icon").setAttribute("href", icon);
  }
}
