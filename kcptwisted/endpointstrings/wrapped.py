"""
The parts of a C{smux:} endpoint string: smux's options, and the string that it wraps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import FrameType

from twisted.internet.endpoints import quoteStringArgument

from kcptwisted.endpointstrings.parts import checkRepeated
from kcptwisted.smux.options import SMUX_OPTIONS, SmuxOptions

#: How many sessions a client has: an option of the endpoint, not of a session.
CONNECTIONS = "conn"

#: The most of them.
MOST_CONNECTIONS = 1024

_NAMES = [option.name for option in SMUX_OPTIONS]

#: What kcptun calls them.
_KCPTUNS = {
    "smuxver": "version",
    "smuxbuf": "sessionBuffer",
    "streambuf": "streamBuffer",
    "framesize": "frameSize",
    "keepalive": "keepAliveInterval",
}

_SHAPE = {
    "client": "smux: wraps another endpoint, as in smux:kcp:host:port or smux:conn=4:tcp:host:port",
    "server": "smux: wraps another endpoint, as in smux:kcp:port or smux:version=1:tcp:port",
}


def wrappedDescription(
    caller: FrameType | None, end: str, args: Sequence[str], kwargs: Mapping[str, str]
) -> str:
    """
    Returns the endpoint string that is wrapped.

    @param caller: the frame that called the parser.
    @param end: "client" or "server".
    @param args: what the string has without a name.
    @param kwargs: what it has with a name.
    @raise ValueError: if there is none, or an option is given twice.
    """
    own = {CONNECTIONS, *_NAMES}
    checkRepeated(caller, own)
    if not args:
        raise ValueError(_SHAPE[end])
    for name in kwargs:
        if name not in own and name.lower() in _KCPTUNS:
            raise ValueError(f"unknown option {name!r}: did you mean {_KCPTUNS[name.lower()]}?")
    parts = [quoteStringArgument(part) for part in args]
    for name, value in kwargs.items():
        if name not in own:
            parts.append(f"{quoteStringArgument(name)}={quoteStringArgument(value)}")
    return ":".join(parts)


def takeOptions(kwargs: Mapping[str, str], end: str) -> tuple[SmuxOptions, int]:
    """
    Returns smux's options, and the number of a client's sessions.

    @raise ValueError: names the option that is wrong and what is allowed.
    """
    options = SmuxOptions.fromStrings({name: kwargs[name] for name in _NAMES if name in kwargs})
    text = kwargs.get(CONNECTIONS)
    if text is None:
        return options, 1
    if end == "server":
        raise ValueError(f"{CONNECTIONS} is an option of clients: a server takes any number")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_CONNECTIONS):
        raise ValueError(
            f"{CONNECTIONS} must be a number, 1 to {MOST_CONNECTIONS} sessions, not {text!r}"
        )
    return options, int(text)
