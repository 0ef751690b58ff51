"""
Tests for L{kcptwisted.accounts}.
"""

from __future__ import annotations

import gc
from weakref import ref

from kcptwisted.accounts import CLIENTS, RECENT, Account, accountsOf
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase

NAME = f"{SERVER}:{PORT}"


class AccountTests(ConnectionTestCase):
    """
    What is gone still counts.
    """

    def accounts(self, host: str) -> dict[str, Account]:
        """
        @return: those of a host that has some, by name.
        """
        held = self.held[host]
        return {account.name: account for account in held.all()}

    def setUp(self) -> None:
        """
        Hold the accounts, as a collector does.
        """
        super().setUp()
        self.held = {host: accountsOf(self.network.host(host)) for host in (CLIENT, SERVER)}

    def test_live(self) -> None:
        """
        A listening port and the sockets of clients have accounts, with what their sessions count.
        """
        client, _ = self.connect()
        client.session.write(b"12345")
        self.network.run(1)
        there, here = self.accounts(SERVER), self.accounts(CLIENT)
        self.assertEqual((list(there), list(here)), ([NAME], [CLIENTS]))
        self.assertEqual(there[NAME].sessionTotals().BytesReceived, 5)
        self.assertEqual(here[CLIENTS].sessionTotals().BytesSent, 5)
        self.assertEqual(there[NAME].portTotals().PassiveOpens, 1)
        self.assertEqual(here[CLIENTS].portTotals().ActiveOpens, 1)
        self.assertEqual([each.conv for each in there[NAME].sessions()], [client.session.conv])
        self.finish(self.port)

    def test_ended(self) -> None:
        """
        Totals never go down: not when sessions end, nor when a client's socket closes.
        """
        self.port = self.listen()
        for count in (1, 2, 3):
            connecting = self.begin()
            self.network.run(0.1)
            self.successResultOf(connecting)
            client = self.clientFactory.made[-1]
            client.session.write(bytes(100))
            self.network.run(0.5)
            client.session.loseConnection()
            self.network.run(0.5)
            there, here = self.accounts(SERVER)[NAME], self.accounts(CLIENT)[CLIENTS]
            self.assertEqual((there.sessions(), here.sessions()), ([], []))
            self.assertEqual(len(here.sockets), 0)
            self.assertEqual(there.sessionTotals().BytesReceived, 100 * count)
            self.assertEqual(here.sessionTotals().BytesSent, 100 * count)
            self.assertEqual(here.portTotals().ActiveOpens, count)
            self.assertEqual(here.portTotals().CurrEstab, 0)
            for account in (there, here):
                self.assertEqual(account.ends, {"ConnectionDone": count})
        self.finish(self.port)

    def test_recent(self) -> None:
        """
        The last ends are told, with reason, peer, age and counts; no more than so many.
        """
        client, _ = self.connect()
        self.network.run(9)
        client.session.abortConnection()
        self.network.run(1)
        (end,) = self.accounts(SERVER)[NAME].recent
        self.assertEqual((end.reason, end.conv), ("PeerReset", client.session.conv))
        self.assertEqual(end.peer[0], CLIENT)
        self.assertIn("reset", end.text)
        self.assertAlmostEqual(end.lived, 9, places=0)
        self.assertAlmostEqual(end.when, 9, places=0)
        self.assertEqual(end.stats.BytesReceived, 0)
        for _ in range(RECENT + 5):
            connecting = self.begin()
            self.network.run(0.1)
            self.successResultOf(connecting)
            self.clientFactory.made[-1].session.abortConnection()
            self.network.run(0.1)
        self.assertEqual(len(self.accounts(SERVER)[NAME].recent), RECENT)
        self.finish(self.port)

    def test_unread(self) -> None:
        """
        A session that is over but for what is unread is counted once, when that has been read.
        """
        client, server = self.connect()
        server.session.pauseProducing()
        client.session.write(b"unread")
        client.session.loseConnection()
        self.network.run(5)
        account = self.accounts(SERVER)[NAME]
        self.assertEqual(sum(account.ends.values()), 0)
        server.session.resumeProducing()
        self.network.run(1)
        self.assertEqual(account.ends, {"ConnectionDone": 1})
        self.assertEqual(account.sessionTotals().BytesReceived, len(b"unread"))
        self.finish(self.port)

    def test_refused(self) -> None:
        """
        A connection that nobody answers counts as well.
        """
        connecting = self.begin()
        self.network.run(60)
        self.failureResultOf(connecting)
        self.assertEqual(sum(self.accounts(CLIENT)[CLIENTS].ends.values()), 1)

    def test_forgotten(self) -> None:
        """
        Where nobody holds the accounts, they go with the last port.
        """
        self.connect()
        self.finish(self.port)
        left = [ref(held) for held in self.held.values()]
        self.held.clear()
        del self.port
        self.serverFactory.made.clear()
        self.clientFactory.made.clear()
        gc.collect()
        self.assertEqual([each() for each in left], [None, None])
