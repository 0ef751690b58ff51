"""
What a cipher does, as a type: what L{kcptwisted.crypt.interfaces.ICipher} is to zope.interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class SendLimitReached(Exception):
    """
    One more datagram under this key could use a nonce twice.
    """


class Cipher(Protocol):
    """
    Protects whole datagrams of one socket, without I/O.
    """

    @property
    def overhead(self) -> int:
        """
        Bytes that L{seal} adds to a datagram, at least.  A shorter datagram cannot be opened.
        """

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Encrypts datagrams.

        @return: as many datagrams, in order.
        @raise SendLimitReached: if the key may seal no more datagrams.
        """

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Decrypts and checks datagrams.  Raises nothing, whatever the datagrams hold.

        @return: the datagrams that passed the check, in order, and how many did not.
        """
