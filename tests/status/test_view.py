"""
Tests for L{kcptwisted.status.view} and L{kcptwisted.status.columns}.
"""

from __future__ import annotations

import json
from typing import Any

from kcptwisted.accounts import accountsOf
from kcptwisted.options import KCPOptions
from kcptwisted.status.columns import COLUMNS
from kcptwisted.status.query import Query
from kcptwisted.status.view import View, columnsShown
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol

NAME = f"{SERVER}:{PORT}"


class ViewTestCase(ConnectionTestCase):
    """
    A server with sessions, and one who looks at it.
    """

    def setUp(self) -> None:
        """
        Look.
        """
        super().setUp()
        host = self.network.host(SERVER)
        self.view = View(accountsOf(host), host.seconds)

    def more(self) -> RecordingProtocol:
        """
        @return: another client.
        """
        connecting = self.begin(KCPOptions(crypt="null"))
        self.network.run(0.1)
        self.successResultOf(connecting)
        return self.clientFactory.made[-1]

    def look(self, **how: Any) -> dict[str, Any]:
        """
        @return: what is shown, as JSON brings it.
        """
        shown: dict[str, Any] = json.loads(json.dumps(self.view.look(Query(**how))))
        return shown

    def cells(self, row: list[Any]) -> dict[str, Any]:
        """
        @return: a row's cells by their columns.
        """
        return {column.key: value for column, value in zip(COLUMNS, row[1:], strict=True)}


class ViewTests(ViewTestCase):
    """
    What is shown.
    """

    def test_empty(self) -> None:
        """
        Without a port there is nothing.
        """
        shown = self.look()
        self.assertEqual(
            (shown["ports"], shown["rows"], shown["live"], shown["ends"]), ([], [], 0, [])
        )

    def test_session(self) -> None:
        """
        A session has a cell in each column.
        """
        client, server = self.connect(link=Link(delay=0.05))
        server.session.write(bytes(100_000))
        self.network.run(5)
        (row,) = self.look()["rows"]
        found = self.cells(row)
        peer = client.session.getHost()
        self.assertEqual(found["peer"], f"{CLIENT}:{peer.port}")
        self.assertEqual(row[0], f"{client.session.conv:08x}@{found['peer']}")
        self.assertEqual((found["port"], found["cipher"]), (NAME, "null"))
        self.assertEqual(found["conv"], f"{client.session.conv:08x}")
        self.assertAlmostEqual(found["age"], 5.1, places=1)
        self.assertAlmostEqual(found["rtt"], server.session.smoothedRTT)
        self.assertAlmostEqual(found["rto"], server.session.retransmissionTimeout)
        self.assertEqual(found["mtu"], server.session.mtu)
        self.assertEqual(found["window"], server.session.congestionWindow)
        self.assertRegex(found["congestion"], "^bbr: [a-z]")
        self.assertEqual((found["resent"], found["recovered"]), (0.0, None))
        self.assertEqual(
            [each["label"] for each in columnsShown()][:3], ["Peer", "Port", "Conversation"]
        )
        self.finish(self.port)

    def test_rates(self) -> None:
        """
        Rates are those since the look before; at first they are not known.
        """
        _, server = self.connect()
        first = self.cells(self.look()["rows"][0])
        self.assertEqual((first["in"], first["out"]), (None, None))
        before = server.session.stats.OutBytes
        server.session.write(bytes(10_000))
        self.network.run(2)
        shown = self.look(sort="out")
        rate = (server.session.stats.OutBytes - before) / 2
        self.assertAlmostEqual(self.cells(shown["rows"][0])["out"], rate)
        (port,) = shown["ports"]
        self.assertAlmostEqual(port["rateOut"], rate, delta=200)
        self.assertEqual((port["name"], port["live"], port["accepted"]), (NAME, 1, 1))
        self.finish(self.port)

    def test_sorted(self) -> None:
        """
        Rows are sorted by each column, both ways; what is not known is the least.
        """
        self.connect()
        for size in (5000, 200, 0):
            self.more().session.write(bytes(size))
            self.network.run(0.2)
        self.look(sort="in")
        self.network.run(1)
        for column in COLUMNS:
            up = [each[0] for each in self.look(sort=column.key, descending=False)["rows"]]
            down = self.look(sort=column.key)["rows"]
            self.assertEqual(len(up), 4)
            values = [self.cells(row)[column.key] for row in down]
            self.assertEqual(
                values, sorted(values, key=lambda each: (each is not None, each), reverse=True)
            )
        self.finish(self.port)

    def test_pages(self) -> None:
        """
        Pages follow each other, and the last may be empty.
        """
        self.connect()
        for _ in range(4):
            self.more()
        pages = [self.look(rows=2, page=page) for page in range(4)]
        self.assertEqual([len(each["rows"]) for each in pages], [2, 2, 1, 0])
        keys = {row[0] for each in pages for row in each["rows"]}
        self.assertEqual(len(keys), 5)
        self.assertEqual([(each["live"], each["found"]) for each in pages], [(5, 5)] * 4)
        self.finish(self.port)

    def test_found(self) -> None:
        """
        A text is looked for in addresses, conversation and cipher.
        """
        client, _ = self.connect()
        self.more()
        conv = f"{client.session.conv:08X}"
        port = f":{client.session.getHost().port}"
        for text, count in ((conv.lower(), 2), (port, 1), ("null", 2), (NAME, 2), ("aes", 0)):
            shown = self.look(find=text)
            self.assertEqual((len(shown["rows"]), shown["found"], shown["live"]), (count, count, 2))
        self.finish(self.port)

    def test_watched(self) -> None:
        """
        One session may be watched, whatever page it is on, until it is gone.
        """
        self.connect()
        self.more()
        (_, second) = self.look()["rows"]
        shown = self.look(rows=1, watch=second[0])
        self.assertEqual(shown["watch"][0], second[0])
        self.network.run(1)
        shown = self.look(rows=1, watch=second[0])
        self.assertIsNotNone(self.cells(shown["watch"])["in"])
        self.assertIsNone(self.look(watch="nobody")["watch"])
        self.finish(self.port)

    def test_ends(self) -> None:
        """
        The last ends are shown, the latest first.
        """
        client, _ = self.connect()
        other = self.more()
        client.session.write(b"12345")
        self.network.run(3)
        client.session.loseConnection()
        self.network.run(1)
        other.session.abortConnection()
        self.network.run(1)
        last, former = self.look()["ends"]
        self.assertEqual((last["reason"], former["reason"]), ("PeerReset", "ConnectionDone"))
        self.assertEqual((former["in"], former["out"], former["port"]), (5, 0, NAME))
        self.assertAlmostEqual(former["ago"], 2, places=0)
        self.assertAlmostEqual(former["lived"], 3, places=0)
        self.finish(self.port)
