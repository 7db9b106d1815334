"""What the service counts, in Prometheus' words."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final, TypeAlias

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from projections.audit.status import Status
from projections.availability import answers as telling
from projections.copies.status import Relayed
from projections.reconciliations.answers import Latest
from projections.reconciliations.classify import VARIANCE_CLASSES

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_NUMBERS: Final = {
    "active": "1 where this process's writer holds the lease",
    "head": "The last position decided here",
    "queued": "Commands waiting",
    "cached_bytes": "About how much memory the working set takes",
}


class HttpMetrics:
    """Requests by operation and status, and how long they took.

    Plain dictionaries, turned into metrics when somebody looks: a request pays one addition.
    """

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._times: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._refusals: dict[str, int] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        """Counts one request."""
        key = operation, status
        self._requests[key] = self._requests.get(key, 0) + 1
        times = self._times.get(operation)
        if times is None:
            times = self._times[operation] = [0] * (len(_BUCKETS_S) + 1)
        times[bisect_left(_BUCKETS_S, seconds)] += 1
        self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds

    def refused(self, code: str) -> None:
        """Counts one refusal."""
        self._refusals[code] = self._refusals.get(code, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        requests = CounterMetricFamily(
            "ledger_http_requests", "Requests answered", labels=["operation", "status"]
        )
        for (operation, status), count in self._requests.items():
            requests.add_metric([operation, str(status)], count)
        yield requests
        refusals = CounterMetricFamily("ledger_refusals", "Refusals answered", labels=["code"])
        for code, count in self._refusals.items():
            refusals.add_metric([code], count)
        yield refusals
        seconds = HistogramMetricFamily(
            "ledger_http_request_seconds", "Time to answer", labels=["operation"]
        )
        bounds = [*map(str, _BUCKETS_S), "+Inf"]
        for operation, times in self._times.items():
            buckets = list(zip(bounds, map(float, accumulate(times)), strict=True))
            seconds.add_metric([operation], buckets, self._seconds[operation])
        yield seconds


class Gauges:
    """Numbers that others keep, read when somebody looks."""

    def __init__(self, writer: dict[str, float], lag: dict[str, int]) -> None:
        self._writer = writer
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        """One gauge for each number of the writer, one with a label for each projection."""
        for name, value in self._writer.items():
            yield GaugeMetricFamily(f"ledger_writer_{name}", _NUMBERS.get(name, name), value=value)
        lag = GaugeMetricFamily(
            "ledger_projection_lag_events", "Events a projection is behind", labels=["projection"]
        )
        for projection, events in self._lag.items():
            lag.add_metric([projection], events)
        yield lag


class Reconciled:
    """What the last reconciliation of every source came to."""

    def __init__(self, found: Iterable[Latest]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        """Whether to worry, and how many keys and units are behind that, by what explains them."""
        alert = GaugeMetricFamily(
            "ledger_reconciliation_alert",
            "1 where the last list of a source differs by more than its tolerance",
            labels=["source"],
        )
        keys = GaugeMetricFamily(
            "ledger_reconciliation_variances",
            "Keys that differ by more than the tolerance",
            labels=["source", "class"],
        )
        units = GaugeMetricFamily(
            "ledger_reconciliation_variance_units",
            "Units by which they differ",
            labels=["source", "class"],
        )
        for one in self._found:
            alert.add_metric([one.source], one.alert)
            for kind in VARIANCE_CLASSES:
                keys.add_metric([one.source, kind], getattr(one.tally, kind))
                units.add_metric([one.source, kind], getattr(one.tally, f"{kind}_units"))
        yield from (alert, keys, units)


class AuditMetrics:
    """What the service's auditor says of itself, wherever it runs; nothing where none has run."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """How far it is, what it found, how long a full round takes and how old all that is."""
        found = self._status
        if found is None:
            return
        gauges = {
            "ledger_verified_position": ("The last position verified", found.position),
            "ledger_verify_age_seconds": ("Since the auditor last said anything", found.age),
            "ledger_verify_last_full_seconds": ("The last full round took", found.full_seconds),
            "ledger_verify_last_full_age_seconds": ("Since it ended", found.full_age),
        }
        for name, (what, value) in gauges.items():
            if value is not None:
                yield GaugeMetricFamily(name, what, value=value)
        total = "Differences found since the auditor started"
        yield CounterMetricFamily("ledger_verify_breaches", total, value=found.breaches)


class TellingMetrics:
    """What the teller has told, wherever it runs; nothing where there is no channel."""

    def __init__(self, status: telling.Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """How far it is behind, how much it has told, and whether anybody is telling at all."""
        found = self._status
        if found is None:
            return
        gauges = {
            "ledger_telling_lag_events": ("Events the teller has not looked at", found.lag),
            "ledger_telling_subjects": ("Subjects that have a value", found.subjects),
            "ledger_telling_sweeps": ("Channels being looked at as a whole", found.sweeping),
            "ledger_telling_active": ("1 where a teller is in office", int(found.overdue_s < 0)),
        }
        for name, (what, value) in gauges.items():
            yield GaugeMetricFamily(name, what, value=value)
        total = "Values told in this generation of the stream"
        yield CounterMetricFamily("ledger_telling_values", total, value=found.told)


class RelayMetrics:
    """What the relay says of the copies it tells; nothing where none has ever run."""

    def __init__(self, relayed: Relayed | None) -> None:
        self._relayed = relayed

    def collect(self) -> Iterable[Metric]:
        """Whether it needs people, what it tells, and how the copies compare with the ledger."""
        found = self._relayed
        if found is None:
            return
        gauges = {
            "ledger_relay_halted": ("1 where people are needed", found.state == "halted"),
            "ledger_relay_generation": ("The copy of the ledger that is told", found.generation),
            "ledger_relay_position": ("The last position told", found.told),
            "ledger_relay_age_seconds": ("Since the relay last said anything", found.age),
        }
        for name, (what, value) in gauges.items():
            yield GaugeMetricFamily(name, what, value=value)
        labels = ["stream"]
        compared = GaugeMetricFamily(
            "ledger_stream_compared", "Messages compared in the last round", labels=labels
        )
        seconds = GaugeMetricFamily(
            "ledger_stream_round_seconds", "The last whole round took", labels=labels
        )
        differences = CounterMetricFamily(
            "ledger_stream_differences", "Messages that were not as the ledger says", labels=labels
        )
        repaired = CounterMetricFamily(
            "ledger_stream_repaired", "Of these, those told anew", labels=labels
        )
        for one in found.copies:
            compared.add_metric([one.stream], one.compared)
            differences.add_metric([one.stream], one.differences)
            repaired.add_metric([one.stream], one.repaired)
            if one.round_seconds is not None:
                seconds.add_metric([one.stream], one.round_seconds)
        yield from (compared, seconds, differences, repaired)


def writer_numbers(writer: object) -> dict[str, float]:
    """Everything countable that a writer shows of itself, and its counters beside it."""
    found: dict[str, float] = {}
    counters = getattr(writer, "counters", None)
    names = msgspec.structs.fields(counters) if isinstance(counters, msgspec.Struct) else ()
    attributes_of = ((writer, list(_NUMBERS)), (counters, [one.name for one in names]))
    for owner, attributes in attributes_of:
        for name in attributes:
            value = getattr(owner, name, None)
            if isinstance(value, int | float):
                found[name] = float(value)
    return found


Collector: TypeAlias = (
    HttpMetrics | Gauges | AuditMetrics | Reconciled | TellingMetrics | RelayMetrics
)


def exposition(*collectors: Collector) -> bytes:
    """The text Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)
