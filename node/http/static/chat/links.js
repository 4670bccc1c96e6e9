/**
 * Finds the addresses of web pages in what people say. Pure.
 *
 * Only http and https, never with a user's name before the host (`https://bank.example@evil.example`
 * leads to evil.example), and nothing invisible within.
 */

const ADDRESS = /\bhttps?:\/\/[^\s<>"\p{C}\p{Z}]+/giu;
const TRAILING = /[.,:;!?'"’”»…*_~]+$/u;
const PAIRS = { ")": "(", "]": "[", "}": "{" };

/**
 * @typedef {{text: string, href?: string}} Part a piece of a text; one with `href` is a link
 */

/**
 * @param {string} text
 * @returns {Part[]} whose texts, put together, are `text`
 */
export function parts(text) {
  /** @type {Part[]} */
  const found = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutSentence(match[0]);
    const href = safe(address);
    if (href === null) continue;
    if (match.index > done) found.push({ text: text.slice(done, match.index) });
    found.push({ text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length) found.push({ text: text.slice(done) });
  return found;
}

/** The address without what belongs to the sentence around it: `(see https://a.example/b).` */
function withoutSentence(/** @type {string} */ address) {
  for (;;) {
    const shorter = address.replace(TRAILING, "");
    const last = shorter.at(-1) ?? "";
    const opening = PAIRS[/** @type {keyof typeof PAIRS} */ (last)];
    const unpaired = opening && count(shorter, last) > count(shorter, opening);
    if (!unpaired) return shorter;
    address = shorter.slice(0, -1);
  }
}

function count(/** @type {string} */ text, /** @type {string} */ character) {
  return text.split(character).length - 1;
}

/** Where the address leads, or null if that isn't a plain web page. */
function safe(/** @type {string} */ address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  const plain = url.protocol === "https:" || url.protocol === "http:";
  return plain && url.hostname && !url.username && !url.password ? url.href : null;
}
