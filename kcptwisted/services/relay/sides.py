"""
The two ends of a relay, from their strings.  Where one of them is UDP, the other must keep
datagrams apart, too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from kcptwisted.endpoints import KCPClientEndpoint, KCPServerEndpoint
from kcptwisted.services.relay.overkcp import FlowClientEndpoint, FlowServerEndpoint
from kcptwisted.services.relay.proxied import PREFIX as PROXIED
from kcptwisted.services.relay.proxied import ProxiedServerEndpoint
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


class Sides(Protocol):
    """
    What is to be known of a relay.

    @ivar source: the string of the end where connections or flows come in.
    @ivar target: the string of the end where they go on.
    @ivar reliable: datagrams are carried as messages.
    @ivar flowIdle: seconds after which a flow in which nothing moved is over.
    @ivar maxFlows: flows at once.
    @ivar proxyProtocol: the version of the PROXY protocol for the target; empty for none.
    """

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def reliable(self) -> bool: ...
    @property
    def flowIdle(self) -> float: ...
    @property
    def maxFlows(self) -> int: ...
    @property
    def proxyProtocol(self) -> str: ...


def carriesDatagrams(sides: Sides) -> bool:
    """
    Returns True if an end is UDP.
    """
    return isUDP(sides.source) or isUDP(sides.target)


def sourceOf(reactor: Any, sides: Sides) -> IStreamServerEndpoint:
    """
    Returns the endpoint where connections or flows come in.

    @raise ValueError: says what is wrong with C{source}.
    """
    text = sides.source
    if isUDP(text):
        return udpServerFromString(reactor, text, FlowLimits(sides.flowIdle, sides.maxFlows))
    if carriesDatagrams(sides):
        return FlowServerEndpoint(_kcp(reactor, text, sides, serverFromString), sides.reliable)
    _checkReliable(sides)
    if text.startswith(PROXIED):
        return ProxiedServerEndpoint(reactor, serverFromString(reactor, text[len(PROXIED) :]))
    return serverFromString(reactor, text)  # type: ignore[no-any-return]


def targetOf(reactor: Any, sides: Sides) -> IStreamClientEndpoint:
    """
    Returns the endpoint where connections or flows go on.

    @raise ValueError: says what is wrong with C{target}.
    """
    text = sides.target
    if sides.proxyProtocol == "v1" and carriesDatagrams(sides):
        raise ValueError("--proxy-protocol must be v2 for datagrams: v1 has only TCP")
    if isUDP(text):
        return udpClientFromString(reactor, text, FlowLimits(sides.flowIdle, sides.maxFlows))
    if carriesDatagrams(sides):
        return FlowClientEndpoint(_kcp(reactor, text, sides, clientFromString), sides.reliable)
    _checkReliable(sides)
    return clientFromString(reactor, text)  # type: ignore[no-any-return]


def _checkReliable(sides: Sides) -> None:
    if sides.reliable:
        raise ValueError("--reliable is for a relay with udp: at an end; all else is reliable")


def _kcp(reactor: Any, text: str, sides: Sides, parse: Callable[[Any, str], Any]) -> Any:
    """
    Returns the endpoint of a C{kcp:} string whose connections keep datagrams apart.
    """
    found = parse(reactor, text)
    if not isinstance(found, (KCPClientEndpoint, KCPServerEndpoint)):
        raise ValueError("must be kcp: or udp:, as the other end is udp: a stream joins datagrams")
    extra = _MESSAGES if sides.reliable else _FEC
    for more in (extra,) if sides.reliable else (extra, _MTU):
        # If the string says something else, it is left at that.
        with suppress(ValueError):
            found, text = parse(reactor, f"{text}:{more}"), f"{text}:{more}"
    if sides.reliable and found.options.stream:
        raise ValueError("stream must be no with --reliable: each datagram is a message")
    if not sides.reliable and not found.options.dataShards:
        raise ValueError(
            "dataShards and parityShards must not be 0: out-of-band datagrams need them"
            " (or give --reliable)"
        )
    return found
