"""
Tests for L{kcptwisted.metrics.resource}, L{kcptwisted.metrics.gathering} and
L{kcptwisted.metrics.serving}.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openMetricsFamilies,
)
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.web.test.requesthelper import DummyRequest

from kcptwisted.accounts import accountsOf
from kcptwisted.metrics.resource import MetricsResource
from kcptwisted.metrics.serving import metricsService
from kcptwisted.metrics.snapshot import Snapshot
from tests.connections import PORT, SERVER, ConnectionTestCase

NAME = f"{SERVER}:{PORT}"


class Workers:
    """
    Workers that have counted.
    """

    def __init__(self, counted: Deferred[list[Snapshot]]) -> None:
        self._counted = counted

    def count(self) -> Deferred[list[Snapshot]]:
        """
        Tell.
        """
        return self._counted

    def look(self, question: bytes) -> list[Deferred[list[bytes]]]:
        """
        Not asked here.
        """
        raise NotImplementedError


class ResourceTests(ConnectionTestCase):
    """
    What Prometheus reads.
    """

    def setUp(self) -> None:
        """
        Make the page of the server.
        """
        super().setUp()
        host = self.network.host(SERVER)
        self.accounts = accountsOf(host)
        self.resource = MetricsResource(host)

    def get(self, accept: bytes = b"") -> DummyRequest:
        """
        @return: a request that has been made.
        """
        request = DummyRequest([b""])
        request.requestHeaders.setRawHeaders(b"accept", [accept])
        self.resource.render(request)
        return request

    def read(self, request: DummyRequest) -> dict[tuple[str, str], float]:
        """
        @return: the values of an answer by the names of sample and port.
        """
        text = b"".join(request.written).decode()
        (kind,) = request.responseHeaders.getRawHeaders("content-type", [])
        parse = openMetricsFamilies if "openmetrics" in kind else text_string_to_metric_families
        return {
            (sample.name, sample.labels.get("port", "")): sample.value
            for family in parse(text)
            for sample in family.samples
        }

    def test_strangeAccept(self) -> None:
        """
        A header that is no text asks for the usual format.
        """
        for accept in (b"\xff", b";;;q=\xff", b",,=;"):
            self.assertIn("text/plain", str(self.get(accept).responseHeaders))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_read(self) -> None:
        """
        Counts are told in the format that is asked for, with those of the process.
        """
        self.connect()
        for accept in (b"", b"application/openmetrics-text; version=1.0.0"):
            request = self.get(accept)
            found = self.read(request)
            self.assertEqual(found["kcp_accepted_total", NAME], 1)
            self.assertGreater(found["process_cpu_seconds_total", ""], 0)
            self.assertEqual(request.finished, 1)
        self.finish(self.port)

    def test_workers(self) -> None:
        """
        The counts of workers are awaited, and added to each other and to those of the process.
        """
        self.connect()
        asked: Deferred[list[Snapshot]] = Deferred()
        worker = Snapshot(NAME, 2, Counter(PassiveOpens=5))
        self.accounts.elsewhere = {Workers(asked), Workers(succeed([worker, Snapshot("other")]))}
        request = self.get()
        self.assertEqual(request.finished, 0)
        asked.callback([worker])
        found = self.read(request)
        self.assertEqual(found["kcp_accepted_total", NAME], 11)
        self.assertEqual(found["kcp_sessions", NAME], 5)
        self.assertEqual(found["kcp_sessions", "other"], 0)
        self.finish(self.port)

    def test_hungUp(self) -> None:
        """
        Who hangs up meanwhile gets nothing, and that is no error.
        """
        asked: Deferred[list[Snapshot]] = Deferred()
        self.accounts.elsewhere = {Workers(asked)}
        request = self.get()
        request.processingFailed(ConnectionError())
        asked.callback([])
        self.assertEqual((request.finished, request.written), (0, []))

    def test_failed(self) -> None:
        """
        An error is logged and answered as one.
        """
        self.accounts.elsewhere = {Workers(fail(ZeroDivisionError("counting")))}
        request = self.get()
        self.assertEqual((request.responseCode, request.finished), (500, 1))
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class ServingTests(ConnectionTestCase):
    """
    A site of its own.
    """

    def test_serves(self) -> None:
        """
        It answers GET /metrics at its endpoint, and nothing else.
        """
        reactor = MemoryReactorClock()
        service = metricsService(reactor, "tcp:9100:interface=127.0.0.1")
        service.startService()
        ((port, factory, _, interface),) = reactor.tcpServers
        self.assertEqual((port, interface), (9100, "127.0.0.1"))
        for path, status in ((b"/metrics", b"200"), (b"/", b"404")):
            transport = StringTransport()
            protocol: Any = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
            protocol.makeConnection(transport)
            protocol.dataReceived(b"GET " + path + b" HTTP/1.0\r\n\r\n")
            answer = transport.value()
            self.assertEqual(answer.split()[1], status, path)
            self.assertEqual(b"kcp_in_datagrams" in answer, status == b"200")

    def test_wrong(self) -> None:
        """
        What is no endpoint is an error at once.
        """
        self.assertRaises(ValueError, metricsService, MemoryReactorClock(), "nonsense:9100")
