"""
Suggestions for unknown options: other programs' names, and misspellings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from kcptwisted.options.table import OPTIONS

#: Names of kcptun's flags, of kcp-go's and C C{ikcp}'s functions and fields, and of what others
#: call the same, in small letters, without "set" and "ikcp" before them.
_OTHERS: dict[str, tuple[str, ...]] = {
    "sndwnd": ("sendWindow",),
    "rcvwnd": ("receiveWindow",),
    "windowsize": ("sendWindow", "receiveWindow"),
    "wndsize": ("sendWindow", "receiveWindow"),
    "window": ("sendWindow", "receiveWindow"),
    "datashard": ("dataShards",),
    "ds": ("dataShards",),
    "parityshard": ("parityShards",),
    "ps": ("parityShards",),
    "fec": ("dataShards", "parityShards"),
    "sockbuf": ("socketBuffer",),
    "readbuffer": ("socketBuffer",),
    "writebuffer": ("socketBuffer",),
    "sndbuf": ("socketBuffer",),
    "rcvbuf": ("socketBuffer",),
    "streammode": ("stream",),
    "minrto": ("nodelay",),
    "fastresend": ("resend",),
    "nocwnd": ("nc",),
    "deadlink": ("deadAfter",),
    "heartbeat": ("keepAlive",),
    "deadline": ("timeout",),
    "closewait": ("linger",),
    "backlog": ("maxSessions", "acceptRate"),
    "password": ("key",),
    "passphrase": ("key",),
    "secret": ("key",),
    "psk": ("key",),
    "cipher": ("crypt",),
    "method": ("crypt",),
    "encryption": ("crypt",),
    "filedescriptor": ("fd",),
    "descriptor": ("fd",),
    "fileno": ("fd",),
    "socket": ("fd",),
    "sock": ("fd",),
    "index": ("fd",),
    "localaddr": ("bindAddress",),
    "bind": ("bindAddress", "interface"),
    "interface": ("bindAddress",),
    "bindaddress": ("interface",),
    "listen": ("interface",),
    "address": ("interface",),
    "host": ("interface",),
}

#: kcptun's flags for what it does around KCP.
_KCPTUNS = {
    "nocomp", "smuxver", "smuxbuf", "framesize", "streambuf", "conn", "autoexpire", "scavengettl",
    "qpp", "qppcount", "snmplog", "snmpperiod", "pprof",
}  # fmt: skip

_FOUR_NUMBERS = re.compile(r"\W*([0-9]+)\W+([0-9]+)\W+([0-9]+)\W+([0-9]+)\W*", re.ASCII)


def holdsSecret(given: Mapping[str, str]) -> bool:
    """
    Returns True if the rest of an endpoint string may belong to a key with a colon in it.  Then no
    error may show it.
    """
    return "key" in given or "rawKey" in given


def suggestion(name: str, end: str, allowed: Sequence[str]) -> str:
    """
    Returns a hint for the user; empty if there is none.

    @param name: an option that C{end} does not have.
    @param end: "client" or "server".
    @param allowed: those that it has.
    """
    simple = re.sub(r"[^a-z0-9]", "", name.lower())
    simple = re.sub(r"^(ikcp)?(set)?(?=.)", "", simple)
    known: dict[str, tuple[str, ...]] = {option.lower(): (option,) for option in allowed}
    for other, ours in _OTHERS.items():
        here = tuple(option for option in ours if option in allowed)
        if here:
            known.setdefault(other, here)
    if simple in _KCPTUNS:
        return "it is for what kcptun does around KCP, which is not done here: leave it out"
    if simple not in known:
        if any(option.name == name for option in OPTIONS):
            return f"the {'server' if end == 'client' else 'client'} has it"
        simple = next(iter(get_close_matches(simple, known, 1, 0.7)), "")
    return f"did you mean {' and '.join(known[simple])}?" if simple else ""


def hint(name: str, value: object) -> str:
    """
    Returns, in brackets, how to write what the user may have meant; empty if that is not known.

    @param name: of an option.
    @param value: one that it cannot have.
    """
    if name == "mode" and value == "manual":
        return " (what it stands for are options beside any mode: nodelay, interval, resend and nc)"
    numbers = _FOUR_NUMBERS.fullmatch(value) if isinstance(value, str) else None
    if name == "nodelay" and numbers is not None:
        nodelay, interval, resend, nc = numbers.groups()
        return (
            " (these are four options:"
            f" nodelay={nodelay}:interval={interval}:resend={resend}:nc={nc})"
        )
    return ""
