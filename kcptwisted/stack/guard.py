"""
Keeping what a layer of the user's raises to the connection that it concerns.
"""

from __future__ import annotations

from typing import Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer


class Guarded(Protocol):
    """
    What is above the layers.
    """

    def layerFailed(self, reason: Failure, address: Address) -> None:
        """
        A layer raised while it was given datagrams from C{address}.
        """

    def batchFinished(self) -> None:
        """
        As L{kcptwisted.interfaces.IDatagramProtocol} says.
        """


class LayerGuard(DatagramLayer):
    """
    Between the socket and the user's own layers: what they raise is logged, and ends the connection
    with the datagrams' sender, if there is one.
    """

    _log = Logger()

    def __init__(self, wrapped: IDatagramProtocol, top: Guarded) -> None:
        """
        @param wrapped: the outermost layer.
        @param top: what all layers are there for.
        """
        super().__init__(wrapped)
        self._top = top

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Leave what is sent alone.
        """
        self.wrapped.makeConnection(transport)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Pass up.
        """
        try:
            self.wrapped.datagramsReceived(datagrams, address)
        except Exception:
            failure = Failure()
            self._log.failure("Datagrams for {layer!r} failed", failure, layer=self.wrapped)
            self._top.layerFailed(failure, address)

    def batchFinished(self) -> None:
        """
        Pass up, whatever a layer makes of it: what has been read is to be answered.
        """
        try:
            self.wrapped.batchFinished()
        except Exception:
            self._log.failure("batchFinished of {layer!r} failed", layer=self.wrapped)
            self._top.batchFinished()
