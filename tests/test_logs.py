"""
Tests for L{kcptwisted.logs}.
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import ILogObserver, Logger, globalLogPublisher
from twisted.logger._legacy import publishToNewObserver
from twisted.python import log
from twisted.python.failure import Failure
from twisted.python.reflect import namedAny
from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from kcptwisted.logs import JSONLog, jsonLog, useFormat
from tests.connections import ConnectionTestCase


class Unshowable:
    """
    Cannot be shown.
    """

    def __repr__(self) -> str:
        raise ZeroDivisionError


class JSONLogTests(SynchronousTestCase):
    """
    Lines.
    """

    def setUp(self) -> None:
        """
        Log to memory.
        """
        self.output = StringIO()
        self.observer = JSONLog(self.output)
        self.log = Logger("here", observer=self.observer)

    def lines(self) -> list[dict[str, Any]]:
        """
        @return: what was written.
        """
        return [json.loads(line) for line in self.output.getvalue().splitlines()]

    def test_interface(self) -> None:
        """
        It is an observer.
        """
        verifyObject(ILogObserver, self.observer)

    def test_fields(self) -> None:
        """
        An event is a line with time, level, logger, text, and its fields.
        """
        self.log.warn(
            "{count} from {peer}", count=3, peer=IPv4Address("UDP", "10.0.0.1", 5), share=0.5
        )
        (line,) = self.lines()
        self.assertRegex(line.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            line,
            {
                "level": "warn",
                "logger": "here",
                "text": "3 from IPv4Address(type='UDP', host='10.0.0.1', port=5)",
                "count": 3,
                "peer": "10.0.0.1:5",
                "share": 0.5,
            },
        )

    def test_values(self) -> None:
        """
        Whatever a field is, the line is JSON.
        """
        self.log.info(
            "a\nb \N{SNOWMAN}",
            six=IPv6Address("UDP", "::1", 7),
            nan=float("nan"),
            data=b"x",
            none=None,
            odd=Unshowable(),
        )
        (line,) = self.lines()
        self.assertEqual(line["text"], "a\nb \N{SNOWMAN}")
        found = [line[name] for name in ("six", "nan", "data", "none", "odd")]
        self.assertEqual(found, ["[::1]:7", "nan", "b'x'", None, "<Unshowable>"])

    def test_failures(self) -> None:
        """
        A failure is its type and message; where it is an error, there is a traceback, too.
        """
        try:
            raise ZeroDivisionError("no")
        except ZeroDivisionError:
            failure = Failure()
            self.log.failure("it failed")
        self.log.info("ended", reason=failure)
        error, info = self.lines()
        self.assertEqual(info["reason"], {"type": "ZeroDivisionError", "message": "no"})
        self.assertEqual(error["level"], "critical")
        self.assertIn("test_failures", error["failure"]["traceback"])

    def test_legacy(self) -> None:
        """
        What is logged in the old way is told as well.
        """
        event = {"message": ("old",), "isError": 0, "system": "-", "time": 1.0}
        publishToNewObserver(self.observer, event, log.textFromEventDict)
        (line,) = self.lines()
        self.assertEqual((line["text"], line["level"]), ("old", "info"))
        self.assertEqual(line["time"], "1970-01-01T00:00:01.000Z")


class EndTests(ConnectionTestCase):
    """
    The end of a connection.
    """

    def test_end(self) -> None:
        """
        It has the conversation, the peer and the reason as fields.
        """
        output = StringIO()
        observer = JSONLog(output)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        client, _ = self.connect()
        client.session.abortConnection()
        self.network.run(1)
        self.finish(self.port)
        lines = [json.loads(line) for line in output.getvalue().splitlines()]
        ends = [line for line in lines if "duration" in line]
        self.assertEqual([line["conv"] for line in ends], [client.session.conv] * 2)
        self.assertEqual(
            {line["reason"]["type"] for line in ends}, {"PeerReset", "ConnectionAborted"}
        )
        self.assertIn("10.0.0.2:4000", [line["peer"] for line in ends])
        self.assertEqual({line["level"] for line in ends}, {"info"})


class FormatTests(SynchronousTestCase):
    """
    twistd's log.
    """

    def test_text(self) -> None:
        """
        Text is as twistd writes it.
        """
        options: dict[str, Any] = {"nodaemon": True}
        useFormat(options, "text")
        self.assertEqual(options, {"nodaemon": True})

    def test_json(self) -> None:
        """
        JSON goes where the text would go.
        """
        options: dict[str, Any] = {"nodaemon": True, "logfile": None}
        useFormat(options, "json")
        self.assertIs(namedAny(options["logger"]), jsonLog)
        self.assertIsInstance(jsonLog(), JSONLog)
        name = Path(self.mktemp()).absolute()
        options = {"logfile": str(name)}
        useFormat(options, "json")
        self.addCleanup(useFormat, {"nodaemon": True}, "json")
        observer = namedAny(options["logger"])()
        Logger("here", observer=observer).info("hello")
        self.assertEqual(json.loads(name.read_text("utf-8"))["text"], "hello")

    def test_twistd(self) -> None:
        """
        C{twistd}, which reads its own options last, takes what they have become.
        """
        for service in (
            ["kcp-relay", "--from", "tcp:0", "--to", "tcp:127.0.0.1:1", "--log-format", "json"],
            ["kcptun-client", "--logformat", "json"],
        ):
            options = ServerOptions()
            options.parseOptions(["--nodaemon", *service])
            self.assertIs(options["logger"], jsonLog)

    def test_wrong(self) -> None:
        """
        What does not go together is an error that says so.
        """
        for options, name, expected in (
            ({}, "xml", "text, json"),
            ({"logger": "other"}, "json", "--logger"),
            ({"syslog": True}, "json", "--syslog"),
        ):
            problem = self.assertRaises(ValueError, useFormat, options, name)
            self.assertIn(expected, str(problem))
            self.assertIn("log-format", str(problem))
