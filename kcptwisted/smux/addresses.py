"""
The address of a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IAddress
from zope.interface import implementer


@implementer(IAddress)
@dataclass(frozen=True)
class SmuxAddress:
    """
    One end of a stream.

    @ivar carrier: the address of that end of the connection that the session runs over.
    @ivar stream: the stream's id.
    """

    carrier: IAddress
    stream: int
