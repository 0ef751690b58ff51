"""
Tests for L{kcptwisted.services.kcptun.command} and the two entry points.
"""

from __future__ import annotations

import os
import socket
import sys
from io import StringIO
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted import __main__
from kcptwisted.services.kcptun import clienttap, command, servertap
from kcptwisted.services.kcptun.flags import CLIENT, SERVER, flagsOf
from kcptwisted.services.kcptun.service import TunnelService
from kcptwisted.services.systemd import SystemdService

TAPS: dict[str, Any] = {CLIENT: clienttap, SERVER: servertap}


class CommandCase(SynchronousTestCase):
    """
    Keeps what is printed.
    """

    def setUp(self) -> None:
        """
        Catch both streams.
        """
        self.out, self.errors = StringIO(), StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.errors)

    def parse(self, end: str, *arguments: str, parent: Any = None) -> Any:
        """
        @return: options.
        """
        options = TAPS[end].Options()
        options.parent = parent
        options.parseOptions(list(arguments))
        return options


class OptionTests(CommandCase):
    """
    The command line, as C{twistd} has it.
    """

    def test_services(self) -> None:
        """
        Both ends make a service.
        """
        for end, flags in (
            (CLIENT, ["-r", "h:1", "-l", "127.0.0.1:0"]), (CLIENT, ["-l", "/nowhere/socket"]),
            (SERVER, ["-l", ":0"]), (SERVER, ["-t", "/nowhere/socket"]),
        ):  # fmt: skip
            made = TAPS[end].makeService(self.parse(end, *flags))
            verifyObject(IService, made)

    def test_wrong(self) -> None:
        """
        What is wrong ends the program with status 2 and one line.
        """
        for end, flags, told in (
            (CLIENT, ["--crypt", "rot13"], "--crypt must be one of aes, "),
            (SERVER, ["--tcp"], "--tcp cannot be done here: "),
            (SERVER, ["-x"], "--x is no flag of kcptun's server"),
            (CLIENT, ["--mtu=52"], "--mtu must be 53 "),
            (CLIENT, ["-r", "a..b:1"], "--remoteaddr must be "),
            (CLIENT, ["--log", "/no/such"], "--log: the file cannot be written: "),
            (SERVER, ["--log", "/"], "--log: the file cannot be written: "),
            (CLIENT, ["--compat", "1"], "--compat must be 20210922, not '1'"),
            (CLIENT, ["--metrics", "tcp"], "--metrics must be a server endpoint: "),
        ):
            ended = self.assertRaises(SystemExit, self.parse, end, *flags)
            self.assertEqual(ended.code, 2)
            (line,) = self.errors.getvalue().splitlines()
            self.assertTrue(line.startswith(f"kcptun-{end}: {told}"), line)
            self.errors.truncate(0)
            self.errors.seek(0)

    def test_uncompressed(self) -> None:
        """
        Without the library for compression the program does not begin, unless with C{--nocomp}.
        """
        self.patch(sys, "modules", {**sys.modules, "cramjam": None})
        self.assertEqual(self.assertRaises(SystemExit, self.parse, CLIENT).code, 2)
        self.assertIn("pip install 'kcptwisted[kcptun]'", self.errors.getvalue())
        self.parse(CLIENT, "--nocomp")

    def test_asked(self) -> None:
        """
        Help names every flag; the version is told.
        """
        for end in (CLIENT, SERVER):
            ended = self.assertRaises(SystemExit, self.parse, end, "--help")
            self.assertEqual(ended.code, 0)
            for name, flag in flagsOf(end).items():
                self.assertRegex(self.out.getvalue(), rf"(?m)^  --?{name}\b")
                self.assertIn(flag.meaning, self.out.getvalue())
                for choice in flag.choices:
                    self.assertIn(choice, self.out.getvalue())
            self.out.truncate(0)
        self.assertEqual(self.assertRaises(SystemExit, self.parse, SERVER, "-v").code, 0)
        self.assertRegex(self.out.getvalue(), r"kcptwisted [0-9.]+, for kcptun")

    def test_log(self) -> None:
        """
        C{--log} is C{twistd}'s log.
        """
        parent, path = usage.Options(), self.mktemp()
        self.parse(SERVER, f"--log={path}", parent=parent)
        self.assertEqual(parent["logfile"], path)
        parent = usage.Options()
        self.parse(SERVER, parent=parent)
        self.assertNotIn("logfile", parent)

    def test_plugins(self) -> None:
        """
        C{twistd} finds both.
        """
        found = {maker.tapname: maker for maker in getPlugins(IServiceMaker)}
        for end, tap in TAPS.items():
            self.assertIs(found[f"kcptun-{end}"].options, tap.Options)


class SupervisedTests(CommandCase):
    """
    What systemd is told.
    """

    def test_ready(self) -> None:
        """
        A service that it waits for has one beside it, which waits for the ports.
        """
        for end, flags in (
            (CLIENT, ["-r", "h:1", "-l", ":2"]),
            (SERVER, ["-t", "h:1", "-l", ":2"]),
        ):
            self.patch(os, "environ", {"NOTIFY_SOCKET": "/run/nobody"})
            tunnel, supervisor = TAPS[end].makeService(self.parse(end, *flags))
            assert isinstance(supervisor, SystemdService)
            assert isinstance(tunnel, TunnelService)
            waited = tunnel.whenListening()
            self.assertNoResult(waited)
            port: Any = object()
            self.patch(tunnel, "_sayWhere", lambda port: None)
            for _ in tunnel._servers:
                self.assertNoResult(waited)
                tunnel._listens(port)
            self.assertIsNone(self.successResultOf(waited))


class MainTests(CommandCase):
    """
    C{python -m kcptwisted}.
    """

    def test_run(self) -> None:
        """
        It runs C{twistd} in the foreground.
        """
        ran = []
        self.patch(sys, "argv", [])
        self.patch(__import__("twisted.scripts.twistd", fromlist=["run"]), "run",
                   lambda: ran.append(sys.argv))  # fmt: skip
        self.assertEqual(__main__.main(["kcptun-server", "-l", ":1", "--help"]), 0)
        expected = ["--nodaemon", "--pidfile=", "kcptun-server", "-l", ":1", "--help"]
        self.assertEqual(ran, [["kcptwisted", *expected]])

    def test_listed(self) -> None:
        """
        Its help names both.
        """
        text = __main__.buildParser().format_help()
        for end in TAPS:
            self.assertIn(f"kcptun-{end}", text)


class EverywhereTests(SynchronousTestCase):
    """
    Where to listen.
    """

    def test_host(self) -> None:
        """
        At a host that is given; otherwise everywhere, with IPv6 if there is any.
        """
        self.assertEqual(command.everywhere("1.2.3.4"), "1.2.3.4")
        self.assertIn(command.everywhere(""), ("::", ""))

        def fail(*_: object) -> None:
            raise OSError("no IPv6")

        self.patch(socket, "socket", fail)
        self.assertEqual(command.everywhere(""), "")
