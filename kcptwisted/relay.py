"""
C{twistd kcp-relay}: joins any server endpoint to any client endpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.application import strports
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IAddress, IProtocol, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python import usage
from twisted.python.failure import Failure


class Options(usage.Options):
    """
    Command line of C{twistd kcp-relay}.
    """

    synopsis = "[options]"
    longdesc = (
        "Takes connections at one endpoint and passes each on to another, with backpressure both"
        " ways. For example --from tcp:8080 --to kcp:example.com:4000:crypt=aes here and"
        " --from kcp:4000:crypt=aes --to tcp:127.0.0.1:80 there, with the passphrase in KCP_KEY"
        " at both ends."
    )
    optParameters = [
        ["from", "f", None, "Server endpoint to listen at, such as tcp:8080."],
        ["to", "t", None, "Client endpoint to connect to, such as kcp:example.com:4000:crypt=aes."],
    ]

    def postOptions(self) -> None:
        """
        @raise usage.UsageError: if an endpoint is missing or wrong.
        """
        from twisted.internet import reactor

        parsers: dict[str, Callable[[Any, str], object]] = {
            "from": serverFromString,
            "to": clientFromString,
        }
        for name, parse in parsers.items():
            if not self[name]:
                raise usage.UsageError(f"--{name} is needed: an endpoint string")
            try:
                parse(reactor, self[name])
            except (ValueError, TypeError) as problem:
                raise usage.UsageError(f"--{name}: {problem}") from None


class Half(Protocol):
    """
    One of two joined connections.  What comes in goes out at the other one.
    """

    _other: Half | None = None

    def connectionMade(self) -> None:
        """
        Wait for the other half.
        """
        self._early: deque[bytes] = deque()

    def join(self, other: Half) -> None:
        """
        Pass on to C{other} from now on; each is the other's producer.
        """
        self._other = other
        transport: Any = other.transport
        transport.registerProducer(self.transport, True)
        while self._early:
            transport.write(self._early.popleft())

    def dataReceived(self, data: bytes) -> None:
        """
        Pass on.
        """
        if self._other is None:
            self._early.append(data)
        else:
            transport: Any = self._other.transport
            transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Close the other half, which still delivers what it was given.
        """
        other, self._other = self._other, None
        if other is not None and other.transport is not None:
            other._other = None
            transport: Any = other.transport
            transport.unregisterProducer()
            transport.loseConnection()


class Incoming(Half):
    """
    The half that was connected to; connects the other.
    """

    _log = Logger()

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        """
        @param endpoint: where to pass on to.
        """
        self._endpoint = endpoint
        self._connecting: Deferred[IProtocol] | None = None

    def connectionMade(self) -> None:
        """
        Hold what comes until the other half is there.
        """
        super().connectionMade()
        transport: Any = self.transport
        transport.pauseProducing()
        connecting = self._connecting = self._endpoint.connect(Factory.forProtocol(Half))
        connecting.addCallbacks(self._connected, self._failed)

    def _connected(self, outgoing: Any) -> None:
        self._connecting = None
        self.join(outgoing)
        outgoing.join(self)
        transport: Any = self.transport
        transport.resumeProducing()

    def _failed(self, reason: Failure) -> None:
        self._connecting = None
        self._log.warn("Cannot pass a connection on: {reason}", reason=reason.getErrorMessage())
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Give up on a half that is still being connected.
        """
        if self._connecting is not None:
            connecting, self._connecting = self._connecting, None
            connecting.cancel()
        super().connectionLost(reason)


class RelayFactory(Factory):
    """
    Makes L{Incoming} halves.
    """

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        """
        @param endpoint: where to pass on to.
        """
        self._endpoint = endpoint

    def buildProtocol(self, addr: IAddress | None) -> Incoming:
        """
        @return: a new half.
        """
        return Incoming(self._endpoint)


def makeService(options: Options) -> Service:
    """
    What twistd runs.
    """
    from twisted.internet import reactor

    factory = RelayFactory(clientFromString(reactor, options["to"]))
    return strports.service(options["from"], factory, reactor)
