// The page: what is where, and what happens when news comes.
//
//   Stream ─ overview ─> tiles, tables, charts, banner        api.js, acts.js <── buttons
//          ─ away ─────> banner: what this node knows itself
//          ─ silence ──> banner: how old it all is

import { acts } from "./acts.js";
import { ask } from "./api.js";
import { Charts } from "./charts.js";
import { byId, facts, make, mark, tell } from "./dom.js";
import { Stream } from "./stream.js";
import { table } from "./table.js";
import { bytes, count, counted, kindOf, lag, moment, NONE, percent, rate, span } from "./words.js";

const LOST_SHOWN = 900;  // seconds for which a node that was lost has a row
const STOPPED_SHOWN = 300;  // and one that was stopped
const STOPPED = "stopped in good order";  // why a node says that it's gone

const STATES = { ready: "ready", degraded: "degraded", draining: "draining", gone: "gone" };

let mayOperate = false;
let open = () => {};  // a dialog
let stream = null;
let charts = null;
let last = null;  // the last overview, and when it came
let away = null;  // the last word that Redis is away
let by = "the node";  // whoever tells
let bansAt = null;  // when the newest incident about bans was

// -- the tables

const bdi = (text) => make("bdi", {}, text);

function button(title, label, press) {
  const made = make("button", { type: "button", class: "small", "aria-label": label }, title);
  made.addEventListener("click", press);
  return made;
}

/** A cell whose contents are made once for a row, and again when `about` is another. */
function once(cell, about, build) {
  if (cell.dataset.about === about) return;
  cell.dataset.about = about;
  cell.replaceChildren(...build());
}

function name(cell, text) {
  once(cell, text, () => [bdi(text)]);
}

const people = (status) => Object.values(status.sessions).reduce((a, b) => a + b, 0);
const dialects = (sessions) => Object.entries(sessions).map(([dialect, n]) => `${count(n)} ${dialect}`).join(", ");
const here = (status, value) => (status.state === "gone" ? NONE : value);
const order = { ready: 0, draining: 1, degraded: 2, gone: 3 };

const age = (status) => (last.overview.at - status.at) / 1000;
const wasStopped = (status) => status.state === "gone" && status.why.includes(STOPPED);

function fillState(cell, status, row) {
  mark(row, "data-state", status.state);
  const ago = status.state === "gone" ? [`${span(age(status))} ago`] : [];
  const why = [status.why.join("; "), ...ago].join(", ");
  if (!cell.firstChild) {
    cell.append(make("span", { class: "state" }), make("span", { class: "why" }));
  }
  mark(cell.firstChild, "data-state", wasStopped(status) ? "stopped" : status.state);
  tell(cell.firstChild, STATES[status.state] ?? status.state);
  tell(cell.lastChild, why);
}

function fillNodeActs(cell, { node, state }) {
  once(cell, `${node} ${state !== "gone" && mayOperate}`, () => (state === "gone" || !mayOperate ? [] : [
    button("Drain", `Drain ${node}`, () => open("drain", node)),
    button("Rebalance", `Rebalance ${node}`, () => open("rebalance", node)),
  ]));
}

const number = (name, title, value, text) => ({ name, title, value, text: (status) => here(status, text(value(status))), numeric: true });

const showNodes = table(byId("nodes"), [
  { name: "node", title: "Node", head: true, value: (s) => s.node, fill: (cell, s) => name(cell, s.node) },
  { name: "state", title: "State", value: (s) => order[s.state] ?? 9, fill: fillState },
  number("sessions", "Sessions", people, count),
  number("lines", "Lines/s", (s) => s.line_rate, rate),
  number("deliveries", "Deliveries/s", (s) => s.delivery_rate, rate),
  number("cpu", "CPU", (s) => s.cpu, percent),
  number("lag", "Loop lag", (s) => s.loop_lag, lag),
  number("probe", "Redis trip", (s) => s.probe, lag),
  number("memory", "Memory", (s) => s.memory, bytes),
  number("outbox", "Unsent", (s) => s.outbox, bytes),
  { name: "version", title: "Version", value: (s) => s.version },
  { name: "up", title: "Up for", value: (s) => -s.started, numeric: true,
    text: (s) => here(s, span((last.overview.at - s.started) / 1000)) },
  { name: "acts", title: "Acts", fixed: true, quiet: true, fill: fillNodeActs },
], { key: (status) => `${status.node} ${status.started}`, sort: "node", last: (status) => status.state === "gone", empty: "No node has told anything of itself yet." });

const showChannels = table(byId("channels"), [
  { name: "channel", title: "Channel", head: true, value: (c) => c.name, fill: (cell, c) => name(cell, c.name) },
  { name: "people", title: "People", numeric: true, value: (c) => c.members, text: (c) => count(c.members) },
  { name: "rate", title: "Lines/s", numeric: true, value: (c) => c.rate, text: (c) => rate(c.rate) },
], { key: (channel) => channel.name, sort: "-people", empty: "Nobody is in any channel.", most: 20 });

const showTalkers = table(byId("talkers"), [
  { name: "nick", title: "Nick", head: true, value: (t) => t[0], fill: (cell, t) => name(cell, t[0]) },
  { name: "rate", title: "Lines/s", numeric: true, value: (t) => t[1], text: (t) => rate(t[1]) },
  { name: "acts", title: "Acts", fixed: true, quiet: true, fill: (cell, [nick]) =>
    once(cell, `${mayOperate} ${nick}`, () => (!mayOperate ? [] : [
      button("Kick", `Kick ${nick}`, () => open("kick", nick)),
      button("Ban", `Ban ${nick}`, () => open("ban", nick)),
    ])) },
], { key: ([nick]) => nick, sort: "-rate", empty: "Nobody has said anything lately." });

const showIncidents = table(byId("incidents"), [
  { name: "at", title: "When", down: true, value: (i) => i.at, text: (i) => moment(i.at) },
  { name: "kind", title: "What", head: true, value: (i) => kindOf(i.kind)[0], fill: (cell, i) =>
    once(cell, i.kind, () => [make("span", { class: "kind", "data-grave": kindOf(i.kind)[1] }, kindOf(i.kind)[0])]) },
  { name: "about", title: "About", value: (i) => i.about, fill: (cell, i) => name(cell, i.about) },
  { name: "says", title: "In words", fixed: true, value: (i) => i.says, fill: (cell, i) => name(cell, i.says) },
  { name: "node", title: "Told by", value: (i) => i.by || i.node, fill: (cell, i) => name(cell, i.by ? `${i.by}, on ${i.node}` : i.node) },
], { key: (i) => i.key, sort: "-at", empty: "Nothing has happened." });

const showSlow = table(byId("slow"), [
  { name: "at", title: "When", down: true, value: (s) => s.at, text: (s) => moment(s.at) },
  { name: "took", title: "Took", numeric: true, value: (s) => s.seconds, text: (s) => lag(s.seconds) },
  { name: "command", title: "Command", head: true, value: (s) => s.command },
], { key: (s) => s.key, sort: "-at", empty: "Redis has found no command slow." });

const banned = (ban) => ban.network || ban.mask;
const showBans = table(byId("bans"), [
  { name: "banned", title: "Who", head: true, value: banned, fill: (cell, b) => name(cell, banned(b)) },
  { name: "until", title: "Until", value: (b) => b.until ?? Infinity, text: (b) => (b.until ? moment(b.until) : "it's lifted") },
  { name: "why", title: "Why", fixed: true, value: (b) => b.why ?? "", fill: (cell, b) => name(cell, b.why ?? "") },
  { name: "by", title: "By", value: (b) => b.by ?? "", fill: (cell, b) => name(cell, b.by ?? "") },
  { name: "acts", title: "Acts", fixed: true, quiet: true, fill: (cell, b) =>
    once(cell, banned(b), () => [button("Lift", `Lift the ban of ${banned(b)}`, () => open("unban", banned(b)))]) },
], { key: banned, sort: "banned", empty: "Nobody is banned." });

const showMasters = table(byId("masters"), [
  { name: "place", title: "Redis", head: true, value: (m) => m.place },
  { name: "role", title: "Role", value: (m) => (m.connected ? m.role : "doesn't answer") },
  { name: "memory", title: "Memory", numeric: true, value: (m) => m.memory, text: (m) => (m.memory_most ? `${bytes(m.memory)} of ${bytes(m.memory_most)}` : bytes(m.memory)) },
  { name: "clients", title: "Clients", numeric: true, value: (m) => m.clients, text: (m) => count(m.clients) },
  { name: "commands", title: "Commands/s", numeric: true, value: (m) => m.commands_rate, text: (m) => rate(m.commands_rate) },
  { name: "keys", title: "Keys", numeric: true, value: (m) => m.keys, text: (m) => count(m.keys) },
  { name: "replicas", title: "Replicas", numeric: true, value: (m) => m.replicas, text: (m) => (m.replica_lag ? `${count(m.replicas)}, ${bytes(m.replica_lag)} behind` : count(m.replicas)) },
], { key: (m) => m.place, sort: "place", empty: "" });

const showTotals = facts(byId("totals"));
const showRedis = facts(byId("redis"));

// -- what is told

const distinct = (rows) => {
  const seen = new Map();
  return rows.map((row) => {
    const name = JSON.stringify(row);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return { ...row, key: `${name}${seen.get(name)}` };
  });
};

function channelRows(overview) {
  const rows = new Map();
  const row = (channel) => {
    const name = channel.toLowerCase();
    if (!rows.has(name)) rows.set(name, { name: channel, members: null, rate: 0 });
    return rows.get(name);
  };
  for (const [channel, members] of overview.largest) row(channel).members = members;
  for (const [channel, lines] of overview.busiest) row(channel).rate = lines;
  return [...rows.values()];
}

function totals({ nodes, ...all }, { well, nodes: known }) {
  const living = nodes.filter((node) => node.state !== "gone");
  const sum = (field) => living.reduce((total, node) => total + node[field], 0);
  const most = (field) => living.reduce((found, node) => Math.max(found, node[field]), 0);
  return [
    ["Sessions", count(all.sessions), [dialects(all.dialects), all.kept ? `${count(all.kept)} kept` : ""].filter(Boolean).join("; ")],
    ["Lines/s", rate(all.line_rate), `${count(all.messages)} so far`],
    ["Deliveries/s", rate(all.delivery_rate), all.line_rate >= 0.1 ? `${rate(all.delivery_rate / all.line_rate)} for a line` : ""],
    ["Channels", count(all.channels), ""],
    ["Nodes", `${well}/${known}`, "are well", well < known ? "warn" : null],
    ["CPU", percent(sum("cpu")), `${percent(most("cpu"))} at most`],
    ["Loop lag", lag(most("loop_lag")), "the longest", most("loop_lag") > 0.5 ? "warn" : null],
    ["Gaps", count(sum("gaps")), counted(sum("slow_readers"), "slow reader")],
  ];
}

function redis({ server }) {
  const { memory, memory_most: bound } = server;
  return [
    ["Version", server.version || NONE, server.role],
    ["Up for", span(server.uptime)],
    ["Memory", bytes(memory), bound ? `of ${bytes(bound)}, ${percent(memory / bound)}` : `no bound; ${bytes(server.memory_peak)} at most so far`, bound && memory > 0.9 * bound ? "warn" : null],
    ["Fragmentation", server.fragmentation.toFixed(2)],
    ["Commands a second", rate(server.commands_rate)],
    ["Clients", count(server.clients), [server.clients_most ? `of ${count(server.clients_most)}` : "", server.blocked ? `${count(server.blocked)} blocked` : ""].filter(Boolean).join(", ")],
    ["Replicas", count(server.replicas), server.replicas ? `${bytes(server.replica_lag)} behind at most` : ""],
    ["On disk", server.saved ? "in order" : "failing", server.append_only ? "append-only file" : "snapshots only", server.saved ? null : "bad"],
    ["Keys", count(server.keys), server.evicted ? `${count(server.evicted)} evicted` : "none evicted", server.evicted ? "bad" : null],
    ["Refused connections", count(server.rejected), "", server.rejected ? "warn" : null],
  ];
}

function show(told) {
  const { overview } = told;
  last = { ...told, heard: performance.now() };
  away = null;
  by = told.by;
  showNodes(overview.nodes.filter((node) =>
    node.state !== "gone" || age(node) < (wasStopped(node) ? STOPPED_SHOWN : LOST_SHOWN)));
  showTotals(totals(overview, told.verdict));
  showChannels(channelRows(overview));
  showTalkers(overview.talkers);
  showIncidents(distinct(overview.incidents));
  const { masters, server } = overview;  // of a Redis Cluster; else there are none
  byId("redis").parentElement.hidden = masters.length > 0;
  byId("masters-card").hidden = !masters.length;
  showRedis(redis(overview));
  showMasters(masters);
  showSlow(distinct((masters.length ? masters : [server]).flatMap(({ slow }) => slow)));
  charts.go(overview.at, overview.nodes
    .filter((node) => node.state !== "gone")
    .sort((a, b) => a.started - b.started)  // of two lives of a node the later one counts
    .map((node) => ({ ...node, sessions: people(node), lag: node.loop_lag, fresh: age(node) < 5 })));
  const newest = overview.incidents.find(({ kind }) => kind === "ban" || kind === "unban")?.at ?? 0;
  if (newest !== bansAt) {
    bansAt = newest;
    listBans();
  }
  banner();
}

function heard(kind, data) {
  if (kind === "series") charts.begin(data);
  if (kind === "overview") show(data);
  if (kind === "away") {
    away = data;
    by = data.by;
    banner();
  }
}

// -- the banner: one sentence, whatever happens

const ICON = { well: "", note: "", warn: "! ", bad: "!! ", unknown: "? " };

function ownWords(own) {
  return `Of now only ${own.node} itself is known: ${counted(people(own), "session")}, loop lag ${lag(own.loop_lag)}, ${bytes(own.memory)} of memory. `;
}

function banner() {
  let level = "unknown";
  let says = "Asking how the cluster is…";
  let gist = says;
  let more = "";
  if (!stream.live && stream.lastAt === null) {
    if (stream.failures) says = gist = "No node answers yet. Trying again…";
  } else if (!stream.live) {
    const silence = (performance.now() - stream.lastAt) / 1000;
    level = silence < 2 ? "unknown" : "bad";
    gist = "The connection to the cluster is lost. Trying again…";
    says = silence < 2 ? `The connection to ${by} is lost. Trying again…` : `No news for ${span(silence)}: ${by} doesn't answer. Trying again…`;
    more = "The numbers below are from before. This says nothing about the other nodes: the page goes on with any that answers.";
  } else if (away) {
    ({ level, says, gist } = away.verdict);
    const { own } = away;
    more = `${own ? ownWords(own) : ""}The numbers below are from before.`;
  } else if (last) {
    ({ level, says, gist } = last.verdict);
  }
  mark(byId("banner"), "data-level", level);
  tell(byId("banner-says"), says);
  tell(byId("aloud"), gist);
  const extra = byId("banner-more");
  tell(extra, more);
  extra.hidden = !more;
  const current = stream.live && !away;
  document.body.classList.toggle("stale", Boolean(last) && !current);
  const age = last ? (performance.now() - last.heard) / 1000 : null;
  tell(byId("fresh"), age === null ? "" : current ? `live, from ${by}` : `numbers are ${span(age)} old`);
  document.title = `${ICON[level] ?? ""}${gist.replace(/\.$/, "")} · chorus`;
}

// -- acts

let toldTimer = null;
function told(text) {
  const box = byId("told");
  tell(box, text);
  clearTimeout(toldTimer);
  toldTimer = setTimeout(() => tell(box, ""), 12000);
}

async function listBans() {
  if (!mayOperate) return;
  try {
    const said = await ask("GET", "/api/v1/bans");
    showBans(said.bans ?? said);
  } catch { /* the banner says what is wrong */ }
}

// -- who looks

async function begin() {
  let me;
  try {
    me = await ask("GET", "/dashboard/me");
  } catch {
    setTimeout(begin, 1500);
    return;
  }
  by = me.node;
  mayOperate = me.scopes.includes("operate");
  const mayInspect = me.scopes.includes("inspect");
  byId("login").hidden = mayInspect;
  byId("main").hidden = !mayInspect;
  byId("notice").hidden = byId("bans-section").hidden = !mayOperate;
  byId("logout").hidden = !me.token;
  if (!mayInspect) {
    byId("token").focus();
    return;
  }
  charts ??= new Charts();
  stream = new Stream("/dashboard/live", ["series", "overview", "away", "bye"], heard, changed);
  setInterval(banner, 1000);
}

let asking = false;
async function changed() {
  banner();
  if (stream.live || asking || stream.failures < 2) return;
  asking = true;  // is it the token?
  try {
    const me = await ask("GET", "/dashboard/me");
    if (!me.scopes.includes("inspect")) location.reload();
  } catch { /* no node answers */ } finally {
    asking = false;
  }
}

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  tell(byId("login-error"), "");
  try {
    await ask("POST", "/dashboard/login", { token: byId("token").value });
    byId("token").value = "";
    await begin();
    byId("main").focus();
  } catch (refused) {
    tell(byId("login-error"), refused.says);
    byId("token").select();
  }
});
byId("logout").addEventListener("click", async () => {
  await ask("POST", "/dashboard/logout").catch(() => {});
  location.reload();
});
byId("notice").addEventListener("click", () => open("notice"));
byId("kick").addEventListener("click", () => open("kick"));
byId("ban").addEventListener("click", () => open("ban"));

open = acts({ told, done: listBans });
begin();
