// The live stream: events from whichever node answers, again and again.
//
//   connecting ──open──> live ──no event for SILENCE, or an error──> broken ──pause──> connecting
//
// A browser's own EventSource gives up on an answer that isn't 200, and doesn't notice a node that
// stands still: so each try is a new one, with a watch. Must not know what the events say.

const SILENCE = 3000;  // ms; there's an event every second
const PATIENCE = [4000, 7000, 12000, 20000];  // ms for the first event of a try: a busy node is slow
const PAUSES = [300, 700, 1500, 3000, 5000];

export class Stream {
  /** `heard(kind, data)` for each event; `changed(stream)` when `live` or `why` is another. */
  constructor(url, kinds, heard, changed) {
    Object.assign(this, { url, kinds, heard, changed });
    this.live = false;
    this.lastAt = null;  // performance.now() of the last event
    this.since = performance.now();  // of the break
    this.failures = 0;
    this.stopped = false;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.connect();
  }

  connect() {
    if (this.stopped) return;
    this.source = new EventSource(this.url);
    this.source.onerror = () => this.broken();
    for (const kind of this.kinds) {
      this.source.addEventListener(kind, (event) => this.event(kind, event));
    }
    this.watch(PATIENCE[Math.min(this.failures, PATIENCE.length - 1)]);
  }

  watch(patience) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.broken(), patience);
  }

  event(kind, event) {
    this.watch(SILENCE);
    this.failures = 0;
    this.lastAt = performance.now();
    if (kind === "bye") {
      this.broken();
      return;
    }
    if (!this.live) {
      this.live = true;
      this.changed();
    }
    this.heard(kind, JSON.parse(event.data));
  }

  broken() {
    this.source.close();
    clearTimeout(this.timer);
    if (this.live) {
      this.live = false;
      this.since = performance.now();
    }
    const pause = PAUSES[Math.min(this.failures, PAUSES.length - 1)];
    this.failures += 1;
    if (!this.stopped) this.timer = setTimeout(() => this.connect(), pause * (0.75 + Math.random() / 2));
    this.changed();
  }

  hurry() {
    if (this.live || this.stopped) return;
    this.source.close();
    clearTimeout(this.timer);
    this.connect();
  }

  stop() {
    this.stopped = true;
    this.source.close();
    clearTimeout(this.timer);
  }
}
