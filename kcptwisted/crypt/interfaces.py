"""
What a cipher is to the layer that uses it.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import Attribute, Interface


class SendLimitReached(Exception):
    """
    One more datagram under this key would risk that a nonce is used twice.
    """


class ICipher(Interface):
    """
    Protects whole datagrams of one socket, without I/O.
    """

    overhead: int = Attribute(
        "Bytes that L{seal} adds to a datagram, at least.  What is shorter cannot be opened."
    )

    def seal(datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypt.

        @return: as many datagrams, in order.
        @raise SendLimitReached: if the key has been used enough.
        """

    def open(datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypt and check.

        @return: the datagrams that passed, in order, and how many did not.  Nothing is raised,
            whatever the datagrams hold.
        """
