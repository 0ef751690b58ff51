"""
A cipher of your own that endpoint strings can name: AES-OCB3 (RFC 7253), which C{cryptography} has
and kcptwisted does not.

Run it without arguments; it connects to itself on the loopback interface::

    python examples/custom_cipher.py

Any AEAD can be used like this if it has C{encrypt} and C{decrypt} like those in
L{cryptography.hazmat.primitives.ciphers.aead}, takes a nonce of 12 bytes, adds a tag of 16, and
raises L{cryptography.exceptions.InvalidTag} if the tag is wrong.  For anything else write a class
that provides L{kcptwisted.crypt.interfaces.ICipher}.

The other end must have the cipher too; kcp-go does not have this one.
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
from kcptwisted.interfaces import IKCPTransport


def aesOCB(key: bytes) -> AEADCipher:
    """
    Makes the cipher of one socket.  AEADCipher gives each datagram a random nonce, and counts them.

    @param key: as many bytes as the L{CipherSpec} says.  With C{key=} it is derived from the
        passphrase, with C{rawKey=} it is that key.
    """
    return AEADCipher(AESOCB3(key))


#: The meaning of C{crypt=aes-256-ocb}.  KCP's segments are smaller by the overhead, so that the
#: datagrams keep to the C{mtu} option.
AES_256_OCB = CipherSpec("aes-256-ocb", keyBytes=32, overhead=AEADCipher.overhead, factory=aesOCB)

# This adds the cipher for the endpoints of this process.  If no code of yours runs before the
# endpoints are made, as with twistd, put the CipherSpec in a module of twisted/plugins: it is a
# plugin.
registerCipher(AES_256_OCB)


class Client(Protocol):
    """
    Sends a word and waits for what comes back.

    @ivar heard: fires with the first data that arrives.
    """

    transport: IKCPTransport

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Sends the word.
        """
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        Fires C{heard}.
        """
        if not self.heard.called:
            self.heard.callback(data)


async def main(reactor: IReactorCore) -> None:
    """
    Serves, connects, exchanges a word, and closes.  Both ends name the cipher.
    """
    endpoint = serverFromString(reactor, "kcp:0:interface=127.0.0.1:crypt=aes-256-ocb:key=sesame")
    port = await endpoint.listen(Factory.forProtocol(Echo))
    number = port.getHost().port
    print(f"listening on port {number}", flush=True)

    client = clientFromString(reactor, f"kcp:127.0.0.1:{number}:crypt=aes-256-ocb:key=sesame")
    protocol = await client.connect(Factory.forProtocol(Client))
    assert isinstance(protocol, Client)
    print(f"heard {(await protocol.heard).decode()}", flush=True)
    protocol.transport.loseConnection()
    await port.stopListening()


if __name__ == "__main__":
    react(main)
