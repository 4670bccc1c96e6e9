// The last hour in charts: as Redis has it, going on live with what nodes tell each second.
//
//   series (once) ──────────────┐
//   statuses (every second) ────┴─> slots of `step` ms, for each node ─> columns ─> uPlot
//
// The number of slots is bounded. All charts share one axis of time and one cursor.

import { byId, make, mark, tell } from "./dom.js";
import { bytes, count, lag, NONE, percent, rate } from "./words.js";

const HOUR = 3_600_000;  // ms
const FIELDS = ["at", "sessions", "line_rate", "delivery_rate", "cpu", "lag", "memory"];  // of a Point
const LEAST = 600;  // seconds that are shown at least
const READ = 9;  // how many values are read out below a chart
const DRAWN = 3000;  // ms from one drawing to the next

const sum = (values) => values.reduce((a, b) => a + b, 0);
const most = (values) => Math.max(...values);

const CHARTS = [
  { field: "sessions", title: "Sessions", total: sum, text: count },
  { field: "line_rate", title: "Lines a second", total: sum, text: rate },
  { field: "delivery_rate", title: "Deliveries a second", total: sum, text: rate },
  { field: "cpu", title: "CPU, of one core", total: sum, text: percent },
  { field: "lag", title: "Loop lag", total: most, text: lag, all: "worst" },
  { field: "memory", title: "Memory", total: sum, text: bytes, steps: Array.from({ length: 40 }, (_, i) => 2 ** i) },
];

const TOTAL = "All nodes";

export class Charts {
  constructor() {
    this.nodes = new Map();  // name -> Map of slot -> point
    this.hidden = new Set();
    this.plots = [];
    this.names = [];
    this.newest = 0;  // slot
    this.step = 0;
    this.slots = 0;
    this.drawnAt = 0;
    this.statuses = [];
    this.list = byId("charts");
    this.legend = byId("legend");
    this.showTable = hourTable(byId("hour"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.build());
    byId("numbers").addEventListener("toggle", () => this.draw());
    this.sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        const found = this.plots.find((each) => each.box === target);
        const width = Math.floor(contentRect.width);
        if (found && width > 0 && width !== found.plot.width) found.plot.setSize({ width, height: 170 });
      }
    });
  }

  /** What Redis has: `broker.reports.Series`. */
  begin({ step, nodes }) {
    this.step = step;
    this.slots = Math.ceil(HOUR / step);
    this.nodes.clear();
    this.newest = 0;
    for (const [node, points] of Object.entries(nodes)) {
      for (const point of points) {
        this.add(node, point[0], Object.fromEntries(FIELDS.map((name, i) => [name, point[i]])));
      }
    }
    this.draw();
  }

  add(node, at, point) {
    const slot = Math.floor(at / this.step);
    if (!this.nodes.has(node)) this.nodes.set(node, new Map());
    const slots = this.nodes.get(node);
    const old = slots.get(slot);
    slots.set(slot, old ? { ...point, lag: Math.max(old.lag, point.lag) } : point);
    this.newest = Math.max(this.newest, slot);
  }

  /** What nodes tell at a moment (ms): their statuses, `fresh` if they aren't silent. */
  go(at, statuses) {
    this.statuses = statuses;
    for (const { chart, now } of this.plots) tell(now, this.ofNow(chart));
    if (!this.step) return;
    const before = this.newest;
    for (const status of statuses) if (status.fresh) this.add(status.node, at, status);
    if (this.newest !== before) this.forget();
    if (document.hidden) return;
    if (this.newest !== before || performance.now() - this.drawnAt > DRAWN) this.draw();
  }

  ofNow({ field, total, text }) {
    return this.statuses.length ? text(total(this.statuses.map((status) => status[field]))) : NONE;
  }

  forget() {
    for (const [name, slots] of this.nodes) {
      for (const slot of slots.keys()) {
        if (slot > this.newest - this.slots) break;  // they came in order
        slots.delete(slot);
      }
      if (!slots.size) this.nodes.delete(name);
    }
  }

  columns(chart) {
    const first = this.newest - this.slots + 1;
    const moments = Array.from({ length: this.slots }, (_, i) => first + i);
    const lines = this.names.map((name) => {
      const slots = this.nodes.get(name);
      return moments.map((slot) => slots.get(slot)?.[chart.field] ?? null);
    });
    const total = moments.map((_, i) => {
      const there = lines.map((line) => line[i]).filter((value) => value !== null);
      return there.length ? chart.total(there) : null;
    });
    return [moments.map((slot) => slot * this.step / 1000), total, ...lines];
  }

  draw() {
    if (!this.newest) return;
    this.drawnAt = performance.now();
    const names = [...this.nodes.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    if (names.join("\n") !== this.names.join("\n") || !this.plots.length) {
      this.names = names;
      this.build();
      return;
    }
    const table = [];
    for (const each of this.plots) {
      const data = this.columns(each.chart);
      each.plot.setData(data);
      const said = data.slice(1).map(summary);
      table.push([each.chart, said]);
      this.say(each, said[0]);
    }
    if (byId("numbers").open) this.showTable(table, this.names);
  }

  say(each, { low, high }) {
    const { title, text } = each.chart;
    mark(each.box, "aria-label",
      `${title} over the last hour, ${each.chart.all ?? "all nodes together"}: now ${this.ofNow(each.chart)}, between ${text(low)} and ${text(high)}. All values are in the table below the charts.`);
  }

  // -- how it looks

  style() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    return {
      total: get("--ink"), grid: get("--grid"), text: get("--quiet"),
      nodes: Array.from({ length: 8 }, (_, i) => get(`--line-${i + 1}`)),
    };
  }

  build() {
    for (const { plot } of this.plots) plot.destroy();
    this.sizes.disconnect();
    this.list.replaceChildren();
    this.colours = resolved(this.style());
    this.plots = CHARTS.map((chart) => this.plot(chart));
    this.listLines();
    if (this.newest && this.names.length) this.draw();
  }

  plot(chart) {
    const now = make("span", { class: "now" });
    const readout = make("p", { class: "readout", "aria-hidden": "true" });
    const box = make("div", { class: "plot", role: "img", "aria-label": chart.title });
    const card = make("figure", { class: "card chart" },
      make("figcaption", {}, make("span", { class: "chart-title" }, chart.title), now), box, readout);
    this.list.append(card);
    const { colours } = this;
    const line = (label, stroke, width, dash) => ({
      label, stroke, width, dash, points: { show: false }, show: !this.hidden.has(label), spanGaps: false,
    });
    const axis = { stroke: colours.text, font: "11px system-ui, sans-serif", ticks: { show: false } };
    const options = {
      width: Math.max(200, Math.floor(box.clientWidth || 300)), height: 170,
      legend: { show: false },
      cursor: { sync: { key: "hour" }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
      padding: [8, 8, 0, 0],
      scales: {
        x: { time: true, range: (plot) => this.range(plot) },
        y: { range: (_, low, high) => [0, high > 0 ? high * 1.15 : 1] },
      },
      axes: [
        { ...axis, size: 28, space: 70, grid: { show: false },
          values: (_, ticks) => ticks.map((t) => hhmm(t)) },
        { ...axis, size: 58, space: 28, grid: { stroke: colours.grid, width: 1 }, ...(chart.steps && { incrs: chart.steps }),
          values: (_, ticks) => ticks.map((value) => chart.text(value)) },
      ],
      series: [{},
        line(TOTAL, colours.total, 2),
        ...this.names.map((name, i) => line(name, colours.nodes[i % 8], 1.5, i < 8 ? undefined : [6, 4]))],
      hooks: {
        setCursor: [(plot) => this.point(plot, chart, readout)],
        setData: [(plot) => this.point(plot, chart, readout)],
      },
    };
    const plot = new window.uPlot(options, [[], [], ...this.names.map(() => [])], box);
    const each = { chart, plot, box, now };
    this.sizes.observe(box);
    return each;
  }

  /** The seconds that are shown: the hour, or less of it as long as there's less. */
  range(plot) {
    const [moments, all] = plot.data;
    if (!moments.length) return [0, HOUR / 1000];
    const first = moments[Math.max(0, all.findIndex((value) => value !== null))];
    return [Math.min(first, moments.at(-1) - LEAST), moments.at(-1)];
  }

  /** The values under the cursor, or else the newest. */
  point(plot, chart, readout) {
    const hovered = plot.cursor.idx;
    const at = hovered ?? this.slots - 1;
    const values = plot.series.slice(1)
      .map((series, i) => [series, plot.data[i + 1]?.[at]])
      .filter(([series, value]) => series.show && value != null)
      .slice(0, READ);
    readout.replaceChildren(...(values.length ? [
      make("time", {}, hovered == null ? "now" : hhmm(plot.data[0][at], true)),
      ...values.map(([series, value]) => make("span", {},
        make("bdi", {}, series.label === TOTAL ? chart.all ?? "all" : series.label), ` ${chart.text(value)}`)),
    ] : []));
  }

  listLines() {
    const lines = [TOTAL, ...this.names];
    const known = [...this.legend.children].map((button) => button.dataset.line);
    if (known.join("\n") !== lines.join("\n")) {
      this.legend.replaceChildren(...lines.map((name) => {
        const button = make("button", { type: "button", class: "line", "data-line": name },
          make("span", { class: "swatch", "aria-hidden": "true" }), make("bdi", {}, name));
        button.addEventListener("click", () => this.toggle(name));
        return button;
      }));
    }
    [...this.legend.children].forEach((button, i) => {
      const colour = i === 0 ? this.colours.total : this.colours.nodes[(i - 1) % 8];
      button.firstChild.style.background = colour;
      mark(button, "aria-pressed", String(!this.hidden.has(lines[i])));
    });
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    const index = 1 + [TOTAL, ...this.names].indexOf(name);
    for (const { plot } of this.plots) plot.setSeries(index, { show: !this.hidden.has(name) });
    this.listLines();
  }
}

/** Colours as the canvas takes them: light-dark() is worked out by a real element. */
function resolved(colours) {
  const probe = make("span", { hidden: true });
  document.body.append(probe);
  const one = (colour) => {
    probe.style.color = colour;
    return getComputedStyle(probe).color;
  };
  const found = { ...colours, total: one(colours.total), grid: one(colours.grid), text: one(colours.text), nodes: colours.nodes.map(one) };
  probe.remove();
  return found;
}

function summary(values) {
  const there = values.filter((value) => value != null);
  if (!there.length) return { low: null, mean: null, high: null, now: null };
  return { low: Math.min(...there), mean: sum(there) / there.length, high: most(there), now: values.at(-1) };
}

function hhmm(seconds, exact = false) {
  const text = new Date(1000 * seconds).toTimeString();
  return text.slice(0, exact ? 8 : 5);
}

function hourTable(element) {
  const head = ["Value", "Of", "Lowest", "Mean", "Highest", "Now"];
  const body = make("tbody");
  element.append(make("thead", {}, make("tr", {}, ...head.map((title, i) =>
    make("th", { scope: "col", class: i > 1 && "number" }, title)))), body);
  return (table, names) => {
    body.replaceChildren(...table.flatMap(([chart, rows]) => rows.map((row, i) =>
      make("tr", {},
        make("th", { scope: "row" }, chart.title),
        make("td", {}, make("bdi", {}, i ? names[i - 1] : chart.all ?? TOTAL)),
        ...["low", "mean", "high", "now"].map((name) =>
          make("td", { class: "number" }, chart.text(row[name])))))));
  };
}
