"""
Which datagrams belong to another process that serves the same port.
"""

from __future__ import annotations

from zope.interface import Interface, implementer

from kcptwisted.interfaces import Address


class IRouting(Interface):
    """
    Which datagrams are for other processes that serve the same port.

    The kernel chooses the process by a hash of both addresses.  So what a client sends after its
    address has changed reaches a process that does not know it: a I{stray}.
    """

    def follow(datagrams: list[bytes], address: Address) -> bool:
        """
        Hands over datagrams from an address whose datagrams have been handed over before, and not
        given back.

        @return: whether they are: there is nothing more to do about them.
        """

    def knows(conv: int) -> bool:
        """
        Returns True if another process has a session of that conversation whose peer may move.
        """

    def claim(conv: int, datagrams: list[bytes], address: Address) -> bool:
        """
        Hands over datagrams of a conversation, if another process has a session of it whose peer
        may move.  L{follow} then takes what comes next from C{address}.

        @return: whether there is such a process.
        """

    def began(conv: int) -> None:
        """
        Takes note of a session of that conversation here whose peer may move.
        """

    def ended(conv: int) -> None:
        """
        Takes note that there is no such session any more.
        """

    def opened(keys: list[bytes]) -> None:
        """
        Passes on by what to recognise each datagram that has opened a session, or could have: the
        others are to take none of them.
        """

    def stop() -> None:
        """
        Stops: the listener is no more.
        """


@implementer(IRouting)
class SingleProcess:
    """
    There is no other process.
    """

    def follow(self, datagrams: list[bytes], address: Address) -> bool:
        """
        Returns False.
        """
        return False

    def knows(self, conv: int) -> bool:
        """
        Returns False.
        """
        return False

    def claim(self, conv: int, datagrams: list[bytes], address: Address) -> bool:
        """
        Returns False.
        """
        return False

    def began(self, conv: int) -> None:
        """
        Does nothing.
        """

    def ended(self, conv: int) -> None:
        """
        Does nothing.
        """

    def opened(self, keys: list[bytes]) -> None:
        """
        Does nothing.
        """

    def stop(self) -> None:
        """
        Does nothing.
        """
