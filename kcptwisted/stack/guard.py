"""
Keeping what a layer of the user's raises to the connection that it concerns.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer


class Guarded(Protocol):
    """
    What is above the cipher and the user's layers.
    """

    def layerFailed(self, reason: Failure, address: Address) -> None:
        """
        Ends the connection with C{address}: a layer raised while it was given datagrams from there.
        """

    def batchFinished(self) -> None:
        """
        As L{kcptwisted.interfaces.IDatagramProtocol} says.
        """


class LayerGuard(DatagramLayer):
    """
    Stands between the socket and the user's own layers.  What they raise is logged, and ends the
    connection with the datagrams' sender, if there is one.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, wrapped: IDatagramProtocol, stack: Guarded) -> None:
        """
        @param wrapped: the outermost layer.
        @param stack: has the sessions.
        """
        super().__init__(wrapped)
        self._stack = stack

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Connects the outermost layer to the socket: nothing has to be done about what is sent.
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
            self._stack.layerFailed(failure, address)

    def batchFinished(self) -> None:
        """
        Pass up.  If a layer raises, the sessions answer what has been read all the same.
        """
        try:
            self.wrapped.batchFinished()
        except Exception:
            self._log.failure("batchFinished of {layer!r} failed", layer=self.wrapped)
            self._stack.batchFinished()
