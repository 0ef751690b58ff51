"""
The options of a route, as the command line and a configuration file have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from kcptwisted.services.relay.proxyprotocol import VERSIONS
from kcptwisted.services.relay.routes import FLOW_IDLE, MAX_FLOWS, STOP_TIMEOUT


def seconds(given: object) -> float:
    """
    Returns a time.

    @raise ValueError: if it is none.
    """
    try:
        number = math.nan if isinstance(given, bool) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"must be seconds, 0 or more, not {given!r}")
    return number


def count(given: object) -> int:
    """
    Returns a number of things.

    @raise ValueError: if it is none.
    """
    try:
        if isinstance(given, (bool, float)):
            raise ValueError
        number = int(given)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise ValueError(f"must be a whole number, 0 or more, not {given!r}")
    return int(number)


def positiveSeconds(given: object) -> float:
    """
    Returns a time that is not 0.

    @raise ValueError: if it is none.
    """
    number = seconds(given)
    if not number:
        raise ValueError(f"must be seconds, more than 0, not {given!r}")
    return number


def positiveCount(given: object) -> int:
    """
    Returns a number of things that is not 0.

    @raise ValueError: if it is none.
    """
    number = count(given)
    if not number:
        raise ValueError(f"must be a whole number, 1 or more, not {given!r}")
    return number


def proxyVersion(given: object) -> str:
    """
    Returns a version of the PROXY protocol; empty for none.

    @raise ValueError: if there is no such version.
    """
    if given not in (*VERSIONS, ""):
        raise ValueError(f"must be {' or '.join(VERSIONS)}, not {given!r}")
    return str(given)


def flag(given: object) -> bool:
    """
    Returns what a flag is.

    @raise ValueError: if it is neither true nor false.
    """
    if given not in (0, 1):
        raise ValueError(f"must be true or false, not {given!r}")
    return bool(given)


class Option(NamedTuple):
    """
    An option of a route.

    @ivar name: on the command line and in a configuration file.
    @ivar attribute: of L{Route<kcptwisted.services.relay.routes.Route>}.
    @ivar default: if it is not given.
    @ivar parse: makes the value of what was given, or raises C{ValueError}.
    @ivar meaning: for C{--help}.
    """

    name: str
    attribute: str
    default: Any
    parse: Callable[[object], Any]
    meaning: str

    @property
    def shownDefault(self) -> str:
        """
        The default, for people.
        """
        isNumber = isinstance(self.default, (int, float))
        return f"{self.default:g}" if isNumber else self.default or "none"


OPTIONS = (
    Option(
        "stop-timeout",
        "stopTimeout",
        STOP_TIMEOUT,
        seconds,
        "Seconds that a stop may take to deliver what was read; then connections are aborted.",
    ),
    Option(
        "max-connections",
        "maxConnections",
        0,
        count,
        "The most connections of a route at once; more are reset. 0 means no limit.",
    ),
    Option(
        "reconnect",
        "reconnect",
        0.0,
        seconds,
        "Seconds for which a target that cannot be reached is dialled again.",
    ),
    Option("quiet", "quiet", False, flag, "Log no line for each connection."),
    Option(
        "proxy-protocol",
        "proxyProtocol",
        "",
        proxyVersion,
        "Tell the target who the client is: v1 or v2 of the PROXY protocol.",
    ),
    Option(
        "reliable",
        "reliable",
        False,
        flag,
        "Carry datagrams of udp: in order, and none lost, not each by itself; at both ends.",
    ),
    Option(
        "flow-idle",
        "flowIdle",
        FLOW_IDLE,
        positiveSeconds,
        "Seconds without a datagram after which a flow of udp: is over.",
    ),
    Option(
        "max-flows",
        "maxFlows",
        MAX_FLOWS,
        positiveCount,
        "The most flows of udp: at once; the longest idle one makes room.",
    ),
)


def parseOptions(given: dict[str, Any]) -> dict[str, Any]:
    """
    Returns the attributes of a route.

    @param given: values by the names of options.
    @raise ValueError: if one is wrong.  The message begins with its name.
    """
    attributes = {}
    for option in OPTIONS:
        if option.name in given:
            try:
                attributes[option.attribute] = option.parse(given[option.name])
            except ValueError as problem:
                raise ValueError(f"{option.name} {problem}") from None
    return attributes
