"""`/metrics`: the node's tallies for Prometheus, in its text format or in OpenMetrics.

A table has a row for each metric. Names begin with `chorus_`, units are base units, and no label
has a nick, a channel or an address: their number has no bound. Everything is there from the start,
at zero.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from twisted.web.resource import Resource

from broker.tally import BrokerTally, Histogram
from node.core.replies import Goodbye
from node.core.tally import Tally

REFUSED = (Goodbye.CONNECTS, Goodbye.CONNECTIONS)
"""Why somebody may be turned away at the door."""


class Node(Protocol):
    """Where the numbers are."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def started(self) -> float:
        """Unix time, in seconds."""

    @property
    def tally(self) -> Tally: ...

    @property
    def broker(self) -> BrokerTally: ...

    @property
    def ready(self) -> bool:
        """As `/readyz` has it."""

    @property
    def draining(self) -> bool: ...

    @property
    def connected(self) -> bool:
        """Whether Redis answers."""

    @property
    def calls(self) -> int:
        """Calls to Redis under way."""

    @property
    def leases(self) -> int:
        """Nodes that hold a lease."""

    @property
    def silence(self) -> float:
        """Seconds since the last probe came back."""

    @property
    def channels(self) -> int: ...

    @property
    def sessions(self) -> Mapping[str, int]:
        """By dialect, each that there is."""


Value = float | Histogram | Mapping[Any, float]
"""What a row reads: a number, a histogram, or numbers by the value of its label."""


class Row(NamedTuple):
    """A metric. `name`: without `chorus_`, and as Prometheus shows it."""

    name: str
    kind: str
    help: str
    read: Callable[[Node], Value]
    label: str = ""


COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"

ROWS = [
    Row(
        "build_info",
        GAUGE,
        "1; the label has the version",
        lambda n: {n.version: 1},
        "version",
    ),
    Row("node_info", GAUGE, "1; the label has the node's name", lambda n: {n.name: 1}, "node"),
    Row("start_time_seconds", GAUGE, "When the node started, Unix time", lambda n: n.started),
    Row("ready", GAUGE, "Whether /readyz says so", lambda n: n.ready),
    Row("draining", GAUGE, "Whether the node is about to end", lambda n: n.draining),
    # people
    Row(
        "sessions",
        GAUGE,
        "People connected now, by how they speak",
        lambda n: n.sessions,
        "dialect",
    ),
    Row("channels", GAUGE, "Channels that people here are in", lambda n: n.channels),
    Row("connections_total", COUNTER, "Connections that came in", lambda n: n.tally.connections),
    Row(
        "connections_refused_total",
        COUNTER,
        "Connections that were turned away at the door, by why",
        lambda n: dict.fromkeys(REFUSED, 0) | n.tally.turned_away,
        "reason",
    ),
    Row("lines_total", COUNTER, "Lines that people here said in channels", lambda n: n.tally.lines),
    Row(
        "deliveries_total",
        COUNTER,
        "Events that were shown to people here, once for each of them",
        lambda n: n.tally.deliveries,
    ),
    Row(
        "fan_out", HISTOGRAM, "How many people here a line was shown to", lambda n: n.tally.fan_out
    ),
    Row(
        "refusals_total",
        COUNTER,
        "Commands of people here that were refused, by why",
        lambda n: n.tally.refusals,
        "code",
    ),
    Row("received_bytes_total", COUNTER, "Bytes from people", lambda n: n.tally.bytes_in),
    Row("sent_bytes_total", COUNTER, "Bytes to people", lambda n: n.tally.bytes_out),
    Row(
        "outbox_bytes",
        GAUGE,
        "Bytes that wait for readers whose sockets take no more",
        lambda n: n.tally.outbox,
    ),
    Row(
        "slow_readers_total",
        COUNTER,
        "Connections that were closed since their readers were too slow",
        lambda n: n.tally.slow_readers,
    ),
    # Redis
    Row("broker_up", GAUGE, "Whether the node has Redis and takes commands", lambda n: n.connected),
    Row("broker_calls", GAUGE, "Calls to Redis that wait for their answer", lambda n: n.calls),
    Row(
        "broker_latency_seconds",
        HISTOGRAM,
        "From a call to Redis to its answer",
        lambda n: n.broker.latency,
    ),
    Row(
        "broker_reconnects_total",
        COUNTER,
        "Connections to Redis after the first",
        lambda n: n.broker.reconnects,
    ),
    Row(
        "broker_failovers_total",
        COUNTER,
        "Times that another server, or a restarted one, was found there",
        lambda n: n.broker.failovers,
    ),
    Row(
        "delivery_lag_seconds",
        HISTOGRAM,
        "From when Redis accepted events to when they were put into outboxes here",
        lambda n: n.broker.lag,
    ),
    Row(
        "gaps_found_total",
        COUNTER,
        "Holes in what came from Redis, for which a log was read",
        lambda n: n.broker.gaps_found,
    ),
    Row(
        "gaps_repaired_total",
        COUNTER,
        "Those that the log could fill: nobody noticed",
        lambda n: n.broker.gaps_repaired,
    ),
    Row(
        "gaps_told_total",
        COUNTER,
        "Those that it couldn't: people read that something is lost",
        lambda n: n.broker.gaps_told,
    ),
    Row(
        "duplicates_total",
        COUNTER,
        "Envelopes that had come before, and were dropped",
        lambda n: n.broker.duplicates,
    ),
    Row(
        "probes_total",
        COUNTER,
        "Probes that came back through Redis",
        lambda n: n.broker.probes,
    ),
    Row(
        "probe_seconds",
        GAUGE,
        "What the last probe took through Redis and back",
        lambda n: n.broker.probe or 0.0,
    ),
    Row("probe_age_seconds", GAUGE, "How long ago the last probe came back", lambda n: n.silence),
    Row("leases", GAUGE, "Nodes that hold a lease, as this node heard last", lambda n: n.leases),
    Row(
        "leases_lost_total",
        COUNTER,
        "Times that this node found its lease ended",
        lambda n: n.broker.leases_lost,
    ),
    Row(
        "swept_nodes_total",
        COUNTER,
        "Dead nodes whose people this one took out of everything",
        lambda n: n.broker.swept,
    ),
    # the process; what prometheus-client adds is called chorus_process_...
    Row(
        "event_loop_lag_seconds",
        HISTOGRAM,
        "How late the event loop is, asked ten times a second",
        lambda n: n.tally.loop_lag,
    ),
]

PREFIX = "chorus_"

_FAMILIES: dict[str, Any] = {COUNTER: CounterMetricFamily, GAUGE: GaugeMetricFamily}


class _Tallies:
    """The table's rows, as prometheus-client collects."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        for row in ROWS:
            value = row.read(self._node)
            if isinstance(value, Histogram):
                yield _histogram(row, value)
                continue
            family = _FAMILIES[row.kind](
                PREFIX + row.name.removesuffix("_total"),
                row.help,
                labels=[row.label] if row.label else [],
            )
            if isinstance(value, Mapping):
                for label, number in value.items():
                    family.add_metric([str(label)], number)
            else:
                family.add_metric([], float(value))
            yield family


def _histogram(row: Row, histogram: Histogram) -> Metric:
    counted, so_far = [], 0
    for bound, many in zip([*histogram.bounds, float("inf")], histogram.counts, strict=True):
        so_far += many
        counted.append((f"{bound:g}" if bound != float("inf") else "+Inf", so_far))
    family = HistogramMetricFamily(PREFIX + row.name, row.help)
    family.add_metric([], counted, histogram.total)
    return family


class Metrics(Resource):
    """`GET /metrics`."""

    isLeaf = True

    def __init__(self, node: Node) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Tallies(node))
        ProcessCollector(namespace="chorus", registry=self._registry)

    def render_GET(self, request: Any) -> bytes:
        accepted = (request.getHeader(b"accept") or b"").decode("latin-1")
        encode, content_type = choose_encoder(accepted)
        request.setHeader(b"content-type", content_type.encode())
        return encode(self._registry)
