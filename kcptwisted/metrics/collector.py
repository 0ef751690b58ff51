"""
A collector for a registry of C{prometheus_client}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeHistogramMetricFamily
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from kcptwisted.accounts import accountsOf
from kcptwisted.metrics.names import PORT, SESSION
from kcptwisted.metrics.snapshot import MEASURES, Distribution, Snapshot, snapshotOf

_LABELS = ["port"]


class KCPCollector:
    """
    The counts of all ports of one reactor: C{registry.register(KCPCollector(reactor))}.  Each
    listening port has its own, with the label C{port}; those of clients are together, as
    C{clients}.

    Call C{collect} in the reactor's thread only.
    """

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: whose ports these are.
        """
        # Counts of what is gone are kept as long as this is.
        self._accounts = accountsOf(reactor)

    def describe(self) -> Iterable[Metric]:
        """
        Returns the metrics without their values, so that registering counts nothing.
        """
        return families([])

    def collect(self) -> Iterator[Metric]:
        """
        Returns the metrics as they are now.
        """
        return families([snapshotOf(account) for account in self._accounts.all()])


def families(snapshots: Iterable[Snapshot]) -> Iterator[Metric]:
    """
    Returns the metrics of ports.
    """
    snapshots = list(snapshots)
    for kinds, which in ((PORT, "port"), (SESSION, "session")):
        for kind in kinds:
            counter = CounterMetricFamily(kind.metric, kind.help, labels=_LABELS)
            for each in snapshots:
                counter.add_metric([each.name], getattr(each, which)[kind.counter])
            yield counter
    live = GaugeMetricFamily("kcp_sessions", "Sessions alive now.", labels=_LABELS)
    ends = CounterMetricFamily(
        "kcp_session_ends", "Sessions that ended, by reason.", labels=[*_LABELS, "reason"]
    )
    for each in snapshots:
        live.add_metric([each.name], each.live)
        for reason, count in sorted(each.ends.items()):
            ends.add_metric([each.name, reason], count)
    yield live
    yield ends
    for measure in MEASURES:
        histogram = GaugeHistogramMetricFamily(measure.metric, measure.help, labels=_LABELS)
        for each in snapshots:
            found = each.measures[measure.metric]
            histogram.add_metric([each.name], _buckets(measure.bounds, found), found.total)
        yield histogram


def _buckets(bounds: tuple[float, ...], found: Distribution) -> list[tuple[str, float]]:
    """
    Returns how many there are up to each bound.
    """
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(found.counts), strict=True))
