"""
The page that Prometheus reads.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from kcptwisted.accounts import accountsOf
from kcptwisted.metrics.collector import families
from kcptwisted.metrics.gathering import gather
from kcptwisted.metrics.snapshot import Snapshot


class _Gathered:
    """
    A collector of counts that have been gathered.
    """

    def __init__(self, snapshots: list[Snapshot]) -> None:
        self._snapshots = snapshots

    def collect(self) -> list[Metric]:
        """
        Returns the metrics.
        """
        return list(families(self._snapshots))


class MetricsResource(Resource):
    """
    Tells the counts of all ports of a program, those of its workers added up, and what
    C{prometheus_client} tells of the process.  Put it where you like in a site of
    C{twisted.web}.
    """

    isLeaf = True
    _log = Logger()

    def __init__(self, reactor: Any) -> None:
        """
        @param reactor: whose ports these are.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        # Counts of what is gone are kept as long as this is.
        self._accounts = accountsOf(reactor)

    def render_GET(self, request: Request) -> int:
        """
        Answers, when the workers have.
        """
        gone: list[object] = []
        request.notifyFinish().addBoth(gone.append)
        asked = gather(self._accounts).addCallback(self._page, request)
        asked.addErrback(self._failed, request)
        # Who has hung up needs no answer.
        asked.addCallback(lambda page: gone or (request.write(page), request.finish()))
        return NOT_DONE_YET

    def _page(self, snapshots: list[Snapshot], request: Request) -> bytes:
        registry = CollectorRegistry()
        registry.register(_Gathered(snapshots))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        encode, kind = choose_encoder((request.getHeader(b"accept") or b"").decode("latin-1"))
        request.setHeader("content-type", kind)
        return encode(registry)

    def _failed(self, reason: Failure, request: Request) -> bytes:
        self._log.failure("Telling the metrics failed", reason)
        request.setResponseCode(INTERNAL_SERVER_ERROR)
        return b""
