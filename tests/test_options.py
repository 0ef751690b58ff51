"""
Tests for L{kcptwisted.options}.
"""

from __future__ import annotations

import os
from dataclasses import FrozenInstanceError
from traceback import format_exception
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import OPTIONS, TICK, KCPOptions, Mode, optionTable
from tests.properties import example, given, settings, strategies

#: Bounds of the numbers.
BOUNDS: dict[str, tuple[float, float]] = {
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
}

TRUTHS = ("nodelay", "nc", "stream", "ackNoDelay", "writeDelay", "handshake")
TEXTS = ("interface", "bindAddress", "crypt", "key", "keyFile", "rawKey", "mode")

#: What may stand nowhere but in the options themselves.
SECRET = "correct-horse-battery"


def _make(**options: Any) -> KCPOptions:
    """
    Options in an environment without a key, unless one is given.
    """
    return KCPOptions(**{"environ": {}, **options})


def _parse(end: str = "client", **given: str) -> KCPOptions:
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
        text = str(self.assertRaises(ValueError, _make, **options))
        for thing in mentioned:
            self.assertIn(str(thing), text)
        return text


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
                self.assertEqual(getattr(_make(**self.fitting(name, value)), name), value, name)

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
                _make(**{option.name: None})
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
        self.assertEqual(_parse(mtu="1200").mtu, 1200)
        self.assertEqual(_parse(timeout="2.5").timeout, 2.5)
        self.assertEqual(_parse(linger="0").linger, 0)

    def test_notANumber(self) -> None:
        """
        What is not a number is refused with the option's name and bounds.
        """
        for name, (low, high) in BOUNDS.items():
            for text in ("", "x", "1x", "--1"):
                error = self.assertRaises(
                    ValueError, KCPOptions.fromStrings, {name: text}, "client", {}
                )
                for part in (name, repr(text), str(low), str(high)):
                    self.assertIn(part, str(error))

    def test_notWhole(self) -> None:
        """
        Where whole numbers are asked for no others are taken.
        """
        self.assertRaises(ValueError, _parse, mtu="1200.5")
        self.refused("mtu", "int", "float", mtu=1200.0)

    def test_notFinite(self) -> None:
        """
        Nor are infinity and what is not a number at all.
        """
        for text in ("inf", "-inf", "nan"):
            error = self.assertRaises(ValueError, _parse, timeout=text)
            self.assertIn("timeout", str(error))

    def test_shards(self) -> None:
        """
        Data and parity shards are both 0 or both not, and at most 256 together.
        """
        self.refused("dataShards", "parityShards", dataShards=1)
        self.refused("dataShards", "parityShards", parityShards=1)
        self.refused("dataShards", "parityShards", 256, dataShards=200, parityShards=57)
        _make(dataShards=200, parityShards=56)

    def test_fecFlush(self) -> None:
        """
        Without FEC there are no groups to flush, so fecFlush is refused, but for 0.
        """
        self.assertEqual(_make().fecFlush, 0)
        self.assertEqual(_make(fecFlush=0).fecFlush, 0)
        for wrong in (1, 20, 5000):
            self.refused("fecFlush", "dataShards", "parityShards", fecFlush=wrong)
        self.assertRaises(ValueError, _parse, fecFlush="20")
        parsed = _parse(fecFlush="20", dataShards="10", parityShards="3")
        self.assertEqual(parsed.fecFlush, 20)
        self.refused("0 to 5000 ms", fecFlush=5001, dataShards=10, parityShards=3)


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
                self.assertIs(getattr(_parse(**{name: text}), name), value)

    def test_refused(self) -> None:
        """
        Anything else is refused with the option's name and what is allowed.
        """
        for name in TRUTHS:
            for text in ("", "true", "YES", "2", "on"):
                error = self.assertRaises(ValueError, _parse, **{name: text})
                for part in (name, "yes or no", repr(text)):
                    self.assertIn(part, str(error))

    def test_types(self) -> None:
        """
        In code a truth value is neither a number nor the other way round.
        """
        self.refused("stream", "bool", "int", stream=1)
        self.refused("mtu", "int", "bool", mtu=True)
        self.refused("linger", "float", "bool", linger=True)
        self.refused("mtu", "int", "str", mtu="1400")
        self.refused("mode", "str", "int", mode=3)


class ChoiceTests(OptionsTestCase):
    """
    Options with fixed values.
    """

    def test_modes(self) -> None:
        """
        The modes are kcptun's; another is refused, and the error tells which there are.
        """
        for mode in ("normal", "fast", "fast2", "fast3"):
            self.assertEqual(_parse(mode=mode).mode, mode)
        self.refused("mode", "normal, fast, fast2, fast3", "'turbo'", mode="turbo")

    def test_ciphers(self) -> None:
        """
        The ciphers are those of the registry; another is refused, and the error tells which there
        are.
        """
        for name, spec in CIPHERS.items():
            options = _make(crypt=name, **({"key": "passphrase"} if spec.keyBytes else {}))
            self.assertIs(options.cipher, spec)
        self.refused("crypt", ", ".join(CIPHERS), "'rot13'", crypt="rot13")
        self.refused("crypt", ", ".join(CIPHERS), "''", crypt="")
        self.refused("crypt", "str", "int", crypt=1)

    def test_unknown(self) -> None:
        """
        An unknown option is refused with its name and those that there are.
        """
        for end, own, others in (
            ("client", "bindAddress", ("interface",)),
            ("server", "interface", ("bindAddress", "timeout", "handshake")),
        ):
            for name in ("speed", "MTU", "environ", "cipherKey", *others):
                error = self.assertRaises(ValueError, KCPOptions.fromStrings, {name: "1"}, end, {})
                for part in (repr(name), end, own, "mtu", "linger"):
                    self.assertIn(part, str(error))

    def test_ends(self) -> None:
        """
        Each end takes its own options.
        """
        self.assertEqual(_parse("server", interface="::1").interface, "::1")
        client = _parse("client", bindAddress="::1", timeout="5", handshake="no")
        self.assertEqual(
            (client.bindAddress, client.timeout, client.handshake), ("::1", 5.0, False)
        )


class KeyTests(OptionsTestCase):
    """
    Where the key comes from.
    """

    def file(self, content: bytes) -> str:
        """
        @return: the path of a new file.
        """
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_nothing(self) -> None:
        """
        Without key and cipher there is none, and that is told.
        """
        options = _make()
        self.assertEqual((options.cipher.name, options.cipherKey), ("null", b""))
        self.assertTrue(options.unprotected)

    def test_defaultCipher(self) -> None:
        """
        With a key and no cipher named it is aes-128-gcm.
        """
        options = _make(key="passphrase")
        self.assertEqual(options.cipher.name, "aes-128-gcm")
        self.assertEqual(options.cipherKey, deriveKey("passphrase")[:16])
        self.assertFalse(options.unprotected)

    def test_derived(self) -> None:
        """
        Each cipher takes as much of the derived key as it needs.
        """
        for name, spec in CIPHERS.items():
            if spec.keyBytes:
                key = _make(crypt=name, key="passphrase").cipherKey
                self.assertEqual(key, deriveKey("passphrase")[: spec.keyBytes])

    def test_withoutKey(self) -> None:
        """
        A cipher that needs a key is refused without one, and the error tells where one may be.
        """
        for name, spec in CIPHERS.items():
            if spec.keyBytes:
                self.refused(f"crypt={name}", "key", "keyFile", "rawKey", "KCP_KEY", crypt=name)

    def test_needless(self) -> None:
        """
        A cipher without a key is refused with one: it would not protect as it seems to.
        """
        for crypt in ("null", "none"):
            self.refused("rawKey", crypt, crypt=crypt, rawKey="00" * 16)
            self.refused("keyFile", crypt, crypt=crypt, keyFile=self.file(b"x"))
            self.refused("key", crypt, crypt=crypt, key="x")
            self.assertFalse(_make(crypt=crypt).unprotected)

    def test_two(self) -> None:
        """
        Two keys exclude each other, and the error names both.
        """
        keys = {"key": "x", "keyFile": self.file(b"x"), "rawKey": "00" * 16}
        for one in keys:
            for other in keys:
                if one != other:
                    self.refused(one, other, **{one: keys[one], other: keys[other]})
        self.refused(*keys, **keys)

    def test_empty(self) -> None:
        """
        An empty passphrase is none.
        """
        self.refused("key", "not empty", key="")
        self.refused("key", "not empty", crypt="aes", key="", environ={"KCP_KEY": "x"})
        self.refused("key", "not empty", crypt="aes", keyFile=self.file(b"\n"))
        self.refused("key", "not empty", crypt="aes", environ={"KCP_KEY": ""})

    def test_environment(self) -> None:
        """
        When a cipher needs a key and no option gives it, KCP_KEY does.
        """
        environ = {"KCP_KEY": "passphrase"}
        key = deriveKey("passphrase")
        self.assertEqual(_make(crypt="aes", environ=environ).cipherKey, key)
        self.assertEqual(KCPOptions.fromStrings({"crypt": "aes"}, "server", environ).cipherKey, key)

    def test_environmentComesLast(self) -> None:
        """
        KCP_KEY is of no interest when an option gives a key, or no cipher needs one.
        """
        environ = {"KCP_KEY": "other"}
        options = _make(crypt="aes", key="passphrase", environ=environ)
        self.assertEqual(options.cipherKey, deriveKey("passphrase"))
        self.assertEqual(_make(environ=environ).cipher.name, "null")
        self.assertEqual(_make(crypt="none", environ=environ).cipherKey, b"")

    def test_processEnvironment(self) -> None:
        """
        Unless another is given, the environment is the process's.
        """
        self.patch(os, "environ", {"KCP_KEY": "passphrase"})
        self.assertEqual(KCPOptions(crypt="aes").cipherKey, deriveKey("passphrase"))
        self.assertEqual(
            KCPOptions.fromStrings({"crypt": "aes"}, "client").cipherKey, deriveKey("passphrase")
        )

    def test_file(self) -> None:
        """
        A file holds the passphrase, in UTF-8, and may end with a line end.
        """
        for content in ("p\u00e4ss phrase", "p\u00e4ss phrase\n", "p\u00e4ss phrase\r\n"):
            options = _make(keyFile=self.file(content.encode()))
            self.assertEqual(options.cipherKey, deriveKey("p\u00e4ss phrase")[:16])

    def test_fileIsTakenWhole(self) -> None:
        """
        Other white space belongs to the passphrase.
        """
        options = _make(keyFile=self.file(b" two\nlines \n"))
        self.assertEqual(options.cipherKey, deriveKey(" two\nlines ")[:16])

    def test_noFile(self) -> None:
        """
        A file that cannot be read is refused with its name.
        """
        path = self.mktemp()
        self.refused("keyFile", path, keyFile=path)
        os.mkdir(path)
        self.refused("keyFile", path, keyFile=path)

    def test_fileIsNotText(self) -> None:
        """
        A file that is not UTF-8 is refused with its name, and nothing of it is told.
        """
        path = self.file(b"pass\xffphrase")
        text = self.refused("keyFile", path, keyFile=path)
        self.assertNotIn("phrase", text)

    def test_noFileName(self) -> None:
        """
        What cannot be a file's name is refused as a wrong keyFile.
        """
        self.refused("keyFile", keyFile="a\0b")

    def test_rawKey(self) -> None:
        """
        A raw key is taken as it is, in hexadecimal digits of either case.
        """
        for name, spec in CIPHERS.items():
            if spec.keyBytes:
                key = bytes(range(0xA0, 0xA0 + spec.keyBytes))
                for text in (key.hex(), key.hex().upper()):
                    self.assertEqual(_make(crypt=name, rawKey=text).cipherKey, key)
        self.assertEqual(_make(rawKey="0f" * 16).cipherKey, b"\x0f" * 16)

    def test_rawKeyLength(self) -> None:
        """
        A raw key is as long as the cipher's, and the error tells how long.
        """
        for name, spec in CIPHERS.items():
            if spec.keyBytes and not spec.anyKey:
                for digits in (
                    0,
                    2 * spec.keyBytes - 1,
                    2 * spec.keyBytes - 2,
                    2 * spec.keyBytes + 2,
                ):
                    self.refused("rawKey", 2 * spec.keyBytes, name, crypt=name, rawKey="a" * digits)

    def test_rawKeyOfAnyLength(self) -> None:
        """
        With xor it is of any length, but not empty, and of whole bytes.
        """
        for length in (1, 2, 31, 32, 33, 500):
            options = _make(crypt="xor", rawKey="5a" * length)
            self.assertEqual(options.cipherKey, b"\x5a" * length)
            self.assertIsNotNone(options.cipher.make(options.cipherKey))
        for wrong in ("", "a", "abc", "5a" * 32 + "0"):
            self.refused("rawKey", "two for each byte", "crypt=xor", crypt="xor", rawKey=wrong)

    def test_rawKeyDigits(self) -> None:
        """
        A raw key holds nothing but digits: no white space, sign, prefix or digits of other scripts.
        """
        for start in ("0x", "  ", "+1", "g0", "\uff11\uff12", "-1"):
            self.refused("rawKey", "hexadecimal", rawKey=start + "0" * 30)
            self.refused("rawKey", "hexadecimal", crypt="xor", rawKey=start + "0" * 30)

    def test_surrogates(self) -> None:
        """
        A passphrase that is not text is refused as any other wrong value is, wherever it is from:
        from the environment bytes that are not UTF-8 come as lone surrogates.
        """
        wrong = f"{SECRET}\udcff"
        self.refused("key", key=wrong)
        self.refused("KCP_KEY", crypt="aes", environ={"KCP_KEY": wrong})


class SecrecyTests(OptionsTestCase):
    """
    Keys are not told.
    """

    def refusal(self, **options: Any) -> None:
        """
        Check that options are refused without telling the secret.
        """
        error = self.assertRaises(ValueError, _make, **options)
        self.checkError(error)

    def checkError(self, error: BaseException) -> None:
        """
        Look for the secret in all that would be shown of an error.
        """
        shown = [str(error), repr(error), "".join(format_exception(error))]
        for text in shown:
            self.assertNotIn(SECRET, text)

    def test_repr(self) -> None:
        """
        Options are shown without the key, wherever it is from.
        """
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(SECRET)
        raw = SECRET.encode().hex()[:32]
        environ = {"KCP_KEY": SECRET}
        for options in (
            _make(key=SECRET),
            _make(keyFile=path),
            _make(rawKey=raw),
            _make(crypt="aes-128", environ=environ),
        ):
            for text in (repr(options), str(options), f"{options}"):
                for secret in (SECRET, raw, options.cipherKey.hex(), repr(options.cipherKey)):
                    self.assertNotIn(secret, text)

    def test_refused(self) -> None:
        """
        Whatever is wrong with them or beside them, the error does not hold the key.
        """
        wrong: list[dict[str, Any]] = [
            {"mtu": 1},
            {"mtu": 30, "crypt": "aes"},
            {"crypt": "null"},
            {"crypt": "none"},
            {"crypt": "unknown"},
            {"mode": "unknown"},
            {"dataShards": 5},
            {"dataShards": 200, "parityShards": 200},
            {"stream": "maybe"},
            {"keyFile": "file"},
            {"rawKey": SECRET},
            {"interval": "10"},
        ]
        for beside in wrong:
            self.refusal(**{"key": SECRET, **beside})
        for crypt in ("aes", "aes-128-gcm", "xor", None):
            self.refusal(crypt=crypt, rawKey=SECRET)
            self.refusal(crypt=crypt, rawKey=SECRET * 3)
        self.refusal(crypt="aes", mtu=30, environ={"KCP_KEY": SECRET})
        self.refusal(key=SECRET.encode())
        self.refusal(rawKey=[SECRET])

    def test_file(self) -> None:
        """
        Nor is what a file holds told.
        """
        path = self.mktemp()
        for end in (b"\xff", b""):
            with open(path, "wb") as file:
                file.write(SECRET.encode() + end)
            self.refusal(keyFile=path, mtu=30)

    def test_surrogates(self) -> None:
        """
        Nor is a passphrase that is not text.
        """
        wrong = f"{SECRET}\udcff"
        self.refusal(key=wrong)
        self.refusal(crypt="aes", environ={"KCP_KEY": wrong})

    @settings(max_examples=60)
    @given(
        strategies.dictionaries(
            strategies.sampled_from(["key", "rawKey"]),
            strategies.tuples(strategies.text(max_size=5), strategies.text(max_size=5)),
            min_size=1,
        ),
        strategies.dictionaries(
            strategies.sampled_from([*BOUNDS, *TRUTHS, "crypt", "mode", "interface", "keyfile"]),
            strategies.sampled_from(["0", "1", "20", "yes", "aes", "null", "fast", "", "x"]),
            max_size=4,
        ),
        strategies.sampled_from(["client", "server"]),
    )
    @example({"key": ("", "")}, {"crypt": "aes"}, "client")
    def test_anyOptions(
        self, keys: dict[str, tuple[str, str]], others: dict[str, str], end: str
    ) -> None:
        """
        Whatever options are given as text, they are taken or refused without telling the key.
        """
        given = others | {name: before + SECRET + after for name, (before, after) in keys.items()}
        try:
            options = KCPOptions.fromStrings(given, end, {"KCP_KEY": SECRET})
        except ValueError as error:
            self.checkError(error)
        else:
            self.assertNotIn(SECRET, repr(options))

    @given(
        strategies.dictionaries(
            strategies.sampled_from([*BOUNDS, *TRUTHS, "crypt", "mode"]),
            strategies.text(max_size=6) | strategies.integers(-2, 300).map(str),
            min_size=1,
            max_size=4,
        )
    )
    def test_errorsName(self, given: dict[str, str]) -> None:
        """
        Whatever text options are given, they are taken, or refused with the name of one of them.
        """
        try:
            KCPOptions.fromStrings(given, "client", {})
        except ValueError as error:
            self.assertTrue(any(name in str(error) for name in given), str(error))


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
            self.assertEqual(_make(mtu=least, **options).overhead, least - 25)
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
            "normal": (False, 40, 2, True),
            "fast": (False, 30, 2, True),
            "fast2": (True, 20, 2, True),
            "fast3": (True, 10, 2, True),
        }.items():
            self.assertEqual(_make(mode=mode).timing, Mode(*values))

    def test_overridden(self) -> None:
        """
        Each of a mode's values can be given beside it, also those that count as nothing.
        """
        self.assertEqual(_make(mode="fast3", nodelay=False).timing, Mode(False, 10, 2, True))
        self.assertEqual(_make(mode="fast", interval=50).timing, Mode(False, 50, 2, True))
        self.assertEqual(_make(mode="fast", resend=0).timing, Mode(False, 30, 0, True))
        self.assertEqual(_make(mode="fast2", nc=False).timing, Mode(True, 20, 2, False))

    def test_settings(self) -> None:
        """
        The settings are the options', and what the layers below take is not the core's.
        """
        options = _make(
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
                resend=3,
                stream=False,
                ackNoDelay=True,
            ),
        )

    def test_ackDelay(self) -> None:
        """
        With the shortest interval ACKs wait for the next tick only.
        """
        self.assertEqual(_make(interval=10).arqSettings(0).ackDelay, 0)

    def test_frozen(self) -> None:
        """
        Options that have been checked cannot be changed.
        """
        self.assertRaises(FrozenInstanceError, setattr, _make(), "mtu", 1)


class TableTests(OptionsTestCase):
    """
    Tests for L{optionTable}.
    """

    def test_rows(self) -> None:
        """
        There is a row for each option, with its default and what is allowed.
        """
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in optionTable().splitlines()
        ]
        self.assertEqual({len(row) for row in rows}, {5})
        cells = {row[0].strip("`"): row[1:] for row in rows[2:]}
        self.assertEqual(set(cells), {*BOUNDS, *TRUTHS, *TEXTS})
        self.assertEqual(cells["mtu"][:3], ["both", "1400", "25 to 1500 bytes"])
        self.assertEqual(cells["timeout"][:3], ["client", "30", "0.001 to 86400 seconds"])
        self.assertEqual(cells["stream"][:3], ["both", "yes", "yes or no (1 or 0)"])
        self.assertEqual(cells["interface"][0], "server")
        self.assertEqual(cells["crypt"][2], ", ".join([*CIPHERS, "or one of your own"]))
        self.assertEqual(cells["fecFlush"][:3], ["both", "0", "0 to 5000 ms"])

    def test_meanings(self) -> None:
        """
        Each option is explained by a sentence.
        """
        for option in OPTIONS:
            self.assertTrue(option.meaning[0].isupper(), option.name)
            self.assertTrue(option.meaning.endswith("."), option.name)
