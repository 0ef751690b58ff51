"""
What applications have of smux: sessions, and the transports of their streams.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    ITCPTransport,
)
from twisted.python.failure import Failure
from zope.interface import Attribute, Interface

from kcptwisted.interfaces import IGracefulPort
from kcptwisted.smux.counters import SmuxStats
from kcptwisted.smux.options import SmuxOptions


class ISmuxSession(Interface):
    """
    A session: many streams over one connection.
    """

    options: SmuxOptions = Attribute("The options.")
    stats: SmuxStats = Attribute("Counts of this session, or of all that share them.")
    isClient: bool = Attribute("Which half of the stream ids is this end's: True for the odd one.")
    isOpen: bool = Attribute(
        "True while L{openStream} can open streams: the session is connected, is not being closed, "
        "and has ids left."
    )
    isConnected: bool = Attribute("True from the connection's begin to its end.")
    age: float = Attribute("Seconds since the connection was made; 0 before.")
    liveStreams: int = Attribute("How many streams there are.")

    def openStream(factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Opens a stream.  The peer is told at once and does not answer.

        @return: has fired with the protocol that the factory made.  Fails with
            L{kcptwisted.smux.errors.SmuxSessionClosed} if C{isOpen} is False, of these with
            L{kcptwisted.smux.errors.SmuxIdsExhausted} if all ids were used; with
            L{twisted.internet.error.ConnectionAborted} if the factory makes no protocol.
        """

    def finish() -> None:
        """
        Opens and takes no more streams, and closes the connection when the last one is over.
        """

    def loseConnection() -> None:
        """
        Closes all streams, which delivers what was written to them, then the connection.
        """

    def abortConnection() -> None:
        """
        Ends all streams and the connection now.
        """

    def whenEnded() -> Deferred[BaseException]:
        """
        Returns a new L{Deferred} that fires when the session is over and all of its streams have
        been told.  It never fails: its result is the exception that says why, such as
        L{twisted.internet.error.ConnectionDone} if either end closed the connection,
        L{twisted.internet.error.ConnectionAborted} after L{abortConnection},
        L{kcptwisted.smux.errors.SmuxProtocolError}, or
        L{kcptwisted.smux.errors.SmuxKeepAliveTimeout}.
        """

    def getPeer() -> IAddress:
        """
        Returns the peer's address, of the connection.
        """

    def getHost() -> IAddress:
        """
        Returns the local address, of the connection.
        """


class ISmuxTransport(ITCPTransport, IConsumer, IPushProducer):
    """
    The transport of a stream.
    """

    session: ISmuxSession = Attribute("The stream's session.")
    streamId: int = Attribute("The stream's id.")
    unsent: int = Attribute(
        "Bytes that were written and wait for the peer's window, or for the connection."
    )

    def loseConnection() -> None:
        """
        Sends what was written, then FIN, and forgets the stream.  What still comes is dropped.
        """

    def loseWriteConnection() -> None:
        """
        Sends what was written, then FIN, and goes on receiving.  A protocol that provides
        L{IHalfCloseableProtocol<twisted.internet.interfaces.IHalfCloseableProtocol>} gets
        C{writeConnectionLost} when FIN has left.
        """

    def abortConnection() -> None:
        """
        Drops what was written and not sent, sends FIN, and forgets the stream: smux has no other
        way to end one, so the peer takes it for a close.
        """

    # ITCPTransport knows no other addresses than TCP's.
    def getPeer() -> IAddress:  # type: ignore[override]
        """
        Returns L{kcptwisted.smux.addresses.SmuxAddress}.
        """

    def getHost() -> IAddress:  # type: ignore[override]
        """
        Returns L{kcptwisted.smux.addresses.SmuxAddress}.
        """


class ISmuxListeningPort(IGracefulPort):
    """
    The port of a server whose connections are sessions.  To L{stopListening<IGracefulPort>}
    C{"finish"} means that no new streams are taken, and sessions close when their last stream is
    over; C{"close"}, that streams deliver what was written, and end.
    """

    stats: SmuxStats = Attribute("Counts of all sessions.")
    sessions: list[ISmuxSession] = Attribute("The sessions that are connected.")


class IStreamHolder(Protocol):
    """
    What a session says to the transport of a stream.
    """

    def deliver(self) -> None: ...

    def sent(self) -> None: ...

    def finishEnd(self) -> None: ...

    def end(self, reason: Failure) -> None: ...

    def loseConnection(self) -> None: ...
