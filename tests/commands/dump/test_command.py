"""
Tests for L{kcptwisted.commands.dump.command}.
"""

from __future__ import annotations

import os
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.__main__ import buildParser
from kcptwisted.commands.dump import command
from kcptwisted.commands.dump.command import chosenCipher, run
from kcptwisted.commands.dump.sources import Frame, SourceError
from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS
from tests.commands.dump.captures import CLIENT, RAW, SERVER, START, ip, packet, pcap, udp, write
from tests.commands.dump.test_flows import push
from tests.commands.dump.test_lines import frame


class RunCase(SynchronousTestCase):
    """
    Runs the command.
    """

    def run_(self, *arguments: str, frames: Any = None) -> tuple[int, str, str]:
        """
        @param frames: what the file holds, if it is not to be read.
        @return: exit status, output and errors.
        """
        if frames is not None:
            self.patch(command, "readFile", lambda path: iter(frames))
        output, errors = StringIO(), StringIO()
        parsed = buildParser().parse_args(["dump", *arguments])
        status = run(parsed, output, errors)
        return status, output.getvalue(), errors.getvalue()


class StatusTests(RunCase):
    """
    Exit statuses and errors.
    """

    def test_good(self) -> None:
        """
        With KCP in the capture the status is 0, and nothing is complained of.
        """
        status, output, errors = self.run_("file", frames=[frame(push(0))])
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("PUSH", output)

    def test_summary(self) -> None:
        """
        C{--summary} leaves the datagrams out.
        """
        _, output, _ = self.run_("file", "--summary", frames=[frame(push(0))])
        self.assertTrue(output.startswith("conversation 00c0ffee"), output)

    def test_nothing(self) -> None:
        """
        Without any KCP the status is 1, and what is there instead is said.
        """
        for frames, expected in (
            ([], "there are no frames"),
            ([Frame(0, RAW, b"\x45")], "there are no UDP datagrams"),
            ([Frame(0, 105, b"\x45")], "frames of unknown link types were left out: 105"),
            ([frame(b"what is this")], "there is no KCP, or none that opens"),
        ):
            status, _, errors = self.run_("file", frames=frames)
            self.assertEqual(status, 1)
            self.assertIn(f"kcptwisted dump: {expected}\n", errors)

    def test_fragments(self) -> None:
        """
        Fragments that are missing are said.
        """
        lone = ip(CLIENT, SERVER, udp(CLIENT, SERVER, bytes(100)), more=True)
        frames = [frame(push(0)), Frame(START, RAW, lone)]
        status, _, errors = self.run_("file", frames=frames)
        self.assertEqual(
            (status, errors),
            (0, "kcptwisted dump: datagrams left out because fragments are missing: 1\n"),
        )

    def test_damaged(self) -> None:
        """
        What was read before the damage is shown, and the status is 1.
        """

        def frames() -> Any:
            yield frame(push(0))
            raise SourceError("file is damaged")

        status, output, errors = self.run_("file", frames=frames())
        self.assertEqual((status, errors), (1, "kcptwisted dump: file is damaged\n"))
        self.assertIn("conversation 00c0ffee", output)

    def test_interrupted(self) -> None:
        """
        If the user interrupts it, the summary of what was read is printed.
        """

        def frames() -> Any:
            yield frame(push(0))
            raise KeyboardInterrupt

        status, output, _ = self.run_("file", frames=frames())
        self.assertEqual(status, 130)
        self.assertIn("conversation 00c0ffee", output)

    def test_file(self) -> None:
        """
        A file is read.
        """
        if not find_spec("scapy"):
            self.skipTest("scapy is not installed")
        path = write(self.mktemp(), pcap([(START, packet(CLIENT, SERVER, push(0)))], RAW))
        status, output, _ = self.run_(path)
        self.assertEqual(status, 0)
        self.assertIn("PUSH", output)

    def test_usage(self) -> None:
        """
        A file or an interface is needed, not both.
        """
        for arguments in ([], ["file", "-i", "lo"], ["file", "--port", "0"]):
            with redirect_stderr(StringIO()):
                self.assertRaises(SystemExit, buildParser().parse_args, ["dump", *arguments])


class KeyTests(RunCase):
    """
    Ciphers and keys.
    """

    def opens(self, datagram: bytes, environ: dict[str, str], *arguments: str) -> bool:
        """
        @return: whether a datagram opens.
        """
        parsed = buildParser().parse_args(["dump", "file", *arguments])
        choice = chosenCipher(parsed, environ)
        assert choice is not None
        return choice.opener(datagram, len(datagram)) is not None

    def sealed(self, crypt: str, key: bytes) -> bytes:
        """
        @return: a datagram.
        """
        cipher = CIPHERS[crypt].make(key)
        assert cipher is not None
        return cipher.seal([push(0)])[0]

    def test_keys(self) -> None:
        """
        The key is given as a passphrase, in a file, in digits, or in the environment.
        """
        datagram = self.sealed("aes", deriveKey("k"))
        path = write(self.mktemp(), b"k\n")
        for arguments in (
            ("--key", "k"),
            ("--key-file", path),
            ("--raw-key", deriveKey("k").hex()),
        ):
            self.assertTrue(self.opens(datagram, {}, "--crypt", "aes", *arguments))
        self.assertTrue(self.opens(datagram, {"KCP_KEY": "k"}, "--crypt", "aes"))
        self.assertFalse(self.opens(datagram, {"KCP_KEY": "l"}, "--crypt", "aes"))

    def test_default(self) -> None:
        """
        With a key the cipher is that of endpoints; without either it is guessed, whatever is in the
        environment.
        """
        self.assertTrue(
            self.opens(self.sealed("aes-128-gcm", deriveKey("k", 16)), {}, "--key", "k")
        )
        parsed = buildParser().parse_args(["dump", "file"])
        self.assertIsNone(chosenCipher(parsed, {"KCP_KEY": "k"}))

    def test_kcptun(self) -> None:
        """
        C{--kcptun} has kcptun's cipher and variable.
        """
        datagram = self.sealed("aes", deriveKey("k"))
        self.assertTrue(self.opens(datagram, {"KCPTUN_KEY": "k"}, "--kcptun"))
        self.assertTrue(self.opens(datagram, {"KCPTUN_KEY": "l"}, "--kcptun", "--key", "k"))
        other = self.sealed("sm4", deriveKey("k", 16))
        self.assertTrue(self.opens(other, {"KCPTUN_KEY": "k"}, "--kcptun", "--crypt", "sm4"))
        for crypt in ("null", "none"):
            self.assertTrue(
                self.opens(
                    push(0) if crypt == "null" else self.sealed("none", b""),
                    {"KCPTUN_KEY": "k"},
                    "--kcptun",
                    "--crypt",
                    crypt,
                )
            )

    def test_wrong(self) -> None:
        """
        What is wrong is named as it is here, and the status is 2.
        """
        self.patch(os, "environ", {})
        for arguments, expected in (
            (["--crypt", "aess"], f"--crypt must be one of {', '.join(CIPHERS)}, not 'aess'"),
            (
                ["--crypt", "aes"],
                "crypt=aes needs a key that is not empty: give --key, --key-file or --raw-key, or"
                " set KCP_KEY in the environment",
            ),
            (
                ["--kcptun"],
                "crypt=aes needs a key that is not empty: give --key, --key-file or --raw-key, or"
                " set KCPTUN_KEY in the environment",
            ),
            (["--key", "a", "--raw-key", "b"], "--key and --raw-key exclude each other: give one"),
            (["--crypt", "null", "--key", "a"], "--key must be left out: crypt=null has no key"),
            (
                ["--crypt", "aes", "--raw-key", "12"],
                "--raw-key must be 64 hexadecimal digits with crypt=aes",
            ),
            (
                ["--key-file", "/nowhere"],
                "--key-file cannot be read: [Errno 2] No such file or directory: '/nowhere'",
            ),
        ):
            status, _, errors = self.run_("file", *arguments, frames=[])
            self.assertEqual((status, errors), (2, f"kcptwisted dump: {expected}\n"))
