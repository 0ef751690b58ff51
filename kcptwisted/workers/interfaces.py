"""
The contracts between a listener and the other workers of its port.
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import Interface

from kcptwisted.interfaces import Address


class ISiblings(Interface):
    """
    The other workers, as a listener sees them.

    The kernel chooses the worker by a hash of both addresses.  So what a client sends after its
    address has changed reaches a worker that does not know it: a I{stray}.
    """

    def follow(datagrams: list[bytes], address: Address) -> bool:
        """
        Hand over datagrams from an address whose datagrams have been handed over before, and not
        given back.

        @return: whether they are: there is nothing more to do about them.
        """

    def claim(conv: int, datagrams: list[bytes], address: Address) -> bool:
        """
        Hand over datagrams of a conversation, if another worker has a session of it whose peer may
        move.  L{follow} then takes what comes next from C{address}.

        @return: whether there is such a worker.
        """

    def began(conv: int) -> None:
        """
        There is a session of that conversation here whose peer may move.
        """

    def ended(conv: int) -> None:
        """
        There is none any more.
        """

    def opened(keys: list[bytes]) -> None:
        """
        What each datagram that has opened a session, or could have, is known again by: the others
        are to take none of them.
        """

    def stop() -> None:
        """
        The listener is no more.
        """


class IStrayTaker(Interface):
    """
    A listener, as the other workers see it.
    """

    def strayReceived(datagrams: list[bytes], address: Address) -> list[bytes]:
        """
        Take datagrams that reached another worker.

        @return: those that are of no session here, but for what nobody can make anything of.
        """

    def strayReturned(datagrams: list[bytes], address: Address) -> None:
        """
        Deal with datagrams that were handed over and are of no session there either.
        """

    def learn(keys: list[bytes]) -> None:
        """
        What opened sessions elsewhere opens none here.
        """

    def movable() -> Iterable[int]:
        """
        @return: the conversations of sessions whose peers may move.
        """

    def batchFinished() -> None:
        """
        That was all for now: answer.
        """
