"""
Tests for L{kcptwisted.status.elsewhere} and L{kcptwisted.status.merging}.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import TimeoutError

from kcptwisted.accounts import Accounts, accountsOf
from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.status.columns import COLUMNS
from kcptwisted.status.elsewhere import PIECE, REMEMBERED, Everywhere, Looks
from kcptwisted.status.query import Query
from tests.connections import PORT, SERVER, ConnectionTestCase

NAME = f"{SERVER}:{PORT}"

#: The sessions of each worker, and how many clients there are.
SHARES, CLIENTS = (3, 2), 5


class Workers:
    """
    Workers in this process.
    """

    def __init__(self, *accounts: Accounts) -> None:
        self.workers = [Looks(each, each._reactor.seconds) for each in accounts]
        self.questions: list[bytes] = []

    def look(self, question: bytes) -> list[Deferred[list[bytes]]]:
        """
        Answer.
        """
        self.questions.append(question)
        return [succeed(worker.answer(question)) for worker in self.workers]

    def count(self) -> Deferred[list[Any]]:
        """
        Not asked here.
        """
        return succeed([])


class Silent(Workers):
    """
    Workers of which one does not answer.
    """

    def look(self, question: bytes) -> list[Deferred[list[bytes]]]:
        """
        Answer, and do not.
        """
        return [fail(TimeoutError()), *super().look(question)]


class EverywhereTests(ConnectionTestCase):
    """
    A program without sessions, and two workers that have some; each is a host here, with the same
    port.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        super().setUp()
        network = self.network
        self.hosts = [network.host(f"10.0.1.{number}") for number in range(len(SHARES))]
        self.kept = [accountsOf(host) for host in self.hosts]
        self.master = network.host("10.0.2.1")
        self.accounts = accountsOf(self.master)
        self.workers = Workers(*self.kept)
        self.accounts.elsewhere.add(self.workers)
        for host, kept, share in zip(self.hosts, self.kept, SHARES, strict=True):
            listening = KCPServerEndpoint(host, PORT, self.options).listen(self.serverFactory)
            self.successResultOf(listening)
            (account,) = kept.all()
            kept._accounts[NAME] = kept._accounts.pop(account.name)
            account.name = NAME
            for _ in range(share):
                self.call(host.address)
        self.look = Everywhere(self.accounts, self.master.seconds)

    def call(self, address: str) -> None:
        """
        Connect a client.
        """
        number = len(self.clientFactory.made)
        random = Random(number)
        client = self.network.host(f"10.0.3.{number}")
        endpoint = KCPClientEndpoint(
            client, address, PORT, self.options, (), lambda: random.randrange(1, 1 << 32)
        )
        connecting = endpoint.connect(self.clientFactory)
        self.network.run(0.5)
        self.successResultOf(connecting)

    def see(self, **how: Any) -> dict[str, Any]:
        """
        @return: what is shown, as JSON brings it.
        """
        state = self.successResultOf(self.look.look(Query(**how)))
        shown: dict[str, Any] = json.loads(json.dumps(state))
        return shown

    def test_merged(self) -> None:
        """
        Sessions of all workers are one table, and their ports with the same name are one.
        """
        shown = self.see(sort="peer", descending=False)
        self.assertEqual((shown["live"], shown["found"]), (CLIENTS, CLIENTS))
        peers = [row[1].partition(":")[0] for row in shown["rows"]]
        self.assertEqual(peers, [f"10.0.3.{number}" for number in range(CLIENTS)])
        (port,) = shown["ports"]
        self.assertEqual((port["name"], port["live"], port["accepted"]), (NAME, CLIENTS, CLIENTS))

    def test_pages(self) -> None:
        """
        Pages are cut out of the whole table, in its order, by each column.
        """
        for column in COLUMNS:
            for isDown in (True, False):
                how: dict[str, Any] = {"sort": column.key, "descending": isDown}
                whole = self.see(**how)["rows"]
                pages = [self.see(rows=2, page=page, **how)["rows"] for page in range(4)]
                self.assertEqual([len(each) for each in pages], [2, 2, 1, 0])
                at = 1 + COLUMNS.index(column)
                if column.key not in ("in", "out"):
                    cut = [row[at] for page in pages for row in page]
                    self.assertEqual(cut, [row[at] for row in whole])

    def test_watched(self) -> None:
        """
        A session of any worker may be watched, and its rates are known from the second look on.
        """
        key = self.see()["rows"][-1][0]
        self.assertEqual(self.see(watch=key)["watch"][0], key)
        self.network.run(1)
        row = self.see(watch=key)["watch"]
        rate = row[1 + [column.key for column in COLUMNS].index("in")]
        self.assertIsNotNone(rate)
        self.network.run(1)
        self.assertIsNotNone(self.see()["ports"][0]["rateIn"])

    def test_ends(self) -> None:
        """
        The last ends of all workers are told, the latest first.
        """
        for number in (0, 4, 2):
            self.clientFactory.made[number].session.abortConnection()
            self.network.run(1)
        peers = [end["peer"].partition(":")[0] for end in self.see()["ends"]]
        self.assertEqual(peers, ["10.0.3.2", "10.0.3.4", "10.0.3.0"])

    def test_silent(self) -> None:
        """
        A worker that does not answer, or answers nonsense, is left out.
        """
        self.accounts.elsewhere = {Silent(*self.kept)}
        self.assertEqual(self.see()["live"], CLIENTS)
        silent = Silent()
        self.patch(silent, "look", lambda question: [succeed([b"nonsense"])])
        self.accounts.elsewhere = {silent}
        self.assertEqual(self.see()["live"], 0)

    def test_alone(self) -> None:
        """
        Without workers the program shows its own.
        """
        alone = Everywhere(self.kept[0], self.hosts[0].seconds)
        self.assertEqual(self.successResultOf(alone.look(Query()))["live"], SHARES[0])

    def test_pieces(self) -> None:
        """
        Answers come in lines that are not too long, and a worker remembers so many who look.
        """
        self.see()
        (question,) = self.workers.questions
        worker = self.workers.workers[0]
        self.patch(worker._views[json.loads(question)[0]], "look", lambda query: {"x": "y" * PIECE})
        pieces = worker.answer(question)
        self.assertEqual([len(piece) for piece in pieces], [PIECE, len('{"x": ""}')])
        for number in range(2 * REMEMBERED):
            worker.answer(json.dumps([-number, *Query()]).encode())
        self.assertEqual(len(worker._views), REMEMBERED)
