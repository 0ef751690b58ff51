"""
Who is compared over links, and how the ends are started.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.benchmarks.children import ROOT
from tests.benchmarks.contenders import KCP_GO, OURS, SOCKET_BUFFER

_METER = [sys.executable, str(ROOT / "tests/benchmarks/meter.py")]
_PEER = [sys.executable, "-m", "kcptwisted.commands.bench.peer"]

#: Seconds after which a process ends that was forgotten.
WATCHDOG = 600

#: Bytes of a question and an answer, and questions a second.
PING, PINGS = 64, 10


@dataclass(frozen=True)
class LinkPeer:
    """
    One implementation with one setting.

    @ivar name: of the implementation.
    @ivar setting: of several of that name.
    @ivar meter: gives the command line of a server that counts, of the bytes that are enough.
    @ivar flood: that of a client that sends, of an address and bytes.
    @ivar echo: that of a server that echoes.
    @ivar ping: that of a client that sends questions on schedule, of an address and seconds.
    """

    name: str
    setting: str
    meter: Callable[[int], list[str]]
    flood: Callable[[str, int], list[str]]
    echo: Callable[[], list[str]]
    ping: Callable[[str, float], list[str]]


def ours(options: str = "") -> LinkPeer:
    """
    @param options: of both ends, besides cipher and buffers: C{":mode=fast"}.
    @return: ours.
    """
    rest = f":crypt=null:socketBuffer={SOCKET_BUFFER}{options}"
    listening = f"kcp:0:interface=127.0.0.1{rest}"
    watchdog = f"--timeout={WATCHDOG}"
    return LinkPeer(
        OURS,
        "",
        lambda size: [*_METER, "meter", listening, f"--bytes={size}"],
        lambda address, size: [*_METER, "flood", f"kcp:{address}{rest}", f"--bytes={size}"],
        lambda: [*_PEER, "serve", listening, "--role=echo", watchdog],
        lambda address, seconds: [
            *[*_PEER, "paced", f"kcp:{address}{rest}", watchdog, "--ready"],
            *[f"--size={PING}", f"--rate={PINGS}", f"--seconds={seconds}"],
        ],
    )


def kcpGo(binary: str, setting: str, *flags: str) -> LinkPeer:
    """
    @param binary: the path of C{gopeer}.
    @param flags: of both ends.
    @return: kcp-go.
    """
    common = [binary, f"-sockbuf={SOCKET_BUFFER}", f"-timeout={WATCHDOG}", *flags]
    serving = [*common, "-listen=127.0.0.1:0", "-stdin"]
    return LinkPeer(
        KCP_GO,
        setting,
        lambda size: [*serving, "-role=meter", f"-bytes={size}"],
        lambda address, size: [
            *[*common, f"-dial={address}", "-role=flood", "-ready"],
            f"-bytes={size}",
        ],
        lambda: [*serving, "-role=echo"],
        lambda address, seconds: [
            *[*common, f"-dial={address}", "-role=paced", "-ready"],
            *[f"-size={PING}", f"-rate={PINGS}", f"-seconds={seconds}"],
        ],
    )


def between(name: str, sender: LinkPeer, receiver: LinkPeer) -> LinkPeer:
    """
    @return: one implementation that sends to the other.
    """
    return replace(receiver, name=name, setting="", flood=sender.flood, ping=sender.ping)


def fullKCPGo(binary: str) -> LinkPeer:
    """
    @param binary: the path of C{gopeer}.
    @return: kcp-go as it gets most through: with a window that is never full.
    """
    return kcpGo(binary, "1024", "-mode=fast3", "-sndwnd=1024", "-rcvwnd=1024")


def fittedKCPGo(binary: str, segments: int) -> LinkPeer:
    """
    @param binary: the path of C{gopeer}.
    @param segments: the window that suits the link.
    @return: kcp-go as someone sets it who knows the link.
    """
    return kcpGo(binary, "fitted", "-mode=fast3", f"-sndwnd={segments}", f"-rcvwnd={segments}")
