"""
Tests for L{kcptwisted.status.pages}.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.web.test.requesthelper import DummyRequest

from kcptwisted.accounts import accountsOf
from kcptwisted.status.pages import INTERVAL, MOST_VIEWERS, SHARE, EventsResource
from tests.connections import SERVER, ConnectionTestCase


class Browser(DummyRequest):
    """
    A request whose producer pushes.
    """

    def registerProducer(self, prod: object, s: bool) -> None:
        """
        Does nothing: the test says when it is to pause.
        """


class EventsTests(ConnectionTestCase):
    """
    Looking again and again.
    """

    def setUp(self) -> None:
        """
        Make the page.
        """
        super().setUp()
        host = self.network.host(SERVER)
        self.taken = 0.0
        self.read = 0.0
        self.resource = EventsResource(host, accountsOf(host), self.timer)

    def timer(self) -> float:
        """
        @return: a time; each look takes what C{self.taken} says.
        """
        self.read += self.taken
        return self.read

    def get(self, **arguments: bytes) -> Browser:
        """
        @return: the request of one who looks.
        """
        request = Browser([b""])
        request.args = {name.encode(): [value] for name, value in arguments.items()}
        self.resource.render(request)
        return request

    def events(self, request: Browser) -> list[tuple[str, Any]]:
        """
        @return: what was told, and forgotten now.
        """
        text = b"".join(request.written).decode()
        request.written.clear()
        found = []
        for block in text.split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            if "event" in fields:
                found.append((fields["event"], json.loads(fields["data"])))
        return found

    def test_told(self) -> None:
        """
        The columns come first, then the state, again and again until the browser is gone; then
        nothing is done.
        """
        self.connect()
        request = self.get()
        (first, columns), (second, state) = self.events(request)
        self.assertEqual((first, second), ("columns", "state"))
        self.assertEqual(columns[0]["key"], "peer")
        self.assertEqual(state["live"], 1)
        self.network.run(3 * INTERVAL + 0.1)
        self.assertEqual([kind for kind, _ in self.events(request)], ["state"] * 3)
        request.processingFailed(ConnectionDone())
        self.network.run(3)
        self.assertEqual(self.events(request), [])
        self.assertEqual(self.resource.viewers, set())
        self.finish(self.port)

    def test_slow(self) -> None:
        """
        Looks that take long are rare: no more than a small share of the time goes into them.
        """
        # A look is measured in two parts.
        self.taken = 0.05
        request = self.get()
        self.events(request)
        self.network.run(0.1 / SHARE - 0.1)
        self.assertEqual(self.events(request), [])
        self.network.run(0.2)
        self.assertEqual(len(self.events(request)), 1)
        other = self.get()
        self.network.run(0.1 / SHARE - 0.2)
        self.events(request), self.events(other)
        self.network.run(0.1 / SHARE)
        self.assertEqual(len(self.events(request)) + len(self.events(other)), 1)
        for each in (request, other):
            each.processingFailed(ConnectionDone())

    def test_slowReader(self) -> None:
        """
        Nothing is kept for a browser that reads too slowly; it sees the next state when it reads
        again.
        """
        request = self.get()
        self.events(request)
        (viewer,) = self.resource.viewers
        viewer.pauseProducing()
        self.network.run(5)
        self.assertEqual(self.events(request), [])
        viewer.resumeProducing()
        self.network.run(INTERVAL + 0.1)
        self.assertEqual(len(self.events(request)), 1)
        request.processingFailed(ConnectionDone())

    def test_many(self) -> None:
        """
        Only so many may look at once.
        """
        requests = [self.get() for _ in range(MOST_VIEWERS)]
        refused = self.get()
        self.assertEqual(refused.responseCode, 503)
        requests.pop().processingFailed(ConnectionDone())
        requests.append(self.get())
        self.assertEqual(len(self.resource.viewers), MOST_VIEWERS)
        for request in requests:
            request.processingFailed(ConnectionDone())

    def test_wrong(self) -> None:
        """
        A query that is wrong is said to be.
        """
        request = self.get(sort=b"colour")
        self.assertEqual(request.responseCode, 400)
        self.assertEqual(self.resource.viewers, set())
