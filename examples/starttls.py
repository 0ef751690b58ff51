"""
TLS that begins in the middle of a connection: the client says hello in the clear, asks for TLS, and
tells its secret when it has seen the server's certificate.

Run the server with the file to put its new certificate into, and the client with that file::

    python examples/starttls.py serve certificate.pem "kcp:4000:key=sesame"
    python examples/starttls.py tell certificate.pem "kcp:127.0.0.1:4000:key=sesame" "my secret"

It takes C{pip install "Twisted[tls]"}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure

from kcptwisted.session import KCPTransport


class Listener(LineReceiver):
    """
    Starts TLS when it is asked to.
    """

    transport: KCPTransport

    def __init__(self, certificate: ssl.PrivateCertificate) -> None:
        self._certificate = certificate

    def lineReceived(self, line: bytes) -> None:
        """
        Answer.
        """
        if line == b"STARTTLS":
            self.sendLine(b"go ahead")
            self.transport.startTLS(self._certificate.options())
        else:
            print(f"{line.decode()!r} over {self.transport!r}", flush=True)
            self.sendLine(b"heard")


class Teller(LineReceiver):
    """
    Says hello, starts TLS, and tells the secret.

    @ivar ended: fires when the connection is over.
    """

    transport: KCPTransport

    def __init__(self, trusted: ssl.Certificate, secret: str) -> None:
        self._trusted = trusted
        self._lines = [b"STARTTLS", secret.encode()]
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Begin.
        """
        self.sendLine(b"hello")

    def lineReceived(self, line: bytes) -> None:
        """
        Go on.
        """
        if line == b"go ahead":
            # This very certificate, whatever name it has.
            self.transport.startTLS(ssl.CertificateOptions(trustRoot=self._trusted))
        if self._lines:
            self.sendLine(self._lines.pop(0))
        else:
            print("told", flush=True)
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Say how it ended.
        """
        print(reason.getErrorMessage(), flush=True)
        self.ended.callback(None)


async def main(
    reactor: IReactorCore, role: str, file: str, endpoint: str, secret: str = "nothing"
) -> None:
    """
    Be the server until the reactor stops, or the client until all is told.
    """
    if role == "tell":
        trusted = ssl.Certificate.loadPEM(Path(file).read_bytes())
        teller = Teller(trusted, secret)
        await connectProtocol(clientFromString(reactor, endpoint), teller)
        await teller.ended
        return
    certificate = ssl.KeyPair.generate(size=2048).selfSignedCert(1, CN="localhost")
    Path(file).write_bytes(ssl.Certificate(certificate.original).dumpPEM())
    factory: Factory = Factory.forProtocol(lambda: Listener(certificate))
    port = await serverFromString(reactor, endpoint).listen(factory)
    print(f"listening on port {port.getHost().port}", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(main, sys.argv[1:])
