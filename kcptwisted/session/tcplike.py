"""
What Twisted's protocols ask of a TCP transport, and means something else, or nothing, here.
"""

from __future__ import annotations


class TCPOptions:
    """
    TCP's socket options, as far as L{twisted.internet.interfaces.ITCPTransport} has them.
    """

    __slots__ = ("_tcpKeepAlive", "_tcpNoDelay")

    def __init__(self, noDelay: bool, keepAlive: bool) -> None:
        """
        @param noDelay: what L{getTcpNoDelay} says at first.
        @param keepAlive: what L{getTcpKeepAlive} says at first.
        """
        self._tcpNoDelay = noDelay
        self._tcpKeepAlive = keepAlive

    def getTcpNoDelay(self) -> bool:
        """
        @return: what was set last; at first, whether C{writeDelay} is off.
        """
        return self._tcpNoDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Note it: KCP has no Nagle algorithm to turn off.  C{writeDelay} stays as it is.
        """
        self._tcpNoDelay = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        """
        @return: what was set last; at first, whether C{keepAlive} is on.
        """
        return self._tcpKeepAlive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        With C{keepAlive=0}: turn it on, with the default time, or off again.  Otherwise only note
        it: C{keepAlive} is on anyway, and whoever made the endpoint wants it on.
        """
        self._tcpKeepAlive = bool(enabled)
        self._keepAliveSet()

    def _keepAliveSet(self) -> None:
        """
        For subclasses.
        """
        raise NotImplementedError
