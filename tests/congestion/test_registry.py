"""
Tests for L{kcptwisted.congestion.registry}: congestion controls by name, users' own included.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

from twisted.internet import error
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.plugin import IPlugin
from zope.interface.verify import verifyObject

from kcptwisted.congestion.control import Acknowledgement, CongestionControl
from kcptwisted.congestion.registry import (
    CONTROLS,
    NONE,
    CongestionSpec,
    ICongestionSpec,
    findCongestionControl,
    registerCongestionControl,
)
from kcptwisted.options import KCPOptions
from kcptwisted.server.listening import KCPListeningPort
from kcptwisted.testing.link import Link
from tests.connections import CLIENT, PORT, SERVER, ConnectionTestCase, RecordingProtocol
from tests.inside import connectionOf
from tests.pluggedin import plugIn

#: Full segments that the control below lets be in flight.
FEW = 3


class FewSegments(CongestionControl):
    """
    A congestion control as a user may write one: a small window, whatever happens.

    @ivar calls: the methods called.
    """

    def __init__(self, segment: int, roundTrip: int) -> None:
        """
        @param segment: bytes of a full segment.
        """
        self.window = FEW * segment
        self.pacingRate = 0
        self.calls: list[str] = []

    def onSent(self, now: int, size: int, inFlight: int) -> None:
        """
        Note the call.
        """
        self.calls.append("sent")

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Note the call.
        """
        self.calls.append("ack")

    def onTimeout(self, now: int, inFlight: int) -> None:
        """
        Note the call.
        """
        self.calls.append("timeout")


class Failing(FewSegments):
    """
    One with an error.
    """

    def onAck(self, ack: Acknowledgement) -> None:
        """
        Fail.
        """
        raise ZeroDivisionError("of the control")


class FailingWhenMade(FewSegments):
    """
    One that cannot be made for some round trips.
    """

    def __init__(self, segment: int, roundTrip: int) -> None:
        super().__init__(segment, roundTrip)
        if roundTrip:
            raise ZeroDivisionError("of the factory")


class Never(FewSegments):
    """
    One that cannot be made.
    """

    def __init__(self, segment: int, roundTrip: int) -> None:
        raise ZeroDivisionError("of the factory")


FEW_SEGMENTS = CongestionSpec("few-3", FewSegments)


class OwnControlTestCase(ConnectionTestCase):
    """
    Puts back the registry.
    """

    def setUp(self) -> None:
        """
        Remember what was registered.
        """
        super().setUp()
        before = dict(CONTROLS)

        def putBack() -> None:
            CONTROLS.clear()
            CONTROLS.update(before)

        self.addCleanup(putBack)

    def join(self, options: str) -> tuple[RecordingProtocol, RecordingProtocol]:
        """
        Connect endpoints made of strings, over a link of 20 ms each way.
        """
        server = serverFromString(self.network.host(SERVER), f"kcp:{PORT}:{options}")
        listening = self.successResultOf(server.listen(self.serverFactory))
        self.port = cast(KCPListeningPort, listening)
        self.bothWays(Link(delay=0.02))
        client = clientFromString(self.network.host(CLIENT), f"kcp:{SERVER}:{PORT}:{options}")
        connecting = client.connect(self.clientFactory)
        self.network.run(0.1)
        protocol = cast(RecordingProtocol, self.successResultOf(connecting))
        return protocol, self.serverFactory.made[-1]

    def transfer(self, options: str) -> RecordingProtocol:
        """
        Send something through endpoints made of strings.

        @return: the client, which has sent it.
        """
        client, server = self.join(options)
        data = self.data(50_000)
        client.session.write(data)
        self.network.run(0.01)
        self.assertEqual(client.session.segmentsInFlight, FEW)
        self.network.runUntil(lambda: len(server.received) >= len(data))
        self.assertEqual(server.received, data)
        return client


class RegisterTests(OwnControlTestCase):
    """
    Tests for L{registerCongestionControl}.
    """

    def test_interface(self) -> None:
        """
        What is registered is what plugins provide.
        """
        verifyObject(ICongestionSpec, FEW_SEGMENTS)
        verifyObject(IPlugin, FEW_SEGMENTS)

    def test_found(self) -> None:
        """
        What is registered is found, and listed for those who name another.
        """
        registerCongestionControl(FEW_SEGMENTS)
        self.assertIs(findCongestionControl("few-3"), FEW_SEGMENTS)
        problem = self.assertRaises(ValueError, findCongestionControl, "cubic")
        self.assertIn("congestion must be one of bbr, kcp, few-3, none, not 'cubic'", str(problem))

    def test_names(self) -> None:
        """
        A name is made of small letters, digits and hyphens.
        """
        for name in ("", "Mine", "my control", "mi:ne", "mi=ne", "m\u00efne", "mine\n"):
            spec = CongestionSpec(name, FewSegments)
            problem = self.assertRaises(ValueError, registerCongestionControl, spec)
            self.assertIn("name", str(problem))
            self.assertIn(repr(name), str(problem))
            self.assertNotIn(name, CONTROLS)

    def test_taken(self) -> None:
        """
        No congestion control is replaced, nor the name for none.
        """
        registerCongestionControl(FEW_SEGMENTS)
        before = dict(CONTROLS)
        for name in ("bbr", "kcp", NONE, "few-3"):
            spec = CongestionSpec(name, FewSegments)
            problem = self.assertRaises(ValueError, registerCongestionControl, spec)
            self.assertIn(repr(name), str(problem))
        self.assertEqual(CONTROLS, before)

    def test_options(self) -> None:
        """
        Options take the name.
        """
        problem = self.assertRaises(ValueError, KCPOptions, congestion="few-3")
        self.assertIn("congestion must be one of bbr, kcp, none", str(problem))
        registerCongestionControl(FEW_SEGMENTS)
        options = KCPOptions(congestion="few-3")
        self.assertEqual(options.congestionName, "few-3")
        self.assertIs(options.arqSettings(0).congestion, FEW_SEGMENTS)

    def test_endToEnd(self) -> None:
        """
        Endpoint strings name it, and it limits what is in flight.
        """
        registerCongestionControl(FEW_SEGMENTS)
        client = self.transfer("congestion=few-3:mtu=1400")
        self.assertEqual(client.session.congestion, "few-3")
        governor = connectionOf(client.session).conversation.sender.limits.governor
        assert governor is not None and isinstance(governor.control, FewSegments)
        self.assertEqual(client.session.congestionWindow, FEW * 1400)
        self.assertEqual(set(governor.control.calls), {"sent", "ack"})

    def test_changed(self) -> None:
        """
        A live connection can be given it.
        """
        registerCongestionControl(FEW_SEGMENTS)
        client, server = self.join("nc=yes:mtu=1400")
        client.session.configure(congestion="few-3")
        client.session.write(bytes(50_000))
        self.network.run(0.01)
        self.assertEqual(client.session.segmentsInFlight, FEW)
        client.session.configure(congestion="none")
        self.network.run(0.01)
        self.assertGreater(client.session.segmentsInFlight, 30)
        self.network.run(2)
        self.assertEqual(len(server.received), 50_000)


class FailingTests(OwnControlTestCase):
    """
    A control that raises.
    """

    def test_ends(self) -> None:
        """
        What it raises is logged and ends its connection, at both ends; others go on.
        """
        registerCongestionControl(CongestionSpec("failing", Failing))
        client, server = self.join("congestion=failing")
        other = clientFromString(self.network.host(CLIENT), f"kcp:{SERVER}:{PORT}")
        connecting = other.connect(self.clientFactory)
        self.network.run(0.1)
        beside = cast(RecordingProtocol, self.successResultOf(connecting))
        client.session.write(b"x")
        self.network.run(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        (reason,) = client.reasons
        self.assertIsInstance(reason.value, ZeroDivisionError)
        self.assertEqual(len(server.reasons), 1)
        self.assertIsInstance(server.reasons[0].value, error.ConnectionLost)
        beside.session.write(b"y")
        self.network.run(1)
        self.assertEqual(self.serverFactory.made[-1].received, b"y")
        self.finish(self.port)

    def test_made(self) -> None:
        """
        So it is if it cannot be made when it is needed.
        """
        registerCongestionControl(CongestionSpec("failing", FailingWhenMade, leastRoundTrip=1))
        client, server = self.join("congestion=failing")
        client.session.write(bytes(50_000))
        self.network.run(1)
        self.assertGreaterEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        for protocol in (client, server):
            self.assertEqual(len(protocol.reasons), 1)
        self.finish(self.port)

    def test_neverMade(self) -> None:
        """
        One that can never be made is an error of the options, which says why.
        """
        for name, factory in (("failing", Never), ("missing", "kcptwisted.congestion.kcp:no")):
            registerCongestionControl(CongestionSpec(name, factory))
            problem = self.assertRaises(ValueError, KCPOptions, congestion=name)
            self.assertIn(f"congestion must be one that can be made: {name} raises", str(problem))
            changed = self.assertRaises(ValueError, KCPOptions().changed, congestion=name)
            self.assertEqual(str(changed), str(problem))


class PluginTests(OwnControlTestCase):
    """
    Congestion controls among Twisted's plugins.
    """

    def test_found(self) -> None:
        """
        A plugin's control is found by its name, and endpoints use it; nobody registers it.
        """
        plugIn(
            self,
            "kcptwisted_tests_congestion",
            "from kcptwisted.congestion.registry import CongestionSpec",
            "control = CongestionSpec('plugged', 'tests.congestion.test_registry:FewSegments')",
        )
        found = findCongestionControl("plugged")
        assert found is not None
        self.assertEqual(found.name, "plugged")
        self.assertNotIn("plugged", CONTROLS)
        self.transfer("congestion=plugged")
        problem = self.assertRaises(ValueError, findCongestionControl, "cubic")
        self.assertIn("plugged", str(problem))

    def test_foundFirst(self) -> None:
        """
        So it is in a new process where the endpoint string is the first that looks for plugins and
        loads the package, as with twistd.
        """
        folder = Path(self.mktemp()).resolve()
        (folder / "twisted" / "plugins").mkdir(parents=True)
        (folder / "twisted" / "plugins" / "kcptwisted_tests_first.py").write_text(
            "from kcptwisted.congestion.registry import CongestionSpec\n"
            "control = CongestionSpec('first', 'kcptwisted.congestion.kcp:KCPWindow')\n",
            "utf-8",
        )
        program = (
            "from twisted.internet import reactor\n"
            "from twisted.internet.endpoints import serverFromString\n"
            "serverFromString(reactor, 'kcp:4000:crypt=null:congestion=first')\n"
        )
        path = os.pathsep.join([str(folder), *filter(None, sys.path)])
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": path},
            check=True,
            timeout=60,
        )

    def test_shadowed(self) -> None:
        """
        A plugin takes no known control's place.
        """
        plugIn(
            self,
            "kcptwisted_tests_shadowing",
            "from kcptwisted.congestion.registry import CongestionSpec",
            "controls = [CongestionSpec(name, 'nowhere:nothing') for name in ('bbr', 'none')]",
            "one, other = controls",
        )
        self.assertIs(findCongestionControl("bbr"), CONTROLS["bbr"])
        self.assertIsNone(findCongestionControl("none"))
