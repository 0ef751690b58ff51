"""
A connection as Twisted sees it: its transport, its protocol and what drives both.
"""

from kcptwisted.session.transport import KCPTransport

__all__ = ["KCPTransport"]

#: The name that the transport had.
KCPSession = KCPTransport
