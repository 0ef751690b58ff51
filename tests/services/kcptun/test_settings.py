"""
Tests for L{kcptwisted.services.kcptun.settings}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.options import KCPOptions
from kcptwisted.services.kcptun.commandline import ConfigurationError
from kcptwisted.services.kcptun.configuration import configure
from kcptwisted.services.kcptun.flags import CLIENT, SERVER
from kcptwisted.services.kcptun.settings import kcpOptions, smuxOptions


class KCPTests(SynchronousTestCase):
    """
    KCP's options.
    """

    def options(self, *flags: str, end: str = CLIENT) -> KCPOptions:
        """
        @return: what flags become.
        """
        return kcpOptions(configure(flags, end, {}))

    def test_defaults(self) -> None:
        """
        With the defaults, congestion control finds the path, and windows only limit memory.
        """
        for end in (CLIENT, SERVER):
            options = self.options(end=end)
            self.assertEqual(
                (options.crypt, options.mtu, options.dataShards, options.parityShards),
                ("aes", 1350, 10, 3),
            )
            self.assertEqual((options.congestionName, options.mode), ("bbr", "fast"))
            self.assertEqual(options.windows, (8192, 1024, 8192))
            self.assertTrue(options.stream)
            self.assertEqual((options.keepAlive, options.deadAfter), (10, 30))

    def test_key(self) -> None:
        """
        The key of kcptun's own passphrase, as it is known.
        """
        expected = "25d7d7bd51050742d8d791f2b653c6c8b2366b7e25a124cf7a2e12eaf4ffa444"
        self.assertEqual(self.options().cipherKey.hex(), expected)
        self.assertEqual(self.options("--crypt=cast5").cipherKey.hex(), expected[:32])
        self.assertEqual(self.options("--crypt=xor").cipherKey.hex(), expected)
        self.assertEqual(self.options("--crypt=none").cipherKey, b"")

    def test_windows(self) -> None:
        """
        Windows that are given count.
        """
        options = self.options("--sndwnd=128", "--rcvwnd=256")
        self.assertEqual((options.windows.send, options.windows.receive), (128, 256))
        self.assertEqual(options.windows.mostReceive, 0)
        self.assertEqual(options.congestionName, "bbr")

    def test_manual(self) -> None:
        """
        C{--mode manual} takes KCP's numbers, and kcptun's windows.
        """
        options = self.options("--mode=manual", "--nodelay=1", "--interval=20", "--resend=3")
        self.assertEqual(options.timing, (True, 20, 3))
        self.assertEqual(options.congestionName, "kcp")
        self.assertEqual((options.windows.send, options.windows.receive), (128, 512))
        options = self.options("--mode=manual", "--nc=1", end=SERVER)
        self.assertEqual(options.timing, (False, 50, 0))
        self.assertEqual(options.congestionName, "none")
        self.assertEqual((options.windows.send, options.windows.receive), (1024, 1024))

    def test_preset(self) -> None:
        """
        A preset overrides these, as kcptun does.
        """
        options = self.options("--mode=fast3", "--nodelay=0", "--interval=40", "--nc=0")
        self.assertEqual(options.timing[:2], (True, 10))
        self.assertEqual(options.congestionName, "bbr")

    def test_others(self) -> None:
        """
        The rest.
        """
        options = self.options(
            "--ds=0", "--dscp=46", "--sockbuf=8192", "--acknodelay", "--ratelimit=1000",
            "--keepalive=3", "--mtu=1400",
        )  # fmt: skip
        self.assertEqual((options.dataShards, options.parityShards), (0, 0))
        other = self.options("--ps=0")
        self.assertEqual((other.dataShards, other.parityShards), (0, 0))
        self.assertEqual((options.dscp, options.socketBuffer, options.mtu), (46, 8192, 1400))
        self.assertEqual((options.ackNoDelay, options.rateLimit, options.keepAlive),
                         (True, 1000, 3))  # fmt: skip

    def test_wrong(self) -> None:
        """
        What only shows together is an error all the same.
        """
        problem = self.assertRaises(ConfigurationError, self.options, "--mtu=50")
        self.assertIn("--mtu must be 53 to 1500 with these layers, not 50", str(problem))


class SmuxTests(SynchronousTestCase):
    """
    smux's options.
    """

    def test_flags(self) -> None:
        """
        Each comes from its flag.
        """
        flags = ["--smuxver=1", "--framesize=1000", "--smuxbuf=3000", "--streambuf=2000",
                 "--keepalive=7"]  # fmt: skip
        found = smuxOptions(configure(flags, CLIENT, {}))
        self.assertEqual((found.version, found.frameSize), (1, 1000))
        self.assertEqual((found.sessionBuffer, found.streamBuffer), (3000, 2000))
        self.assertEqual((found.keepAliveInterval, found.keepAliveTimeout), (7, 30))
