/** Times as people read them: in their own zone, in the way of their language. Pure. */

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayFormat = new Intl.DateTimeFormat(undefined, {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
});

/** The time of day. @param {number} at milliseconds of Unix time */
export const clock = (at) => clockFormat.format(at);

/** Day and time, to the second. @param {number} at */
export const full = (at) => fullFormat.format(at);

/** What is the same for all times of one day. @param {number} at */
export const dayOf = (at) => new Date(at).toDateString();

/**
 * @param {number} at
 * @param {number} now
 */
export function dayName(at, now) {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayOf(at) === dayOf(now)) return "Today";
  return dayOf(at) === yesterday.toDateString() ? "Yesterday" : dayFormat.format(at);
}
