"""
Where nonces come from, with every cipher.
"""

from __future__ import annotations

import os
import signal
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.cipher import Cipher
from tests.crypt.everycipher import everyCipher, madeCiphers
from tests.interpreter import runPython

#: Seconds after which a forked process that hangs ends.
_LIMIT = 60

#: Counts what is asked of os.urandom by each cipher, from before the first import on.
_COUNT_URANDOM = """
import os
calls = []
genuine = os.urandom
def counting(count):
    calls.append(count)
    return genuine(count)
os.urandom = counting
from kcptwisted.crypt.registry import CIPHERS
for name, spec in CIPHERS.items():
    cipher = spec.make(bytes(spec.keyBytes))
    if cipher is not None:
        calls.clear()
        cipher.seal([b"datagram"] * 7)
        print(name, *calls)
"""


class _Source:
    """
    Stands in for the system's generator.

    @ivar calls: how many bytes were asked for, each time.
    """

    def __init__(self) -> None:
        self.calls: list[int] = []
        self._random = Random(1)

    def __call__(self, count: int) -> bytes:
        """
        @return: so many bytes.
        """
        self.calls.append(count)
        return self._random.randbytes(count)


def _size(cipher: Cipher) -> int:
    """
    @return: bytes of a nonce.
    """
    return 12 if cipher.overhead == 28 else 16


def _nonces(cipher: Cipher, packets: list[bytes]) -> list[bytes]:
    """
    @return: what the packets begin with; with CFB it is encrypted, which makes no two alike.
    """
    return [packet[: _size(cipher)] for packet in packets]


class NonceTests(SynchronousTestCase):
    """
    Nonces of all ciphers.
    """

    def test_drawnTogether(self) -> None:
        """
        However many datagrams a batch has, its nonces are drawn in one call, and only they.
        """
        source = _Source()
        for name, cipher in everyCipher(randomBytes=source).items():
            for count in (1, 2, 64):
                source.calls.clear()
                cipher.seal([b"datagram"] * count)
                self.assertEqual(source.calls, [count * _size(cipher)], name)

    def test_notDrawn(self) -> None:
        """
        Opening takes none.
        """
        source = _Source()
        for name, cipher in everyCipher(randomBytes=source).items():
            packets = cipher.seal([b"datagram"] * 3)
            source.calls.clear()
            cipher.open(packets)
            self.assertEqual(source.calls, [], name)

    def test_system(self) -> None:
        """
        What endpoints use takes them from os.urandom.
        """
        printed = runPython("-c", _COUNT_URANDOM)
        expected = [f"{name} {7 * _size(cipher)}" for name, cipher in madeCiphers().items()]
        self.assertEqual(printed.splitlines(), expected)
        slow = runPython("-c", _COUNT_URANDOM, KCPTWISTED_ACCELERATOR="no")
        self.assertEqual(slow.splitlines(), expected)

    def test_neverTwice(self) -> None:
        """
        Over many batches of all sizes none repeats.
        """
        for name, cipher in [*everyCipher().items(), *madeCiphers().items()]:
            found: list[bytes] = []
            for number in range(120):
                found += _nonces(cipher, cipher.seal([b"same"] * (number % 9)))
            self.assertEqual(len(set(found)), len(found), name)
            self.assertEqual(len(found), sum(number % 9 for number in range(120)), name)

    def test_allSent(self) -> None:
        """
        Where packets begin with them as they are, these are those that were drawn, in order.
        """

        def source(count: int) -> bytes:
            return Random(3).randbytes(count)

        for name, cipher in everyCipher(randomBytes=source).items():
            if name == "none" or cipher.overhead == 28:
                packets = cipher.seal([b"same"] * 5)
                drawn = source(5 * _size(cipher))
                self.assertEqual(b"".join(_nonces(cipher, packets)), drawn, name)


class ForkTests(SynchronousTestCase):
    """
    A process and its copy.
    """

    if not hasattr(os, "fork"):
        skip = "this system has no fork"

    def inChild(self, cipher: Cipher) -> list[bytes]:
        """
        @return: the nonces of what a forked process seals with its copy of the cipher.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            # Whatever happens here, trial must not go on in this process.
            try:
                signal.alarm(_LIMIT)
                os.close(reading)
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(b"".join(_nonces(cipher, cipher.seal([b"same"] * 20))))
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            joined = pipe.read()
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        size = _size(cipher)
        return [joined[at : at + size] for at in range(0, len(joined), size)]

    def test_fork(self) -> None:
        """
        After a fork both have nonces of their own, though they have sealed before.
        """
        for name, cipher in [*everyCipher().items(), *madeCiphers().items()]:
            before = _nonces(cipher, cipher.seal([b"same"] * 20))
            child = self.inChild(cipher)
            parent = _nonces(cipher, cipher.seal([b"same"] * 20))
            self.assertEqual(len(child), 20, name)
            self.assertEqual(len({*before, *child, *parent}), 60, name)
