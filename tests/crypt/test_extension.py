"""
Ciphers of the user's own: registered, or found as plugins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cryptography.hazmat.primitives.ciphers.aead import AESOCB3
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.crypt.aead import AEADCipher
from kcptwisted.crypt.interfaces import ICipher
from kcptwisted.crypt.registry import (
    CIPHERS,
    CipherSpec,
    ICipherSpec,
    findCipher,
    registerCipher,
)
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.pluggedin import plugIn

MARK = b"reversed:"


@implementer(ICipher)
class ReversingCipher:
    """
    A cipher as a user may write one: a mark, and the datagram backwards.
    """

    overhead = len(MARK)

    def __init__(self, key: bytes) -> None:
        """
        @param key: goes into the mark.
        """
        self.key = key

    def seal(self, datagrams: Sequence[bytes]) -> list[bytes]:
        """
        Turn around.
        """
        return [MARK + datagram[::-1] for datagram in datagrams]

    def open(self, datagrams: Sequence[bytes]) -> tuple[list[bytes], int]:
        """
        Turn back.
        """
        marked = [datagram for datagram in datagrams if datagram.startswith(MARK)]
        opened = [datagram[len(MARK) :][::-1] for datagram in marked]
        return opened, len(datagrams) - len(opened)


REVERSING = CipherSpec("reversing-1", 5, len(MARK), ReversingCipher)
OCB = CipherSpec("aes-ocb3", 32, 28, lambda key: AEADCipher(AESOCB3(key)))


class OwnCipherTestCase(ConnectionTestCase):
    """
    Puts back the registry.
    """

    def setUp(self) -> None:
        """
        Remember what was registered.
        """
        super().setUp()
        before = dict(CIPHERS)

        def putBack() -> None:
            CIPHERS.clear()
            CIPHERS.update(before)

        self.addCleanup(putBack)

    def transfer(self, options: str) -> list[bytes]:
        """
        Send something there and back through endpoints made of strings.

        @return: what the client's host has put on the wire.
        """
        sent: list[bytes] = []
        self.network.taps.append(lambda source, _, datagram: sent.append(datagram))
        server = serverFromString(self.network.host(SERVER), f"kcp:{PORT}:{options}")
        port = cast(KCPListeningPort, self.successResultOf(server.listen(self.serverFactory)))
        self.serverFactory.prepare = lambda made: setattr(
            made, "onData", lambda data: made.session.write(data)
        )
        client = clientFromString(self.network.host(CLIENT), f"kcp:{SERVER}:{PORT}:{options}")
        connecting = client.connect(self.clientFactory)
        self.network.run(0.1)
        protocol = cast(RecordingProtocol, self.successResultOf(connecting))
        data = self.data(20_000)
        protocol.session.write(data)
        self.network.runUntil(lambda: len(protocol.received) >= len(data))
        self.assertEqual(protocol.received, data)
        self.finish(port)
        return sent


class RegisterTests(OwnCipherTestCase):
    """
    Tests for L{registerCipher}.
    """

    def test_interface(self) -> None:
        """
        What is registered is what plugins provide.
        """
        verifyObject(ICipherSpec, REVERSING)
        verifyObject(IPlugin, REVERSING)

    def test_found(self) -> None:
        """
        What is registered is found, and listed for those who name another.
        """
        registerCipher(REVERSING)
        self.assertIs(findCipher("reversing-1"), REVERSING)
        error = self.assertRaises(ValueError, findCipher, "rot13")
        self.assertIn(", ".join(CIPHERS), str(error))
        self.assertIn("reversing-1", str(error))

    def test_names(self) -> None:
        """
        A name is made of small letters, digits and hyphens.
        """
        for name in ("", "Mine", "my cipher", "my_cipher", "mi:ne", "mi=ne", "m\u00efne", "mine\n"):
            error = self.assertRaises(ValueError, registerCipher, CipherSpec(name, 0, 0, None))
            self.assertIn("name", str(error))
            self.assertIn(repr(name), str(error))
            self.assertNotIn(name, CIPHERS)
        registerCipher(CipherSpec("my-7th", 0, 0, None))

    def test_taken(self) -> None:
        """
        No cipher is replaced, kcp-go's or another.
        """
        registerCipher(REVERSING)
        for name in ("aes", "null", "reversing-1"):
            before = CIPHERS[name]
            error = self.assertRaises(ValueError, registerCipher, CipherSpec(name, 0, 0, None))
            self.assertIn(repr(name), str(error))
            self.assertIs(CIPHERS[name], before)

    def test_options(self) -> None:
        """
        Options take the name, and what the cipher is like.
        """
        self.assertRaises(ValueError, KCPOptions, crypt="reversing-1", key="k", environ={})
        registerCipher(REVERSING)
        options = KCPOptions(crypt="reversing-1", rawKey="0102030405", environ={})
        self.assertEqual((options.cipher, options.cipherKey), (REVERSING, b"\1\2\3\4\5"))
        self.assertEqual(options.overhead, len(MARK))
        error = self.assertRaises(ValueError, KCPOptions, crypt="reversing-1", rawKey="01" * 6)
        self.assertIn("10 hexadecimal digits", str(error))

    def test_endToEnd(self) -> None:
        """
        Endpoint strings name it, and all datagrams of a connection go through it.
        """
        registerCipher(REVERSING)
        for datagram in self.transfer("crypt=reversing-1:key=secret"):
            self.assertTrue(datagram.startswith(MARK))

    def test_aead(self) -> None:
        """
        So with an AEAD of the user's, that needs no more than L{AEADCipher}.
        """
        registerCipher(OCB)
        sent = self.transfer("crypt=aes-ocb3:key=secret")
        cipher = AESOCB3(KCPOptions(crypt="aes-ocb3", key="secret").cipherKey)
        for datagram in sent:
            # Raises if it is anything else.
            cipher.decrypt(datagram[:12], datagram[12:], None)
        self.assertGreater(len(sent), 20)


class PluginTests(OwnCipherTestCase):
    """
    Ciphers among Twisted's plugins.
    """

    def test_found(self) -> None:
        """
        A plugin's cipher is found by its name, and endpoints use it; nobody registers it.
        """
        plugIn(
            self,
            "kcptwisted_tests_found",
            "from kcptwisted.crypt.registry import CipherSpec",
            "cipher = CipherSpec('plugged-in', 5, 9, 'tests.crypt.test_extension:ReversingCipher')",
        )
        found = findCipher("plugged-in")
        self.assertEqual((found.name, found.keyBytes, found.overhead), ("plugged-in", 5, 9))
        self.assertNotIn("plugged-in", CIPHERS)
        for datagram in self.transfer("crypt=plugged-in:key=secret"):
            self.assertTrue(datagram.startswith(MARK))

    def test_listed(self) -> None:
        """
        It is listed for those who name another.
        """
        plugIn(
            self,
            "kcptwisted_tests_listed",
            "from kcptwisted.crypt.registry import CipherSpec",
            "cipher = CipherSpec('listed', 0, 0, None)",
        )
        error = self.assertRaises(ValueError, findCipher, "rot13")
        self.assertIn(", ".join([*CIPHERS, "listed"]), str(error))

    def test_shadowed(self) -> None:
        """
        A plugin takes no known cipher's place.
        """
        plugIn(
            self,
            "kcptwisted_tests_shadowed",
            "from kcptwisted.crypt.registry import CipherSpec",
            "cipher = CipherSpec('aes', 0, 0, None)",
        )
        self.assertEqual(findCipher("aes").keyBytes, 32)


class InterfaceTests(SynchronousTestCase):
    """
    The cipher above is what a user is told to write.
    """

    def test_interface(self) -> None:
        """
        It is a cipher.
        """
        verifyObject(ICipher, ReversingCipher(b"key"))
