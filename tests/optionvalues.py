"""
What the tests of options have in common.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.options import KCPOptions

#: Bounds of the numbers.
BOUNDS: dict[str, tuple[float, float]] = {
    "fd": (0, 2**31 - 1),
    "dataShards": (0, 255),
    "parityShards": (0, 255),
    "fecFlush": (0, 5000),
    "interval": (10, 5000),
    "resend": (0, 1000),
    "mtu": (25, 1500),
    "sendWindow": (1, 65535),
    "receiveWindow": (1, 65535),
    "dscp": (0, 63),
    "socketBuffer": (4096, 2**30),
    "timeout": (0.001, 86400),
    "linger": (0, 86400),
    "stopTimeout": (0, 86400),
    "keepAlive": (0, 86400),
    "deadAfter": (0.1, 86400),
    "idleTimeout": (0, 86400),
    "sendQueueLimit": (0, 2**40),
    "rateLimit": (0, 2**40),
    "portRateLimit": (0, 2**40),
    "maxSessions": (1, 2**20),
    "maxSessionsPerHost": (1, 2**20),
    "acceptRate": (1, 2**20),
    "workers": (1, 64),
}

TRUTHS = (
    "nodelay",
    "nc",
    "stream",
    "ackNoDelay",
    "writeDelay",
    "handshake",
    "pacing",
    "retry",
    "trace",
)
TEXTS = (
    "interface",
    "bindAddress",
    "systemd",
    "crypt",
    "key",
    "keyFile",
    "rawKey",
    "mode",
    "congestion",
    "qlog",
)

#: Options that only one end takes.
CLIENTS = {"bindAddress", "timeout", "handshake"}
SERVERS = {
    "interface",
    "systemd",
    "maxSessions",
    "maxSessionsPerHost",
    "acceptRate",
    "workers",
    "retry",
    "stopTimeout",
}


def endOf(name: str) -> str:
    """
    @return: an end that takes an option.
    """
    return "server" if name in SERVERS else "client"


def make(**options: Any) -> KCPOptions:
    """
    @return: options in an environment without a key, unless one is given.
    """
    return KCPOptions(**{"environ": {}, **options})


def parse(end: str = "client", **given: str) -> KCPOptions:
    """
    @return: options from text, in an environment without a key.
    """
    return KCPOptions.fromStrings(given, end, {})


class OptionsTestCase(SynchronousTestCase):
    """
    Knows how wrong options are refused.
    """

    def refused(self, *mentioned: object, **options: Any) -> str:
        """
        Check that options are refused with a text that mentions certain things.

        @return: the text.
        """
        text = str(self.assertRaises(ValueError, make, **options))
        for thing in mentioned:
            self.assertIn(str(thing), text)
        return text
