"""
Tests for L{kcptwisted.metrics.collector}.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from kcptwisted.metrics.collector import KCPCollector
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase

NAME = f"{SERVER}:{PORT}"


class CollectorTests(ConnectionTestCase):
    """
    Counts in a registry of the application's.
    """

    def setUp(self) -> None:
        """
        Register both hosts' collectors.
        """
        super().setUp()
        self.registries = {}
        for host in (CLIENT, SERVER):
            registry = self.registries[host] = CollectorRegistry()
            registry.register(KCPCollector(self.network.host(host)))

    def scrape(self, host: str) -> dict[tuple[str, str], float]:
        """
        @return: what Prometheus reads: values by the names of sample and port.
        """
        text = generate_latest(self.registries[host]).decode()
        found = {}
        for family in text_string_to_metric_families(text):
            self.assertNotEqual(family.documentation, "")
            for sample in family.samples:
                rest = [value for name, value in sample.labels.items() if name != "port"]
                found["".join([sample.name, *rest]), sample.labels["port"]] = sample.value
        return found

    def test_scraped(self) -> None:
        """
        Counters, sessions, ends and histograms are read by a parser of Prometheus's format.
        """
        self.assertEqual(self.scrape(SERVER), {})
        client, _ = self.connect()
        client.session.write(bytes(5000))
        self.network.run(1)
        there, here = self.scrape(SERVER), self.scrape(CLIENT)
        self.assertEqual(there["kcp_accepted_total", NAME], 1)
        self.assertEqual(there["kcp_sessions", NAME], 1)
        self.assertEqual(there["kcp_session_read_bytes_total", NAME], 5000)
        self.assertEqual(here["kcp_opened_total", "clients"], 1)
        self.assertEqual(here["kcp_session_written_bytes_total", "clients"], 5000)
        self.assertEqual(here["kcp_live_rtt_seconds_bucket+Inf", "clients"], 1)
        self.assertEqual(here["kcp_live_rtt_seconds_gcount", "clients"], 1)
        datagrams = there["kcp_in_datagrams_total", NAME]
        client.session.loseConnection()
        self.network.run(1)
        there = self.scrape(SERVER)
        self.assertEqual(there["kcp_sessions", NAME], 0)
        self.assertEqual(there["kcp_session_ends_totalConnectionDone", NAME], 1)
        self.assertEqual(there["kcp_session_read_bytes_total", NAME], 5000)
        self.assertGreater(there["kcp_in_datagrams_total", NAME], datagrams)
        self.assertEqual(there["kcp_live_rtt_seconds_bucket+Inf", NAME], 0)
        self.finish(self.port)
