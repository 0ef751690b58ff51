"""
Tests for examples/metrics_service.py: what Prometheus reads of a program with workers.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.programs import EXAMPLES, freePort, reactor
from tests.workers.clients import WorkersCase, isLinux


class MetricsServiceTests(WorkersCase):
    """
    Two workers, each with clients.
    """

    if not isLinux():
        skip = "only Linux shares a port out"

    async def scrape(self) -> Counter[str]:
        """
        @return: the sums of each sample's values.
        """
        url = f"http://127.0.0.1:{self.web}/metrics"
        text = await deferToThread(lambda: urlopen(url, timeout=30).read().decode())
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] += int(sample.value)
        return found

    async def counted(self, name: str, value: int) -> Counter[str]:
        """
        @return: what is told once a value has become that one.
        """
        for _ in range(100):
            found = await self.scrape()
            if found[name] == value:
                return found
            await deferLater(reactor, 0.1)
        raise AssertionError(f"{name} is {found[name]}, not {value}")

    async def test_workers(self) -> None:
        """
        One answer has the sums of all workers, and what a worker told stays when it is killed.
        """
        port, self.web = freePort(), freePort()
        kcp, web = f"kcp:{port}:interface=127.0.0.1:key=sesame", f"tcp:{self.web}"
        settings = {"ENDPOINT": f"{kcp}:workers=2", "METRICS": f"{web}:interface=127.0.0.1"}
        self.patch(os, "environ", {**os.environ, **settings})
        program = self.twistd("-noy", str(EXAMPLES / "metrics_service.py"))
        await program.printed("2 workers listening")
        clients = [await self.connect(port) for _ in range(8)]
        for client in clients:
            self.assertEqual(await client.ask(b"12345"), b"12345")
        found = await self.scrape()
        self.assertEqual(found["kcp_accepted_total"], 8)
        self.assertEqual(found["kcp_sessions"], 8)
        self.assertEqual(found["kcp_session_read_bytes_total"], 8 * len(b"12345\n"))
        clients[0].session.loseConnection()
        await clients[0].lost
        found = await self.counted("kcp_session_ends_total", 1)
        self.assertEqual(found["kcp_sessions"], 7)
        master = program.transport.pid
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        self.assertEqual(len(workers), 2)
        self.kill(int(workers[0]))
        await program.printed("Worker 0 has ended")
        found = await self.scrape()
        self.assertEqual(found["kcp_accepted_total"], 8)
        self.assertEqual(found["kcp_session_read_bytes_total"], 8 * len(b"12345\n"))
        self.assertLess(found["kcp_sessions"], 8)
