/** Names of people and channels: which are one, which may be, where one is spoken of. Pure. */

export const NICK = /^[A-Za-z_[\]\\`^{}|][-\w[\]\\`^{}|]{0,31}$/;

/** The form in which two spellings of one name are the same. @param {string} name */
export const fold = (name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** @param {string} name */
export const isChannel = (name) => name.startsWith("#");

/** A channel's name, with or without its `#`. @param {string} name */
export const channelName = (name) => (isChannel(name) ? name : `#${name}`).normalize("NFC");

/** Which of `HUES` colours of chat.css a name has, the same for everyone. @param {string} nick */
export function hue(nick) {
  let sum = 0;
  for (const character of fold(nick)) sum = (sum * 31 + character.charCodeAt(0)) % 9973;
  return sum % HUES;
}

export const HUES = 12;

/**
 * Whether a text speaks of somebody: the nick stands in it as a word of its own.
 *
 * @param {string} text
 * @param {string} nick
 */
export function mentions(text, nick) {
  const escaped = fold(nick).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`(?<![-\\p{L}\\p{N}_])${escaped}(?![-\\p{L}\\p{N}_])`, "u").test(fold(text));
}
