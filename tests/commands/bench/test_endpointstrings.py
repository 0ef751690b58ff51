"""
Tests for L{kcptwisted.commands.bench.endpointstrings}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.commands.bench.arguments import DEFAULT_OPTIONS
from kcptwisted.commands.bench.endpointstrings import EndpointStrings


class EndpointStringsTests(SynchronousTestCase):
    """
    Tests for L{EndpointStrings}.
    """

    def refuse(self, options: str) -> str:
        """
        @return: what is said of wrong options.
        """
        error = self.assertRaises(ValueError, EndpointStrings(options).check, Clock())
        return str(error)

    def test_both(self) -> None:
        """
        Both ends get the options, on the loopback interface.
        """
        ends = EndpointStrings("key=a\\:b:mode=fast3")
        ends.check(Clock())
        self.assertEqual(ends.server, "kcp:0:interface=127.0.0.1:key=a\\:b:mode=fast3")
        self.assertEqual(ends.client(4000), "kcp:127.0.0.1:4000:key=a\\:b:mode=fast3")

    def test_one(self) -> None:
        """
        An option that one end alone has goes to that end.
        """
        ends = EndpointStrings("maxSessions=5:key=k:timeout=2:retry=yes")
        ends.check(Clock())
        self.assertEqual(ends.server, "kcp:0:interface=127.0.0.1:maxSessions=5:key=k:retry=yes")
        self.assertEqual(ends.client(1), "kcp:127.0.0.1:1:key=k:timeout=2")

    def test_none(self) -> None:
        """
        There may be none, and those that the command has unless told otherwise are right.
        """
        ends = EndpointStrings("")
        ends.check(Clock())
        self.assertEqual(ends.client(1), "kcp:127.0.0.1:1")
        EndpointStrings(DEFAULT_OPTIONS).check(Clock())

    def test_wrong(self) -> None:
        """
        A wrong option is named, with what is allowed.
        """
        self.assertIn("mode must be one of normal, fast", self.refuse("mode=warp"))
        self.assertIn("unknown server option 'wings'; allowed are", self.refuse("wings=2"))
        self.assertIn("timeout must be", self.refuse("timeout=never"))
        self.assertIn("dataShards and parityShards", self.refuse("dataShards=3"))

    def test_malformed(self) -> None:
        """
        What is no list of options is said to be none, without a key that may be in it.
        """
        for options in (":", "key=secret:", "key=secret::mtu=1400", "secret", "key=secret\\"):
            said = self.refuse(options)
            self.assertEqual(said, "--options must be name=value:name=value")

    def test_taken(self) -> None:
        """
        Where the ends are is the command's own affair.
        """
        for name in ("interface", "bindAddress"):
            said = self.refuse(f"key=k:{name}=::1".replace("::", "\\:\\:"))
            self.assertEqual(said, f"{name} must be left out: both ends are at 127.0.0.1")

    def test_shown(self) -> None:
        """
        A report shows the options without keys.
        """
        ends = EndpointStrings("crypt=aes:key=top\\:secret:keyFile=/a:rawKey=00ff:mtu=1200")
        self.assertEqual(ends.shown, "crypt=aes:key=...:keyFile=/a:rawKey=...:mtu=1200")
