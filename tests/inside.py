"""
What lies behind a transport, for tests that look there.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.interfaces import ITransport

from kcptwisted.connection.connection import Connection
from kcptwisted.session.session import KCPSession
from kcptwisted.session.transport import KCPTransport


def sessionOf(transport: ITransport | None) -> KCPSession:
    """
    @return: what drives the connection.
    """
    assert isinstance(transport, KCPTransport)
    return cast(KCPSession, transport._session)


def connectionOf(transport: ITransport | None) -> Connection:
    """
    @return: what decides.
    """
    return sessionOf(transport).connection
