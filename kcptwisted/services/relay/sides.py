"""
The two ends of a relay, from their strings.  Where one of them is UDP, the other must keep
datagrams apart, too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.services.relay.overkcp import FlowClientEndpoint, FlowServerEndpoint
from kcptwisted.services.relay.proxied import PREFIX as PROXIED
from kcptwisted.services.relay.proxied import ProxiedServerEndpoint
from kcptwisted.services.relay.routes import Route
from kcptwisted.services.relay.udpserver import UDPServerEndpoint
from kcptwisted.services.relay.udpsettings import FlowLimits
from kcptwisted.services.relay.udpstrings import isUDP, udpClientFromString, udpServerFromString

#: What a C{kcp:} string gets that carries out-of-band datagrams, if it does not say otherwise.
#: They need FEC's packet types, and are no longer than one datagram.  1472 bytes are the most that
#: kcp-go takes, and fill an Ethernet frame.
_FEC = "dataShards=10:parityShards=3"
_MTU = "mtu=1472"

#: What a C{kcp:} string gets that carries messages.
_MESSAGES = "stream=no"

#: Endpoints with a UDP port, and C{options}.
UDP_ENDPOINTS = (KCPServerEndpoint, FlowServerEndpoint, UDPServerEndpoint)


def carriesDatagrams(route: Route) -> bool:
    """
    Returns True if an end is UDP.
    """
    return isUDP(route.source) or isUDP(route.target)


def sourceOf(reactor: Any, route: Route) -> IStreamServerEndpoint:
    """
    Returns the endpoint where connections or flows come in.

    @raise ValueError: says what is wrong with C{source}.
    """
    text = route.source
    if isUDP(text):
        return udpServerFromString(reactor, text, FlowLimits(route.flowIdle, route.maxFlows))
    if carriesDatagrams(route):
        return FlowServerEndpoint(_kcp(reactor, text, route, serverFromString), route.reliable)
    _checkReliable(route)
    if text.startswith(PROXIED):
        return ProxiedServerEndpoint(reactor, serverFromString(reactor, text[len(PROXIED) :]))
    return serverFromString(reactor, text)  # type: ignore[no-any-return]


def targetOf(reactor: Any, route: Route) -> IStreamClientEndpoint:
    """
    Returns the endpoint where connections or flows go on.

    @raise ValueError: says what is wrong with C{target}.
    """
    text = route.target
    if route.proxyProtocol == "v1" and carriesDatagrams(route):
        raise ValueError("proxy-protocol must be v2 for datagrams: v1 has only TCP")
    if isUDP(text):
        return udpClientFromString(reactor, text, FlowLimits(route.flowIdle, route.maxFlows))
    if carriesDatagrams(route):
        return FlowClientEndpoint(_kcp(reactor, text, route, clientFromString), route.reliable)
    _checkReliable(route)
    return clientFromString(reactor, text)  # type: ignore[no-any-return]


def _checkReliable(route: Route) -> None:
    if route.reliable:
        raise ValueError("reliable is for a relay with udp: at an end; all else is reliable")


def _kcp(reactor: Any, text: str, route: Route, parse: Callable[[Any, str], Any]) -> Any:
    """
    Returns the endpoint of a C{kcp:} string whose connections keep datagrams apart.
    """
    found = parse(reactor, text)
    if not isinstance(found, (KCPClientEndpoint, KCPServerEndpoint)):
        raise ValueError("must be kcp: or udp:, as the other end is udp: a stream joins datagrams")
    extra = _MESSAGES if route.reliable else _FEC
    for more in (extra,) if route.reliable else (extra, _MTU):
        # If the string says something else, it is left at that.
        with suppress(ValueError):
            found, text = parse(reactor, f"{text}:{more}"), f"{text}:{more}"
    if route.reliable and found.options.stream:
        raise ValueError("stream must be no with reliable: each datagram is a message")
    if not route.reliable and not found.options.dataShards:
        raise ValueError(
            "dataShards and parityShards must not be 0: out-of-band datagrams need them"
            " (or give reliable)"
        )
    return found
