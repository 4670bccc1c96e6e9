/**
 * What a person may mean by what stands before the caret: commands, channels, nicks. Pure.
 */

import { fold, isChannel } from "./names.js";

/**
 * @typedef {{insert: string, what: string, hint: string}} Offer `insert` takes the place of what is
 *   completed; `what` and `hint` are shown
 * @typedef {{from: number, to: number, offers: Offer[]}} Completion of the text between two places
 * @typedef {{name: string, hint: string}} Known
 * @typedef {{commands: Known[], channels: Known[], nicks: Known[], takesNick: (command: string) => boolean}} Knowledge
 */

const AT_MOST = 50;
const NOTHING = null;

/**
 * @param {string} text
 * @param {number} caret
 * @param {Knowledge} know
 * @param {boolean} asked whether the person pressed Tab; else only what begins with a sign is
 *   completed: `/`, `#` and `@`
 * @returns {Completion | null}
 */
export function complete(text, caret, know, asked) {
  const before = text.slice(0, caret);
  const from = Math.max(before.lastIndexOf(" "), before.lastIndexOf("\n")) + 1;
  const word = before.slice(from);
  const command = /^\/([^\s/]+)\s/.exec(before)?.[1] ?? "";
  const offers = offersFor(word, from, command, know, asked);
  return offers.length ? { from, to: caret, offers: offers.slice(0, AT_MOST) } : NOTHING;
}

/**
 * @param {string} word
 * @param {number} from
 * @param {string} command
 * @param {Knowledge} know
 * @param {boolean} asked
 * @returns {Offer[]}
 */
function offersFor(word, from, command, know, asked) {
  if (from === 0 && word.startsWith("/") && !word.startsWith("//")) {
    return beginning(word.slice(1), know.commands, (name) => `/${name} `, (name) => `/${name}`);
  }
  if (isChannel(word)) return beginning(word, know.channels, (name) => `${name} `);
  if (word.startsWith("@") && !command) return addressed(word.slice(1), from, know);
  if (!word && !command) return [];
  if (asked || (word && know.takesNick(command))) return addressed(word, from, know);
  return [];
}

/** Nicks; at the beginning of a line somebody is spoken to: `ann: `. */
function addressed(
  /** @type {string} */ word,
  /** @type {number} */ from,
  /** @type {Knowledge} */ know,
) {
  return beginning(word, know.nicks, (name) => (from === 0 ? `${name}: ` : `${name} `));
}

/**
 * @param {string} start
 * @param {Known[]} known
 * @param {(name: string) => string} insert
 * @param {(name: string) => string} [what]
 * @returns {Offer[]}
 */
function beginning(start, known, insert, what = (name) => name) {
  const folded = fold(start);
  return known
    .filter(({ name }) => fold(name).startsWith(folded))
    .map(({ name, hint }) => ({ insert: insert(name), what: what(name), hint }));
}
