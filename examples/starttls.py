"""
TLS that starts in the middle of a connection.  The client says hello without TLS, asks for TLS, and
sends its secret after it has checked the server's certificate.

Run the server with a file that it writes its new certificate to, and the client with that file::

    python examples/starttls.py serve certificate.pem "kcp:4000:key=sesame"
    python examples/starttls.py tell certificate.pem "kcp:127.0.0.1:4000:key=sesame" "my secret"

It needs C{pip install "Twisted[tls]"}.
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

from kcptwisted.interfaces import IKCPTransport


class Listener(LineReceiver):
    """
    Starts TLS when the client asks for it.
    """

    transport: IKCPTransport

    def __init__(self, certificate: ssl.PrivateCertificate) -> None:
        self._certificate = certificate

    def lineReceived(self, line: bytes) -> None:
        """
        Answers a line.
        """
        if line == b"STARTTLS":
            self.sendLine(b"go ahead")
            self.transport.startTLS(self._certificate.options())
        else:
            print(f"{line.decode()!r} over {self.transport!r}", flush=True)
            self.sendLine(b"heard")


class Teller(LineReceiver):
    """
    Says hello, starts TLS, and sends the secret.

    @ivar ended: fires when the connection has ended.
    """

    transport: IKCPTransport

    def __init__(self, trusted: ssl.Certificate, secret: str) -> None:
        self._trusted = trusted
        self._lines = [b"STARTTLS", secret.encode()]
        self.ended: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """
        Says hello.
        """
        self.sendLine(b"hello")

    def lineReceived(self, line: bytes) -> None:
        """
        Takes an answer, and sends the next line.
        """
        if line == b"go ahead":
            # Trusts only this certificate, whatever name it has.
            self.transport.startTLS(ssl.CertificateOptions(trustRoot=self._trusted))
        if self._lines:
            self.sendLine(self._lines.pop(0))
        else:
            print("told", flush=True)
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Prints why the connection ended, and fires C{ended}.
        """
        print(reason.getErrorMessage(), flush=True)
        self.ended.callback(None)


async def main(
    reactor: IReactorCore, role: str, file: str, endpoint: str, secret: str = "nothing"
) -> None:
    """
    Runs the server until the reactor stops, or the client until it has sent everything.
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
