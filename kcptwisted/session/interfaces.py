"""
What a transport asks of its session.
"""

from __future__ import annotations

from typing import Protocol

from twisted.python.failure import Failure

from kcptwisted.connection.connection import Connection
from kcptwisted.interfaces import Address
from kcptwisted.options import KCPOptions
from kcptwisted.session.application import Application
from kcptwisted.session.holder import SessionSocket
from kcptwisted.session.stream import Stream
from kcptwisted.stats import SessionStats


class ITransportSession(Protocol):
    """
    The session of a transport.
    """

    conv: int
    address: Address
    stats: SessionStats
    connection: Connection
    application: Application
    stream: Stream
    socket: SessionSocket
    options: KCPOptions
    connected: bool

    @property
    def overhead(self) -> int: ...

    def configure(self, options: KCPOptions) -> None: ...

    def networkChanged(self) -> None: ...

    def schedule(self) -> None: ...

    def end(self, reason: Failure) -> None: ...
