/**
 * Where one types. Enter sends, Shift+Enter begins another line; while an input method composes a
 * character nothing is sent. Tab completes; the list of what may be meant shows by itself after a sign.
 */

import { complete } from "./completion.js";
import { foreign, found, make } from "./dom.js";

/** What the protocol takes, in bytes of UTF-8. */
export const LONGEST = 4096;
/** How many of what may be meant are seen at once. */
const OFFERED = 8;

const encoder = new TextEncoder();

export class Composer {
  #form = found("composer");
  /** @type {HTMLTextAreaElement} */
  #field = found("field");
  #offers = found("offers");
  /** @type {import("./completion.js").Completion | null} */
  #completion = null;
  #chosen = 0;
  /** What was sent, the newest last, to be had again with the arrow up. @type {string[]} */
  #sent = [];
  #recalled = 0;

  /**
   * @param {object} acts
   * @param {() => import("./completion.js").Knowledge} acts.know
   * @param {(lines: string[]) => Promise<boolean>} acts.send whether they were taken
   * @param {(pages: number) => void} acts.scroll
   * @param {(says: string) => void} acts.complain
   */
  constructor(acts) {
    this.acts = acts;
    this.#form.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#field.addEventListener("keydown", (event) => this.#pressed(event));
    this.#field.addEventListener("input", (event) => {
      if (!(/** @type {InputEvent} */ (event).isComposing)) this.#offer(false);
    });
    this.#field.addEventListener("blur", () => this.#hide());
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    this.#field.setSelectionRange(text.length, text.length);
    this.#hide();
  }

  /** @param {string} placeholder */
  invite(placeholder) {
    this.#field.placeholder = placeholder;
  }

  /** Let the person type; where that would bring up a keyboard over half the screen, only read. */
  focus() {
    const touched = window.matchMedia("(pointer: coarse)").matches;
    (touched ? found("name") : this.#field).focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return; // 229: Safari's Enter that ends composing
    const key = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    if (event.ctrlKey || event.metaKey || event.altKey || !key) return;
    if (key(this, event)) event.preventDefault();
  }

  /** Each key's function says whether the key is done with.  Enter and its kind, below. */
  enter(/** @type {KeyboardEvent} */ { shiftKey }) {
    if (shiftKey) return false;
    void this.#send();
    return true;
  }

  tab(/** @type {KeyboardEvent} */ { shiftKey }) {
    if (this.#completion) {
      this.#take();
      return true;
    }
    return !shiftKey && this.#offer(true);
  }

  escape() {
    return this.#hide();
  }

  arrow(/** @type {number} */ step) {
    if (this.#completion) {
      const { length } = this.#completion.offers;
      this.#chosen = (this.#chosen + step + length) % length;
      this.#showOffers();
      return true;
    }
    return this.#recall(step);
  }

  page(/** @type {number} */ pages) {
    this.acts.scroll(pages);
    return true;
  }

  /** What was sent before, as a shell has it. @param {number} step */
  #recall(step) {
    const at = this.#recalled + step;
    const unchanged = this.text === (this.#sent[this.#recalled] ?? "");
    if (!unchanged || at < 0 || at > this.#sent.length) return false;
    this.#recalled = at;
    this.text = this.#sent[at] ?? "";
    return true;
  }

  async #send() {
    const text = this.text;
    const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
    if (!lines.length) return;
    const long = lines.find((line) => encoder.encode(line).length > LONGEST);
    if (long) {
      const { length } = encoder.encode(long);
      this.acts.complain(`That line is too long: it has ${length} bytes, and may have ${LONGEST}.`);
      return;
    }
    this.#hide();
    if (!(await this.acts.send(lines))) return;
    if (this.text === text) this.text = "";
    this.#sent = [...this.#sent, ...lines].slice(-50);
    this.#recalled = this.#sent.length;
  }

  // -- completion

  /** @param {boolean} asked @returns {boolean} whether there is something */
  #offer(asked) {
    const { value, selectionStart } = this.#field;
    this.#completion = complete(value, selectionStart, this.acts.know(), asked);
    this.#chosen = 0;
    if (!this.#completion) {
      this.#hide();
      return false;
    }
    if (asked && this.#completion.offers.length === 1) this.#take();
    else this.#showOffers();
    return true;
  }

  #showOffers() {
    const offers = this.#completion?.offers ?? [];
    const last = Math.max(0, offers.length - OFFERED);
    const first = Math.min(last, Math.max(0, this.#chosen - OFFERED / 2));
    const seen = offers.slice(first, first + OFFERED).map((offer, i) => this.#option(offer, first + i));
    this.#offers.replaceChildren(...seen);
    this.#offers.hidden = false;
    this.#field.setAttribute("aria-activedescendant", `offer-${this.#chosen}`);
  }

  /** @param {import("./completion.js").Offer} offer @param {number} at */
  #option({ what, hint }, at) {
    const mousedown = (/** @type {Event} */ event) => {
      event.preventDefault(); // the focus stays in the field
      this.#chosen = at;
      this.#take();
    };
    const chosen = String(at === this.#chosen);
    return make(
      "li",
      { role: "option", id: `offer-${at}`, "aria-selected": chosen, mousedown },
      make("bdi.what", {}, what),
      foreign("span.hint", hint),
    );
  }

  #take() {
    if (!this.#completion) return;
    const { from, to, offers } = this.#completion;
    this.#field.setRangeText(offers[this.#chosen].insert, from, to, "end");
    this.#hide();
    this.#offer(false);
  }

  /** @returns {boolean} whether something was shown */
  #hide() {
    const shown = !this.#offers.hidden;
    this.#completion = null;
    this.#offers.hidden = true;
    this.#offers.replaceChildren();
    this.#field.removeAttribute("aria-activedescendant");
    return shown;
  }
}

/** @type {Record<string, (composer: Composer, event: KeyboardEvent) => boolean>} */
const KEYS = {
  Enter: (composer, event) => composer.enter(event),
  Tab: (composer, event) => composer.tab(event),
  Escape: (composer) => composer.escape(),
  ArrowUp: (composer) => composer.arrow(-1),
  ArrowDown: (composer) => composer.arrow(1),
  PageUp: (composer) => composer.page(-1),
  PageDown: (composer) => composer.page(1),
};
