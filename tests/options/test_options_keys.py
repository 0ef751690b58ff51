"""
Tests for L{kcptwisted.options}: where the key comes from, and that nobody is told.
"""

from __future__ import annotations

import os
from traceback import format_exception
from typing import Any

from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.options import KCPOptions
from tests.optionvalues import BOUNDS, TRUTHS, OptionsTestCase, make
from tests.properties import example, given, settings, strategies

#: What may stand nowhere but in the options themselves.
SECRET = "correct-horse-battery"


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
        options = make()
        self.assertEqual((options.cipher.name, options.cipherKey), ("null", b""))
        self.assertTrue(options.unprotected)

    def test_defaultCipher(self) -> None:
        """
        With a key and no cipher named it is aes-128-gcm.
        """
        options = make(key="passphrase")
        self.assertEqual(options.cipher.name, "aes-128-gcm")
        self.assertEqual(options.cipherKey, deriveKey("passphrase")[:16])
        self.assertFalse(options.unprotected)

    def test_derived(self) -> None:
        """
        Each cipher takes as much of the derived key as it needs.
        """
        for name, spec in CIPHERS.items():
            if spec.keyBytes:
                key = make(crypt=name, key="passphrase").cipherKey
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
            self.assertFalse(make(crypt=crypt).unprotected)

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

    def test_spaces(self) -> None:
        """
        A space at an end of a passphrase in an endpoint string is a slip, which would be silence;
        elsewhere it is of the passphrase.
        """
        for key in (f" {SECRET}", f"{SECRET} ", f"{SECRET}\n"):
            given = {"key": key}
            problem = str(self.assertRaises(ValueError, KCPOptions.fromStrings, given, "client"))
            self.assertIn("key must have no space at its ends", problem)
            self.assertNotIn(SECRET, problem)
            self.assertEqual(make(key=key).cipherKey, deriveKey(key)[:16])
        options = KCPOptions.fromStrings({"key": "two words"}, "client", {})
        self.assertEqual(options.cipherKey, deriveKey("two words")[:16])

    def test_environment(self) -> None:
        """
        When a cipher needs a key and no option gives it, KCP_KEY does.
        """
        environ = {"KCP_KEY": "passphrase"}
        key = deriveKey("passphrase")
        self.assertEqual(make(crypt="aes", environ=environ).cipherKey, key)
        self.assertEqual(KCPOptions.fromStrings({"crypt": "aes"}, "server", environ).cipherKey, key)

    def test_environmentComesLast(self) -> None:
        """
        KCP_KEY is of no interest when an option gives a key, or no cipher needs one.
        """
        environ = {"KCP_KEY": "other"}
        options = make(crypt="aes", key="passphrase", environ=environ)
        self.assertEqual(options.cipherKey, deriveKey("passphrase"))
        self.assertEqual(make(environ=environ).cipher.name, "null")
        self.assertEqual(make(crypt="none", environ=environ).cipherKey, b"")

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
            options = make(keyFile=self.file(content.encode()))
            self.assertEqual(options.cipherKey, deriveKey("p\u00e4ss phrase")[:16])

    def test_fileIsTakenWhole(self) -> None:
        """
        Other white space belongs to the passphrase.
        """
        options = make(keyFile=self.file(b" two\nlines \n"))
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
                    self.assertEqual(make(crypt=name, rawKey=text).cipherKey, key)
        self.assertEqual(make(rawKey="0f" * 16).cipherKey, b"\x0f" * 16)

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
            options = make(crypt="xor", rawKey="5a" * length)
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
        error = self.assertRaises(ValueError, make, **options)
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
            make(key=SECRET),
            make(keyFile=path),
            make(rawKey=raw),
            make(crypt="aes-128", environ=environ),
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
