"""
The contract of a cipher, for users' own.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import Attribute, Interface

from kcptwisted.crypt.cipher import SendLimitReached

__all__ = ["ICipher", "SendLimitReached"]


class ICipher(Interface):
    """
    Protects whole datagrams of one socket, without I/O.
    """

    overhead: int = Attribute(
        "Bytes that L{seal} adds to a datagram, at least.  A shorter datagram cannot be opened."
    )

    def seal(datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypts datagrams.

        @return: as many datagrams, in order.
        @raise SendLimitReached: if the key may seal no more datagrams.
        """

    def open(datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypts and checks datagrams.  Raises nothing, whatever the datagrams hold.

        @return: the datagrams that passed the check, in order, and how many did not.
        """
