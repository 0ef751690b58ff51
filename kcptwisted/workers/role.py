"""
What a process is: the program itself, or one of its workers.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import MutableMapping
from typing import Any, NamedTuple

#: In the environment of a worker when it starts: its role.
VARIABLE = "KCPTWISTED_WORKER"

#: File descriptors of a worker: where it reports to its master, where it gets orders, its socket,
#: its inbox, and from the last on the others' inboxes, in the order of their numbers.
REPORTS, ORDERS, SOCKET, INBOX, OUTBOXES = range(3, 8)

#: Where a reactor keeps the L{Roster} of its process.
_ATTRIBUTE = "_kcptwistedRoster"


class Place(NamedTuple):
    """
    Which of a program's ports: the same in each run of the program.

    @ivar interface: as it was given.
    @ivar port: likewise, so it may be 0.
    @ivar order: how many with workers and the same interface and port came before.
    """

    interface: str
    port: int
    order: int


class Role(NamedTuple):
    """
    What a worker is for.

    @ivar number: from 0 on.
    @ivar total: how many workers there are.
    @ivar place: the port that it serves.
    @ivar talks: whether it can talk with the others.
    """

    number: int
    total: int
    place: Place
    talks: bool

    def encode(self) -> str:
        """
        Returns the role as text, for the environment.
        """
        return json.dumps(self)

    @classmethod
    def decode(cls, text: str) -> Role:
        """
        Returns the role that L{encode} wrote.

        @raise ValueError: if nothing of this package wrote C{text}.
        """
        try:
            number, total, (interface, port, order), talks = json.loads(text)
            return cls(int(number), int(total), Place(interface, int(port), int(order)), talks)
        except (TypeError, ValueError):
            raise ValueError(
                f"{VARIABLE} must not be set but by a program for its workers: {text!r}"
            ) from None


class Roster:
    """
    A process's role, and the ports with workers that it has come to.

    @ivar role: None if it is no worker.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """
        @param environ: the process's.  The role is taken out, since programs that this one starts
            have none.
        @raise ValueError: if it has a role that is none.
        """
        text = environ.pop(VARIABLE, None)
        self.role = None if text is None else Role.decode(text)
        self._arrivals: Counter[tuple[str, int]] = Counter()

    def arrive(self, interface: str, port: int) -> Place:
        """
        Returns the place of a port that the program comes to now.
        """
        order = self._arrivals[interface, port]
        self._arrivals[interface, port] += 1
        return Place(interface, port, order)


def rosterOf(reactor: Any, environ: MutableMapping[str, str] = os.environ) -> Roster:
    """
    Returns the roster of the process that C{reactor} runs.

    @raise ValueError: see L{Roster}.
    """
    roster: Roster | None = getattr(reactor, _ATTRIBUTE, None)
    if roster is None:
        roster = Roster(environ)
        setattr(reactor, _ATTRIBUTE, roster)
    return roster


def workerNumber(reactor: Any) -> int | None:
    """
    Says which worker this process is, for programs that do something in one process only, or
    something else in each.

    @return: which worker this process is, from 0 on; None if it is none, but the master of some or
        a program without workers.
    @raise ValueError: if the environment is not that of a worker, nor of any other process.
    """
    role = rosterOf(reactor).role
    return None if role is None else role.number
