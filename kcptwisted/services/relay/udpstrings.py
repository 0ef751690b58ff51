"""
Strings for UDP ends of a relay: C{udp:port} to listen at, C{udp:host:port} to send to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kcptwisted.endpoints.given import descriptorOf
from kcptwisted.options import KCPOptions
from kcptwisted.options.hosts import checkHost, checkPort
from kcptwisted.services.relay.udpclient import UDPClientEndpoint
from kcptwisted.services.relay.udpserver import UDPServerEndpoint
from kcptwisted.services.relay.udpsettings import FlowLimits

PREFIX = "udp:"

#: The options of each end; those of C{kcp:} with the same name.
_SERVER_OPTIONS = ("interface", "fd", "systemd", "socketBuffer", "dscp")
_CLIENT_OPTIONS = ("bindAddress", "socketBuffer", "dscp")

_PART = re.compile(r"((?:\\.|[^\\:])*)(?::|$)", re.DOTALL)
_NAMED = re.compile(r"([A-Za-z]+)=(.*)", re.DOTALL)


def isUDP(text: str) -> bool:
    """
    Returns True for a string of a UDP end.
    """
    return text.startswith(PREFIX)


def udpServerFromString(reactor: Any, text: str, limits: FlowLimits) -> UDPServerEndpoint:
    """
    Returns the endpoint for C{udp:port:option=value…}.

    @raise ValueError: names the part that is wrong and what is allowed.
    """
    parts, options = _take(text, ("port",), _SERVER_OPTIONS, "server")
    descriptor = descriptorOf(options)
    if not parts and descriptor is None:
        raise ValueError("port is missing: write udp:port, such as udp:5353")
    if parts and descriptor is not None:
        raise ValueError("port must be left out with fd or systemd: the socket has its port")
    if options.interface and descriptor is not None:
        raise ValueError("interface must be left out with fd or systemd: the socket has its own")
    port = checkPort(_number(parts[0]), 0) if parts else 0
    return UDPServerEndpoint(reactor, port, limits, options.interface, descriptor, options)


def udpClientFromString(reactor: Any, text: str, limits: FlowLimits) -> UDPClientEndpoint:
    """
    Returns the endpoint for C{udp:host:port:option=value…}.

    @raise ValueError: names the part that is wrong and what is allowed.
    """
    parts, options = _take(text, ("host", "port"), _CLIENT_OPTIONS, "client")
    if len(parts) < 2:
        raise ValueError("host and port are needed: write udp:host:port, such as udp:127.0.0.1:53")
    host, port = checkHost(parts[0], "host"), checkPort(_number(parts[1]), 1)
    return UDPClientEndpoint(reactor, host, port, limits, options)


def _take(
    text: str, names: Sequence[str], allowed: Sequence[str], end: str
) -> tuple[list[str], KCPOptions]:
    parts, given = [], {}
    for part in _split(text[len(PREFIX) :]):
        named = _NAMED.fullmatch(part)
        if named is None:
            parts.append(re.sub(r"\\(.)", r"\1", part))
            continue
        name, value = named[1], re.sub(r"\\(.)", r"\1", named[2])
        if name not in allowed:
            raise ValueError(f"unknown option {name!r} of udp:; allowed are {', '.join(allowed)}")
        if name in given:
            raise ValueError(f"{name} is given twice: give it once")
        given[name] = value
    if len(parts) > len(names):
        raise ValueError(
            f"udp: has {' and '.join(names)} here, not {len(parts)} parts;"
            r" write a colon in a value as \:, as in udp:\:\:1:53"
        )
    return parts, KCPOptions.fromStrings({**given, "crypt": "null"}, end)


def _split(text: str) -> list[str]:
    parts = [found[1] for found in _PART.finditer(text)]
    # The pattern finds an empty part once more at the end of the text.
    return parts[:-1]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"port must be a number, at most 65535, not {text!r}")
    return int(text)
