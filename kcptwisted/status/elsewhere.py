"""
Looking at the workers of a program.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.accounts import Accounts
from kcptwisted.status.merging import mergedLooks, wide
from kcptwisted.status.query import Query
from kcptwisted.status.view import View

#: Bytes of the longest line of an answer.
PIECE: Final = 16_384

#: How many who look a worker remembers, to say how fast sessions are.
REMEMBERED: Final = 40

_log = Logger()
_numbers = count(1)


class Looks:
    """
    A worker's answers to its master.
    """

    def __init__(self, accounts: Accounts, seconds: Callable[[], float]) -> None:
        """
        @param accounts: of this process.
        @param seconds: gives the time.
        """
        self._accounts = accounts
        self._seconds = seconds
        self._views: OrderedDict[int, View] = OrderedDict()

    def answer(self, question: bytes) -> list[bytes]:
        """
        Returns the lines of an answer.
        """
        viewer, *fields = json.loads(question)
        view = self._views.pop(viewer, None) or View(self._accounts, self._seconds)
        self._views[viewer] = view
        while len(self._views) > REMEMBERED:
            self._views.popitem(last=False)
        text = json.dumps(view.look(Query(*fields))).encode()
        return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


class Everywhere:
    """
    One look after the other at the program and its workers, by one who looks.
    """

    def __init__(self, accounts: Accounts, seconds: Callable[[], float]) -> None:
        """
        @param accounts: of the program.
        @param seconds: gives the time.
        """
        self._accounts = accounts
        self._view = View(accounts, seconds)
        self._number = next(_numbers)

    def look(self, query: Query) -> Deferred[dict[str, Any]]:
        """
        Looks.

        @return: fires with what there is when the workers have answered, or have had the time to.
        """
        elsewhere = list(self._accounts.elsewhere)
        if not elsewhere:
            return maybeDeferred(self._view.look, query)
        question = json.dumps([self._number, *wide(query)]).encode()
        asked = [
            answer.addCallback(_parsed).addErrback(_silent)
            for workers in elsewhere
            for answer in workers.look(question)
        ]
        here = self._view.look(wide(query))
        return gatherResults(asked).addCallback(
            lambda found: mergedLooks([here, *filter(None, found)], query)
        )


def _parsed(lines: list[bytes]) -> dict[str, Any]:
    look: dict[str, Any] = json.loads(b"".join(lines))
    return look


def _silent(reason: Failure) -> None:
    _log.debug("A worker does not tell its sessions: {why}", why=reason.getErrorMessage())
