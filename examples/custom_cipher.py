"""
A cipher of one's own, named in endpoint strings: AES-OCB3 (RFC 7253), which kcptwisted does not
have and C{cryptography} does.

Run it without arguments; it talks to itself on the loopback interface::

    python examples/custom_cipher.py

Any AEAD will do that has C{encrypt} and C{decrypt} like those in
L{cryptography.hazmat.primitives.ciphers.aead}, takes a nonce of 12 bytes, adds a tag of 16, and
raises L{cryptography.exceptions.InvalidTag} at what is not genuine.  For anything else write a
class that provides L{kcptwisted.crypt.interfaces.ICipher}.

The other end has to know the cipher too: kcp-go does not know this one.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESOCB3
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import react
from twisted.protocols.wire import Echo

from kcptwisted.crypt.aead import AEADCipher
from kcptwisted.crypt.registry import CipherSpec, registerCipher
from kcptwisted.session import KCPTransport


def aesOCB(key: bytes) -> AEADCipher:
    """
    Make the cipher of one socket.  AEADCipher gives each datagram a random nonce, and counts them.

    @param key: as long as the L{CipherSpec} says.  With C{key=} it is derived from the passphrase,
        with C{rawKey=} it is given.
    """
    return AEADCipher(AESOCB3(key))


#: What C{crypt=aes-256-ocb} means.  By the overhead KCP's segments become smaller, so that the
#: datagrams keep to the C{mtu} option.
AES_256_OCB = CipherSpec("aes-256-ocb", keyBytes=32, overhead=AEADCipher.overhead, factory=aesOCB)

# For the endpoints of this process, from now on.  Where no code of yours runs before the endpoints
# are made, as with twistd, put the CipherSpec in a module of twisted/plugins: it is a plugin.
registerCipher(AES_256_OCB)


class Hearer(Protocol):
    """
    Says something and waits for what comes back.

    @ivar heard: fires with what came first.
    """

    transport: KCPTransport

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Say it.
        """
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        Take it.
        """
        if not self.heard.called:
            self.heard.callback(data)


async def main(reactor: IReactorCore) -> None:
    """
    Serve, connect, exchange a word, close.  Both ends name the cipher.
    """
    endpoint = serverFromString(reactor, "kcp:0:interface=127.0.0.1:crypt=aes-256-ocb:key=sesame")
    port = await endpoint.listen(Factory.forProtocol(Echo))
    number = port.getHost().port
    print(f"listening on port {number}", flush=True)

    client = clientFromString(reactor, f"kcp:127.0.0.1:{number}:crypt=aes-256-ocb:key=sesame")
    hearer = await client.connect(Factory.forProtocol(Hearer))
    assert isinstance(hearer, Hearer)
    print(f"heard {(await hearer.heard).decode()}", flush=True)
    hearer.transport.loseConnection()
    await port.stopListening()


if __name__ == "__main__":
    react(main)
