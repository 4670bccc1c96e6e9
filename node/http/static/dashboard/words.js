// Numbers, times and names as people read them. Must not know the page.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

export const NONE = "–";

/** A count: 12,345. */
export const count = (n) => (n == null ? NONE : whole.format(n));

/** A rate per second: 0.4, 12, 3,400. */
export function rate(n) {
  if (n == null) return NONE;
  return n < 9.95 && n > 0 ? n.toFixed(1) : whole.format(n);
}

/** Bytes in units of 1,024. */
export function bytes(n) {
  if (n == null) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) [n, i] = [n / 1024, i + 1];
  return `${n < 10 && i ? n.toFixed(1) : whole.format(n)} ${units[i]}`;
}

/** A share of one core, as percent. */
export const percent = (share) =>
  share == null ? NONE : `${share < 0.0995 ? (100 * share).toFixed(1) : whole.format(100 * share)} %`;

/** A short time in seconds: 0.4 ms, 12 ms, 1.2 s. */
export function lag(seconds) {
  if (seconds == null) return NONE;
  if (seconds >= 0.9995) return `${seconds.toFixed(1)} s`;
  const ms = 1000 * seconds;
  return `${ms < 9.95 ? ms.toFixed(1) : whole.format(ms)} ms`;
}

/** A long time in seconds: 14 s, 3 min, 5 h 12 min, 3 d 4 h. */
export function span(seconds) {
  if (seconds == null) return NONE;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 120) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 120) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 ? `${h} h ${min % 60} min` : `${h} h`;
  return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${Math.floor(h / 24)} d`;
}

/** A moment, ms of Unix time: 12:34:56, with the day if it isn't today. */
export function moment(ms) {
  const at = new Date(ms);
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

/** "1 node", "3 nodes". */
export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** What kinds of incidents are called, and how grave they are: bad, warn, act or calm. */
const KINDS = {
  started: ["Node started", "calm"],
  stopped: ["Node stopped", "calm"],
  "node-lost": ["Node lost", "bad"],
  draining: ["Draining", "act"],
  "broker-away": ["Redis away", "bad"],
  failover: ["Failover", "warn"],
  forgotten: ["Data lost", "bad"],
  gap: ["Gap", "warn"],
  "slow-reader": ["Slow reader", "warn"],
  notice: ["Notice", "act"],
  kick: ["Kick", "act"],
  ban: ["Ban", "act"],
  unban: ["Ban lifted", "act"],
  rebalance: ["Rebalance", "act"],
  oper: ["Operator", "act"],
  kill: ["Kill", "act"],
  wallops: ["Wallops", "act"],
  rehash: ["Files read anew", "act"],
};

/** An incident's name and gravity; of a later release's, its own name. */
export const kindOf = (kind) => KINDS[kind] ?? [kind, "calm"];
