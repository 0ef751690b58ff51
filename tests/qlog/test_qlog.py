"""
C{qlog=}: what connections of ours leave in files.
"""

from __future__ import annotations

import gc
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from zope.interface.verify import verifyObject

from kcptwisted.interfaces import IDatagramProtocol, IDatagramTransport
from kcptwisted.options import KCPOptions
from kcptwisted.options.options import optionTable
from kcptwisted.qlog.layer import QlogLayer, RecordingHolder
from kcptwisted.session.holder import SessionHolder
from kcptwisted.session.session import KCPSession
from kcptwisted.testing import Link
from tests.connections import ConnectionTestCase
from tests.inside import sessionOf
from tests.qlog.records import named, problems, read
from tests.test_docs import DOCS, rows, section

#: Bytes that the client sends.
SIZE = 300_000

LOSSY = Link(delay=0.02, loss=0.05)


class QlogTestCase(ConnectionTestCase):
    """
    Connections with C{qlog=}.
    """

    def setUp(self) -> None:
        """
        A directory.
        """
        super().setUp()
        self.path = Path(self.mktemp())
        self.path.mkdir()

    def converse(
        self, link: Link | None = LOSSY, **options: Any
    ) -> dict[str, list[dict[str, Any]]]:
        """
        Have a client send L{SIZE} bytes and close.

        @return: the records by role.
        """
        options = {"crypt": "null", "mode": "fast3", "qlog": str(self.path), **options}
        client, server = self.connect(KCPOptions(**options), LOSSY)
        client.session.write(self.data(SIZE))
        self.network.runUntil(lambda: len(server.received) == SIZE)
        client.session.loseConnection()
        self.network.runUntil(lambda: bool(client.reasons and server.reasons))
        self.stats = {"client": client.session.stats, "server": server.session.stats}
        self.finish(self.port)
        return self.records()

    def records(self) -> dict[str, list[dict[str, Any]]]:
        """
        @return: those of each file by role.
        """
        return {path.stem.rpartition("-")[2]: read(path) for path in self.path.iterdir()}


class FileTests(QlogTestCase):
    """
    The files.
    """

    def test_conforms(self) -> None:
        """
        They have the fields of the draft, also with a cipher, FEC, and each congestion control.
        """
        for options in (
            {},
            {"key": "k", "crypt": "aes-128-gcm", "dataShards": 10, "parityShards": 3},
            {"congestion": "kcp"},
            {"congestion": "none"},
            {"trace": True},
        ):
            self.setUp()
            found = self.converse(**options)
            self.assertEqual(sorted(found), ["client", "server"])
            for role, records in found.items():
                self.assertEqual(problems(records), [], role)
                self.assertEqual(records[0]["trace"]["vantage_point"]["type"], role)

    def test_names(self) -> None:
        """
        A file is named by time, conversation and role, and says both.
        """
        self.converse()
        for path in self.path.iterdir():
            match = re.fullmatch(
                r"\d{8}T\d{6}\.\d{6}Z-([0-9a-f]{8})-(client|server)\.sqlog", path.name
            )
            assert match is not None, path
            self.assertEqual(read(path)[0]["trace"]["common_fields"]["group_id"], match[1])

    def test_wallClock(self) -> None:
        """
        When it began is a time of RFC 3339.
        """
        for records in self.converse().values():
            reference = records[0]["trace"]["common_fields"]["reference_time"]
            self.assertRegex(
                reference["wall_clock_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"
            )

    def test_off(self) -> None:
        """
        Without the option there is no layer, no other holder, and no file.
        """
        client, _ = self.connect(KCPOptions(crypt="null"))
        session = sessionOf(client.session)
        self.assertNotIsInstance(session._below, QlogLayer)
        self.assertNotIsInstance(session._holder, RecordingHolder)
        self.finish(self.port)


class EventTests(QlogTestCase):
    """
    The events.
    """

    def test_packets(self) -> None:
        """
        Each segment that was sent, lost or received is in the file of its end, as often as the end
        counted.
        """
        found = self.converse()
        for role, stats in self.stats.items():
            records = found[role]
            for name, count in (("packet_sent", stats.OutSegs), ("packet_received", stats.InSegs)):
                frames = [frame for data in named(records, name) for frame in data["frames"]]
                pushes = [frame for frame in frames if frame["frame_type"] == "push"]
                self.assertEqual(len(pushes), count, (role, name))
            self.assertEqual(len(named(records, "packet_lost")), stats.RetransSegs, role)
        self.assertGreater(self.stats["client"].RetransSegs, 0)
        triggers = {data.get("trigger") for data in named(found["client"], "packet_lost")}
        self.assertIn("reordering_threshold", triggers)
        self.assertLessEqual(triggers, {"reordering_threshold", "pto_expired", "probe", None})

    def test_packetData(self) -> None:
        """
        A datagram has its conversation, its length and all its segments' fields, and nothing of the
        application's data.
        """
        records = self.converse()["client"]
        first = named(records, "packet_sent")[0]
        (frame,) = first["frames"]
        self.assertEqual(
            (frame["frame_type"], frame["sn"], frame["control"]), ("wask", 0, ["hello"])
        )
        conv = records[0]["trace"]["common_fields"]["group_id"]
        self.assertEqual(f"{first['header']['conv']:08x}", conv)
        self.assertEqual(first["raw"]["length"], 24 + frame["raw"]["payload_length"])

    def test_recovered(self) -> None:
        """
        What FEC rebuilds is received, and says so.
        """
        records = self.converse(dataShards=10, parityShards=3)["server"]
        rebuilt = [one for one in named(records, "packet_received") if one.get("trigger") == "fec"]
        self.assertEqual(len(rebuilt), self.stats["server"].FECRecovered)
        self.assertGreater(len(rebuilt), 0)

    def test_metrics(self) -> None:
        """
        Measures are told when they change; the last of each is what the end knew.
        """
        records = self.converse()["client"]
        updates = named(records, "metrics_updated")
        self.assertGreater(len(updates), 10)
        last: dict[str, Any] = {}
        for update in updates:
            self.assertTrue(update)
            for name, value in update.items():
                self.assertNotEqual(value, last.get(name), name)
            last.update(update)
        self.assertTrue(39 <= last["min_rtt"] <= last["smoothed_rtt"] < 200, last)
        self.assertGreater(last["congestion_window"], 10_000)
        self.assertGreater(last["pacing_rate"], 100_000)
        self.assertEqual(last["packets_in_flight"], 0)

    def test_states(self) -> None:
        """
        States follow each other: of the connection and of the congestion control.
        """
        for records in self.converse().values():
            for name in ("connection_state_updated", "congestion_state_updated", "mtu_updated"):
                updates = named(records, name)
                self.assertGreater(len(updates), 0, name)
                self.assertIsNone(updates[0]["old"])
                for before, after in pairwise(updates):
                    self.assertEqual(after["old"], before["new"])
        states = [one["new"] for one in named(self.records()["client"], "connection_state_updated")]
        self.assertEqual(states, ["connecting", "established", "closing", "closed"])
        phases = {one["new"] for one in named(self.records()["client"], "congestion_state_updated")}
        self.assertIn("startup", phases)
        sizes = [one["new"] for one in named(self.records()["client"], "mtu_updated")]
        self.assertEqual((sizes[0], sizes[-1]), (1232, 1500))

    def test_slowStart(self) -> None:
        """
        So are those of KCP's own congestion control.
        """
        records = self.converse(congestion="kcp")["client"]
        phases = [one["new"] for one in named(records, "congestion_state_updated")]
        self.assertLessEqual(set(phases), {"slow_start", "congestion_avoidance"})
        self.assertIn("congestion_avoidance", phases)

    def test_beginning(self) -> None:
        """
        The addresses and options are told at first.
        """
        found = self.converse()
        (client,) = named(found["client"], "connection_started")
        (server,) = named(found["server"], "connection_started")
        self.assertEqual(client["remote"], server["local"])
        self.assertEqual(client["local"]["port_v4"], server["remote"]["port_v4"])
        (parameters,) = named(found["client"], "parameters_set")
        self.assertEqual(
            (parameters["crypt"], parameters["congestion"], parameters["interval"]),
            ("null", "bbr", 10),
        )
        self.assertFalse({"key", "keyFile", "rawKey"} & set(parameters))

    def test_end(self) -> None:
        """
        The last event says who ended the connection and why, with the counters.
        """
        for records in self.converse().values():
            last = records[-1]
            self.assertEqual(last["name"], "kcp:connection_closed")
            self.assertEqual((last["data"]["trigger"], last["data"]["cause"]), ("clean", "closed"))
            self.assertEqual(last["data"]["reason"], "Connection was closed cleanly.")
        self.assertEqual(
            records[-1]["data"]["counters"].get("BytesSent", 0),
            self.stats[records[0]["trace"]["vantage_point"]["type"]].BytesSent,
        )

    def test_abort(self) -> None:
        """
        So it does of an end that was not clean.
        """
        client, _ = self.connect(KCPOptions(crypt="null", qlog=str(self.path)))
        client.session.abortConnection()
        self.network.run(1)
        found = self.records()
        (ours,) = named(found["client"], "connection_closed")
        (theirs,) = named(found["server"], "connection_closed")
        self.assertEqual((ours["initiator"], ours["trigger"]), ("local", "aborted"))
        self.assertEqual((theirs["initiator"], theirs["trigger"]), ("remote", "stateless_reset"))
        self.assertEqual((ours["cause"], theirs["cause"]), ("aborted", "peer_reset"))
        self.finish(self.port)

    def test_documented(self) -> None:
        """
        docs/qlog.md has each event, and no other.
        """
        names = {
            record["name"]
            for records in self.converse(dataShards=10, parityShards=3).values()
            for record in records[1:]
        }
        table = {row[0] for row in rows(section(DOCS / "qlog.md", "Events"))[2:]}
        self.assertEqual(table, names)


def sessions() -> int:
    """
    @return: how many there are, also such as nobody uses.
    """
    return sum(type(one) is KCPSession for one in gc.get_objects())


class TroubleTests(QlogTestCase):
    """
    Where files cannot be written.
    """

    def test_full(self) -> None:
        """
        The connection goes on when the directory is gone, and its port counts what is not written.
        """
        client, server = self.connect(KCPOptions(crypt="null", qlog=str(self.path)))
        self.path.rmdir()
        client.session.write(self.data(SIZE))
        self.network.runUntil(lambda: len(server.received) == SIZE)
        self.assertGreater(client.session.portStats.QlogErrs, 0)
        self.finish(self.port)
        self.assertEqual(client.received, b"")

    def test_option(self) -> None:
        """
        A directory that is not there, or that cannot be written to, is an error that names the
        option.
        """
        wrong = self.path / "file"
        wrong.write_text("")
        for path in (str(self.path / "none"), str(wrong), "a\0b"):
            problem = self.assertRaises(ValueError, KCPOptions, crypt="null", qlog=path)
            self.assertEqual(
                str(problem),
                f"qlog must be a directory that can be written to; there is none: {path!r}",
            )
        self.patch(os, "access", lambda path, mode: False)
        problem = self.assertRaises(ValueError, KCPOptions, crypt="null", qlog=str(self.path))
        self.assertIn("; this one cannot be: ", str(problem))
        self.assertIn("| `qlog` | both | none | text |", optionTable())

    def test_noCircle(self) -> None:
        """
        When a connection is over nothing holds its session, also without garbage collection.
        """
        options = KCPOptions(crypt="null", qlog=str(self.path), trace=True)
        client, server = self.connect(options)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        before = sessions()
        client.session.abortConnection()
        self.network.run(1)
        self.finish(self.port)
        self.clientFactory.made.clear()
        self.serverFactory.made.clear()
        client.transport = server.transport = None
        self.assertEqual(before - sessions(), 2)

    def test_interfaces(self) -> None:
        """
        The layer is one like others, and the holder takes what the session calls.
        """
        client, _ = self.connect(KCPOptions(crypt="null", qlog=str(self.path)))
        session = sessionOf(client.session)
        verifyObject(IDatagramProtocol, session._below)
        verifyObject(IDatagramTransport, session._below)
        called = {name for name in vars(SessionHolder) if name[0] != "_"}
        for name in called:
            self.assertTrue(callable(getattr(session._holder, name)), name)
        self.assertGreater(len(called), 5)
        self.finish(self.port)
