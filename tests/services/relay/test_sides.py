"""
Tests for L{kcptwisted.services.relay.sides} and L{kcptwisted.services.relay.udpstrings}.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.overkcp import FlowClientEndpoint, FlowServerEndpoint
from kcptwisted.services.relay.proxied import ProxiedServerEndpoint
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.sides import sourceOf, targetOf
from kcptwisted.services.relay.udpclient import UDPClientEndpoint
from kcptwisted.services.relay.udpserver import UDPServerEndpoint

KCP = "kcp:host:4000:crypt=null"


class SidesTests(SynchronousTestCase):
    """
    From strings to endpoints.
    """

    def source(self, text: str, target: str = KCP, **more: Any) -> Any:
        """
        @return: the endpoint of a source.
        """
        return sourceOf(Clock(), Route(text, target, **more))

    def target(self, text: str, source: str = "udp:53", **more: Any) -> Any:
        """
        @return: the endpoint of a target.
        """
        return targetOf(Clock(), Route(source, text, **more))

    def test_streams(self) -> None:
        """
        Without UDP, endpoints are as ever.
        """
        self.assertIsInstance(self.source("tcp:80"), TCP4ServerEndpoint)
        self.assertIs(self.target(KCP, "tcp:80").options.stream, True)
        self.assertEqual(self.target(KCP, "tcp:80").options.dataShards, 0)

    def test_proxied(self) -> None:
        """
        Behind C{haproxy:} stands any endpoint.
        """
        self.assertIsInstance(self.source("haproxy:tcp:80"), ProxiedServerEndpoint)
        self.assertIsInstance(self.source("haproxy:kcp:80:crypt=null"), ProxiedServerEndpoint)

    def test_udp(self) -> None:
        """
        UDP's own strings.
        """
        for text in (
            "udp:53",
            "udp:0",
            r"udp:53:interface=\:\:1",
            "udp:interface=127.0.0.1:53:dscp=46",
            "udp:53:socketBuffer=100000",
        ):
            self.assertIsInstance(self.source(text), UDPServerEndpoint)
        for text in (
            "udp:host:53",
            r"udp:\:\:1:53",
            r"udp:fe80\:\:1%eth0:53",
            "udp:127.0.0.1:53:bindAddress=127.0.0.2:dscp=46",
        ):
            self.assertIsInstance(self.target(text), UDPClientEndpoint)

    def test_outOfBand(self) -> None:
        """
        A C{kcp:} string gets FEC and the largest size, if it says nothing of them.
        """
        for options, expected in {
            "crypt=null": (10, 3, 1472),
            "dataShards=2:parityShards=1:crypt=null": (2, 1, 1472),
            "crypt=null:mtu=1200": (10, 3, 1200),
            "crypt=null:mtu=auto": (10, 3, None),
        }.items():
            for found in (
                self.target(f"kcp:host:1:{options}"),
                self.source(f"kcp:1:{options}", "udp:host:53"),
            ):
                self.assertIsInstance(found, (FlowClientEndpoint, FlowServerEndpoint))
                used = found._endpoint.options
                self.assertEqual((used.dataShards, used.parityShards, used.mtu), expected, options)

    def test_messages(self) -> None:
        """
        With C{reliable} it is in message mode.
        """
        for options in ("crypt=null", "crypt=null:stream=no"):
            found = self.target(f"kcp:host:1:{options}", reliable=True)
            self.assertIs(found._endpoint.options.stream, False)
            self.assertEqual(found._endpoint.options.dataShards, 0)

    def test_wrong(self) -> None:
        """
        Whatever is wrong is named, with what is allowed.
        """
        for text, expected in {
            "udp:": "port is missing: write udp:port",
            "udp:http": "port must be a number, at most 65535, not 'http'",
            "udp:65536": "port must be 0 to 65535",
            "udp:127.0.0.1:53": "udp: has port here, not 2 parts",
            "udp:53:speed=9": "unknown option 'speed' of udp:; allowed are interface, fd",
            "udp:53:dscp=64": "dscp must be 0 to 63",
            "udp:53:dscp=1:dscp=2": "dscp is given twice",
            "udp:53:fd=3": "port must be left out with fd or systemd",
            "udp:interface=1.2.3.4:fd=3": "interface must be left out with fd or systemd",
            "udp:systemd=0": "systemd has given this process no socket",
            "udp:53:interface=a b": "interface",
        }.items():
            error = self.assertRaises(ValueError, self.source, text)
            self.assertIn(expected, str(error))
        for text, expected in {
            "udp:53": "host and port are needed: write udp:host:port",
            "udp:host:0": "port must be 1 to 65535",
            "udp:::1:53": "udp: has host and port here, not 4 parts",
            "udp:host:53:interface=1.2.3.4": "unknown option 'interface' of udp:",
            "udp:host:53:bindAddress=a..b": "bindAddress",
            "tcp:host:53": "must be kcp: or udp:, as the other end is udp:",
            "kcp:host:1:crypt=null:dataShards=0:parityShards=0": "must not be 0: out-of-band",
            "kcp:host:1:crypt=none:speed=9": "unknown client option 'speed'",
        }.items():
            error = self.assertRaises(ValueError, self.target, text)
            self.assertIn(expected, str(error))
        for text, more, expected in (
            ("kcp:host:1:stream=yes:crypt=null", {"reliable": True}, "stream must be no"),
            (KCP, {"source": "tcp:80", "reliable": True}, "reliable is for a relay with udp:"),
            (KCP, {"proxyProtocol": "v1"}, "proxy-protocol must be v2 for datagrams"),
        ):
            given: dict[str, Any] = more
            error = self.assertRaises(ValueError, self.target, text, **given)
            self.assertIn(expected, str(error))


class SocketTests(SynchronousTestCase):
    """
    With a socket of another program's.
    """

    def test_fd(self) -> None:
        """
        A descriptor takes the place of a port.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            found = sourceOf(Clock(), Route(f"udp:fd={sock.fileno()}", KCP))
            self.assertIsInstance(found, UDPServerEndpoint)
