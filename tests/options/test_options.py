"""
Tests for L{kcptwisted.options}.
"""

from __future__ import annotations

import sys
from dataclasses import FrozenInstanceError
from typing import Any

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import KCPOptions
from kcptwisted.options.table import OPTIONS, TICK, Mode
from kcptwisted.wire.control import Feature
from tests.optionvalues import (
    BOUNDS,
    CLIENTS,
    SERVERS,
    TEXTS,
    TRUTHS,
    OptionsTestCase,
    endOf,
    make,
    parse,
)


class NumberTests(OptionsTestCase):
    """
    Options that are numbers.
    """

    def fitting(self, name: str, value: float) -> dict[str, Any]:
        """
        @return: the option, and what it needs beside it.
        """
        options: dict[str, Any] = {name: value}
        for one, other in (("dataShards", "parityShards"), ("parityShards", "dataShards")):
            if name == one:
                options[other] = 1 if value else 0
        if name == "fecFlush":
            options |= {"dataShards": 10, "parityShards": 3}
        return options

    def test_features(self) -> None:
        """
        To follow a peer elsewhere takes a cipher that authenticates; the mode is told in any case.
        """
        for options, features in (
            (KCPOptions(crypt="null"), Feature.STREAM),
            (KCPOptions(key="k", crypt="aes"), Feature.STREAM),
            (KCPOptions(key="k"), Feature.STREAM | Feature.ROAMING),
            (KCPOptions(crypt="null", stream=False), Feature.MESSAGES),
        ):
            features |= Feature.PROBES
            self.assertEqual(options.features, features)
            self.assertEqual(options.connectionSettings(0).features, features)

    def test_all(self) -> None:
        """
        The options below are all there are.
        """
        self.assertEqual({option.name for option in OPTIONS}, {*BOUNDS, *TRUTHS, *TEXTS})

    def test_bounds(self) -> None:
        """
        The smallest and the largest value are taken.
        """
        for name, bounds in BOUNDS.items():
            for value in bounds:
                self.assertEqual(getattr(make(**self.fitting(name, value)), name), value, name)

    def test_outOfBounds(self) -> None:
        """
        What is smaller or larger is refused, and the error names the option, its bounds, and what
        was given.
        """
        for name, (low, high) in BOUNDS.items():
            step = 1 if isinstance(low, int) else 0.0005
            for value in (low - step, high + 1):
                self.refused(name, low, high, value, **self.fitting(name, value))

    def test_none(self) -> None:
        """
        Only what is None by default may be None.
        """
        for option in OPTIONS:
            if getattr(KCPOptions, option.name) is None:
                make(**{option.name: None})
            else:
                self.refused(option.name, **{option.name: None})

    def test_unit(self) -> None:
        """
        The error tells the unit.
        """
        self.refused("10 to 5000 ms", interval=9)
        self.refused("0 to 86400 seconds", linger=-1)

    def test_parsed(self) -> None:
        """
        Numbers are read from text.
        """
        self.assertEqual(parse(mtu="1200").mtu, 1200)
        self.assertEqual(parse(mtu="auto").mtu, None)
        self.assertEqual(parse(timeout="2.5").timeout, 2.5)
        self.assertEqual(parse(linger="0").linger, 0)

    def test_notANumber(self) -> None:
        """
        What is not a number is refused with the option's name and bounds.
        """
        for name, (low, high) in BOUNDS.items():
            for text in ("", "x", "1x", "--1"):
                error = self.assertRaises(ValueError, parse, endOf(name), **{name: text})
                for part in (name, repr(text), str(low), str(high)):
                    self.assertIn(part, str(error))

    def test_notation(self) -> None:
        """
        Spaces, units and what else Python takes for a number are refused.
        """
        for name, (low, high) in BOUNDS.items():
            good = f"{high:g}" if isinstance(high, float) else str(high)
            for text in (
                f" {good}",
                f"{good} ",
                f"{good}k",
                "1_0",
                "+1",
                "\uff11",
                "\n1",
                "9" * 5000,
            ):
                problem = str(self.assertRaises(ValueError, parse, endOf(name), **{name: text}))
                for part in (name, str(low), str(high)):
                    self.assertIn(part, problem)

    def test_notWhole(self) -> None:
        """
        Where whole numbers are asked for no others are taken.
        """
        self.assertRaises(ValueError, parse, mtu="1200.5")
        self.refused("mtu", "int", "float", mtu=1200.0)

    def test_notFinite(self) -> None:
        """
        Nor are infinity and what is not a number at all.
        """
        for name in ("timeout", "linger", "keepAlive", "deadAfter", "idleTimeout", "acceptRate"):
            for text in ("inf", "-inf", "nan"):
                error = self.assertRaises(ValueError, parse, endOf(name), **{name: text})
                self.assertIn(name, str(error))

    def test_shards(self) -> None:
        """
        Data and parity shards are both 0 or both not, and at most 256 together.
        """
        self.refused("dataShards", "parityShards", dataShards=1)
        self.refused("dataShards", "parityShards", parityShards=1)
        self.refused("dataShards", "parityShards", 256, dataShards=200, parityShards=57)
        make(dataShards=200, parityShards=56)

    def test_fecFlush(self) -> None:
        """
        Without FEC there are no groups to flush, so fecFlush is refused, but for 0.
        """
        self.assertEqual(make().fecFlush, 0)
        self.assertEqual(make(fecFlush=0).fecFlush, 0)
        for wrong in (1, 20, 5000):
            self.refused("fecFlush", "dataShards", "parityShards", fecFlush=wrong)
        self.assertRaises(ValueError, parse, fecFlush="20")
        parsed = parse(fecFlush="20", dataShards="10", parityShards="3")
        self.assertEqual(parsed.fecFlush, 20)
        self.refused("0 to 5000 ms", fecFlush=5001, dataShards=10, parityShards=3)


class WorkersTests(OptionsTestCase):
    """
    The number of processes.
    """

    def test_elsewhere(self) -> None:
        """
        More than one is an error but on Linux; one is none anywhere.
        """
        for platform in ("darwin", "win32", "freebsd14"):
            self.patch(sys, "platform", platform)
            self.assertEqual(make(workers=1).workers, 1)
            self.refused("workers must be 1", "Linux", workers=2)
        self.patch(sys, "platform", "linux")
        self.assertEqual(make(workers=2).workers, 2)


class TruthTests(OptionsTestCase):
    """
    Options that are yes or no.
    """

    def test_parsed(self) -> None:
        """
        There are two ways to write each.
        """
        for name in TRUTHS:
            for text, value in (("yes", True), ("1", True), ("no", False), ("0", False)):
                self.assertIs(getattr(parse(endOf(name), **{name: text}), name), value)

    def test_refused(self) -> None:
        """
        Anything else is refused with the option's name and what is allowed.
        """
        for name in TRUTHS:
            for text in ("", "true", "YES", "2", "on"):
                error = self.assertRaises(ValueError, parse, endOf(name), **{name: text})
                for part in (name, "yes or no", repr(text)):
                    self.assertIn(part, str(error))

    def test_types(self) -> None:
        """
        In code a truth value is neither a number nor the other way round.
        """
        self.refused("stream", "bool", "int", stream=1)
        self.refused("mtu", "int", "bool", mtu=True)
        self.refused("linger", "float", "bool", linger=True)
        self.refused("mtu", "int, or None for auto", "str", mtu="1400")
        error = self.assertRaises(ValueError, parse, mtu="Auto")
        self.assertIn("25 to 1500 bytes or auto, not 'Auto'", str(error))
        self.refused("mode", "str", "int", mode=3)


class TableTests(OptionsTestCase):
    """
    All options.
    """

    def test_errors(self) -> None:
        """
        Whatever the option is, what is wrong with it is an error that names it and what is allowed.
        """
        for option in OPTIONS:
            if option.choices:
                wrong, allowed = ["", "?", f" {option.choices[0]}"], ", ".join(option.choices)
            elif option.kind is bool:
                wrong, allowed = ["", " ", "?", " yes", "yes "], option.allowed
            elif option.kind is not str:
                wrong, allowed = ["", " ", "?", "1 ", "-1", "1e12", "2,5"], option.bounds
            elif option.name in ("interface", "bindAddress"):
                wrong, allowed = [" ", "[::]", "1.2.3", "foo..bar"], "a name"
            elif option.name == "systemd":
                wrong, allowed = ["", " "], "the number or the name of a socket"
            elif option.name == "keyFile":
                wrong, allowed = ["", "/no/such/file"], "cannot be read"
            elif option.name == "rawKey":
                wrong, allowed = ["", " 00", "xyz"], "32 hexadecimal digits"
            elif option.name == "qlog":
                wrong, allowed = ["/no/such/directory"], "a directory that can be written to"
            else:
                self.assertEqual(option.name, "key")
                wrong, allowed = [""], "not empty"
            for text in wrong:
                with self.subTest(option=option.name, text=text):
                    error = self.assertRaises(
                        ValueError, parse, endOf(option.name), **{option.name: text}
                    )
                    self.assertIn(option.name, str(error))
                    self.assertIn(allowed, str(error))


class ChoiceTests(OptionsTestCase):
    """
    Options with fixed values.
    """

    def test_modes(self) -> None:
        """
        The modes are kcptun's; another is refused, and the error tells which there are.
        """
        for mode in ("normal", "fast", "fast2", "fast3"):
            self.assertEqual(parse(mode=mode).mode, mode)
        self.refused("mode", "normal, fast, fast2, fast3", "'turbo'", mode="turbo")

    def test_ciphers(self) -> None:
        """
        The ciphers are those of the registry; another is refused, and the error tells which there
        are.
        """
        for name, spec in CIPHERS.items():
            options = make(crypt=name, **({"key": "passphrase"} if spec.keyBytes else {}))
            self.assertIs(options.cipher, spec)
        self.refused("crypt", ", ".join(CIPHERS), "'rot13'", crypt="rot13")
        self.refused("crypt", ", ".join(CIPHERS), "''", crypt="")
        self.refused("crypt", "str", "int", crypt=1)

    def test_authenticated(self) -> None:
        """
        The AEAD ciphers let nothing pass but what somebody with the key has sent; others do.
        """
        for name, spec in CIPHERS.items():
            options = make(crypt=name, **({"key": "passphrase"} if spec.keyBytes else {}))
            authenticates = "gcm" in name or "poly1305" in name
            self.assertIs(options.authenticated, authenticates, name)

    def test_unknown(self) -> None:
        """
        An unknown option is refused with its name, and those that there are if none is like it.
        """
        for end, own, others in (
            ("client", "bindAddress", SERVERS),
            ("server", "interface", CLIENTS),
        ):
            for name in ("speed", "MTU", "environ", "cipherKey", *others):
                error = self.assertRaises(ValueError, KCPOptions.fromStrings, {name: "1"}, end, {})
                self.assertIn(f"unknown {end} option {name!r}", str(error))
                for part in (own, "mtu", "linger") if name == "speed" else ():
                    self.assertIn(part, str(error))

    def test_ends(self) -> None:
        """
        Each end takes its own options.
        """
        server = parse("server", interface="::1", maxSessions="5", acceptRate="2.5", retry="yes")
        self.assertEqual(
            (server.interface, server.maxSessions, server.acceptRate, server.retry),
            ("::1", 5, 2.5, True),
        )
        client = parse("client", bindAddress="::1", timeout="5", handshake="no")
        self.assertEqual(
            (client.bindAddress, client.timeout, client.handshake), ("::1", 5.0, False)
        )


class SizeTests(OptionsTestCase):
    """
    The smallest mtu.
    """

    def test_least(self) -> None:
        """
        A datagram holds the headers of all layers and one byte, not less.
        """
        for crypt, shards, least in (
            ("null", 0, 25),
            ("null", 3, 33),
            ("none", 0, 45),
            ("aes", 0, 45),
            ("aes-128", 3, 53),
            ("xor", 0, 45),
            ("twofish", 0, 45),
            ("salsa20", 3, 53),
            ("aes-128-gcm", 0, 53),
            ("chacha20-poly1305", 3, 61),
        ):
            options = {"crypt": crypt, "dataShards": shards, "parityShards": shards}
            if CIPHERS[crypt].keyBytes:
                options["key"] = "passphrase"
            self.assertEqual(make(mtu=least, **options).overhead, least - 25)
            if least > 25:
                self.refused("mtu", least, 1500, mtu=least - 1, **options)


class SettingsTests(OptionsTestCase):
    """
    What the ARQ core is told.
    """

    def test_modes(self) -> None:
        """
        The modes are kcptun's.
        """
        for mode, values in {
            "normal": (False, 40, 2),
            "fast": (False, 30, 2),
            "fast2": (True, 20, 2),
            "fast3": (True, 10, 2),
        }.items():
            self.assertEqual(make(mode=mode).timing, Mode(*values))

    def test_overridden(self) -> None:
        """
        Each of a mode's values can be given beside it, also those that count as nothing.
        """
        self.assertEqual(make(mode="fast3", nodelay=False).timing, Mode(False, 10, 2))
        self.assertEqual(make(mode="fast", interval=50).timing, Mode(False, 50, 2))
        self.assertEqual(make(mode="fast", resend=0).timing, Mode(False, 30, 0))

    def test_settings(self) -> None:
        """
        The settings are the options', and what the layers below take is not the core's.
        """
        options = make(
            mode="fast2",
            mtu=1300,
            sendWindow=7,
            receiveWindow=9,
            stream=False,
            ackNoDelay=True,
            resend=3,
        )
        self.assertEqual(
            options.arqSettings(28),
            ARQSettings(
                mtu=1272,
                sendWindow=7,
                receiveWindow=9,
                nodelay=True,
                interval=20,
                ackDelay=20 - TICK,
                congestion=CONTROLS["bbr"],
                resend=3,
                stream=False,
                ackNoDelay=True,
                deadLinkAfter=40_000,
            ),
        )

    def test_shared(self) -> None:
        """
        All sessions whose layers take as much have the same object.
        """
        options = make(mtu=1400)
        self.assertIs(options.arqSettings(28), options.arqSettings(28))
        self.assertEqual([options.arqSettings(of).mtu for of in (0, 28)], [1400, 1372])

    def test_ackDelay(self) -> None:
        """
        With the shortest interval ACKs wait for the next tick only.
        """
        self.assertEqual(make(interval=10).arqSettings(0).ackDelay, 0)

    def test_defaults(self) -> None:
        """
        Unless told otherwise there is no limit to the rate, and bursts are spread.
        """
        default = make().arqSettings(0)
        self.assertEqual((default.rateLimit, default.pacing), (0, True))
        other = make(rateLimit=1_000_000, pacing=False).arqSettings(0)
        self.assertEqual((other.rateLimit, other.pacing), (1_000_000, False))

    def test_rateWithParity(self) -> None:
        """
        Of the rate limit the data gets its share of the shards, and something at least.
        """
        options = make(rateLimit=1_300_000, dataShards=10, parityShards=3)
        self.assertEqual(options.arqSettings(0).rateLimit, 1_000_000)
        options = make(rateLimit=1, dataShards=1, parityShards=200)
        self.assertEqual(options.arqSettings(0).rateLimit, 1)
        self.assertEqual(make(dataShards=10, parityShards=3).arqSettings(0).rateLimit, 0)

    def test_frozen(self) -> None:
        """
        Options that have been checked cannot be changed.
        """
        self.assertRaises(FrozenInstanceError, setattr, make(), "mtu", 1)
