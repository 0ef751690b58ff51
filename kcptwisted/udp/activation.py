"""
Sockets that systemd has opened for this process (sd_listen_fds(3)).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: The first descriptor.
START = 3

#: What the environment was when the process began.  Twisted takes the variables out of
#: C{os.environ} when it is imported.
_INITIAL = Path("/proc/self/environ")


def activatedDescriptor(which: str, environ: Mapping[str, str] | None = None) -> int:
    """
    Returns the descriptor of a socket that systemd has opened.

    @param which: its number, from 0 on in the order of the C{.socket} unit, or its name
        (C{FileDescriptorName=}).
    @param environ: the variables; None means the process's.
    @raise ValueError: if there is no such socket; says what there is.
    """
    variables = _ofProcess() if environ is None else environ
    names = _names(variables)
    if which.isascii() and which.isdigit():
        if int(which) < len(names):
            return START + int(which)
        raise ValueError(f"systemd must be less than {len(names)}, the number of sockets")
    if names.count(which) == 1:
        return START + names.index(which)
    if which in names:
        raise ValueError(
            f"systemd={which} is the name of {names.count(which)} sockets: give a number"
        )
    known = ", ".join(sorted(set(names)))
    raise ValueError(f"systemd must be a number or one of {known}, not {which!r}")


def _names(variables: Mapping[str, str]) -> list[str]:
    """
    Returns the names of all sockets, in their order.
    """
    count, process = variables.get("LISTEN_FDS", ""), variables.get("LISTEN_PID", "")
    if not (count.isascii() and count.isdigit() and int(count)):
        raise ValueError("systemd has given this process no socket (LISTEN_FDS)")
    if process != str(os.getpid()):
        raise ValueError(
            f"systemd has given its sockets to process {process}, not to this one"
            " (LISTEN_PID): run twistd with -n, and no other program before it"
        )
    names = variables.get("LISTEN_FDNAMES", "").split(":")
    return names if len(names) == int(count) else ["unknown"] * int(count)


def _ofProcess() -> Mapping[str, str]:
    if "LISTEN_FDS" in os.environ:
        return os.environ
    try:
        pairs = _INITIAL.read_bytes().split(b"\0")
    except OSError:
        return {}
    fields = (os.fsdecode(pair).partition("=") for pair in pairs if pair)
    return {name: value for name, _, value in fields}
