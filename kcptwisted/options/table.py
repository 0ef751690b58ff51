"""
The table of options: notation, bounds and meaning of each.
"""

from __future__ import annotations

from typing import NamedTuple

from kcptwisted.arq import pacing
from kcptwisted.congestion.registry import CONTROLS, NONE
from kcptwisted.connection.mtusizes import LARGEST_MTU
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.wire.fec import MAXIMUM_SHARDS
from kcptwisted.wire.segment import OVERHEAD

MAXIMUM_MTU = LARGEST_MTU

#: Milliseconds between two ticks of the clock that drives flushes; kcp-go's smallest interval.
TICK = pacing.TICK


class Mode(NamedTuple):
    """
    A preset of kcptun's (docs/wire.md, "Modes"), but for the congestion control.
    """

    nodelay: bool
    interval: int
    resend: int


MODES = {
    "normal": Mode(False, 40, 2),
    "fast": Mode(False, 30, 2),
    "fast2": Mode(True, 20, 2),
    "fast3": Mode(True, 10, 2),
}


class Windows(NamedTuple):
    """
    Limits of memory, segments.

    @ivar send: the most in flight.
    @ivar receive: the most held for the application, at first.
    @ivar mostReceive: what that may grow to; 0 means that it stays.
    """

    send: int
    receive: int
    mostReceive: int = 0


#: Windows where a congestion control finds the path: they only limit memory.  They let 200 Mbit/s
#: pass over a round trip of 200 ms while something lost is sent again.
LARGE_WINDOWS = Windows(8192, 1024, 8192)

#: Windows that are all that limits what is in flight.
SMALL_WINDOWS = Windows(512, 1024)


class Option(NamedTuple):
    """
    One option's notation, bounds and meaning.

    @ivar name: as in an endpoint string and as a parameter of L{kcptwisted.options.KCPOptions}.
    @ivar kind: C{str}, C{int}, C{float} or C{bool}; a truth value is written yes, no, 1 or 0.
    @ivar ends: who takes it: "both", "client" or "server".
    @ivar unit: of a number, for people.
    @ivar low: the smallest value of a number.
    @ivar high: the largest value of a number.
    @ivar word: what may be written in place of a number; in code it is None.
    @ivar choices: the values of a string, if they are fixed.
    @ivar extensible: whether there may be choices that the user has added.
    @ivar default: for people, where the bare value says too little.
    @ivar meaning: one sentence.
    """

    name: str
    kind: type
    meaning: str
    ends: str = "both"
    unit: str = ""
    low: float = 0
    high: float = 0
    word: str = ""
    choices: tuple[str, ...] = ()
    extensible: bool = False
    default: str = ""

    @property
    def allowed(self) -> str:
        """
        What may be given, for people.
        """
        if self.choices:
            return ", ".join([*self.choices, *(["or one of your own"] if self.extensible else [])])
        if self.kind is bool:
            return "yes or no (1 or 0)"
        if self.kind is str:
            return "text"
        return f"{self.low} to {self.high}"

    @property
    def bounds(self) -> str:
        """
        What may be given, with its unit.
        """
        bounds = f"{self.allowed} {self.unit}".rstrip()
        return f"{bounds} or {self.word}" if self.word else bounds


OPTIONS = (
    Option("interface", str, "The address or host name to listen on.", ends="server",
           default="all of IPv4"),
    Option("bindAddress", str, "The address or host name to send from.", ends="client",
           default="any"),
    Option("fd", int, "The descriptor of a bound UDP socket to use, instead of a new one.", low=0,
           high=(1 << 31) - 1, default="none"),
    Option("systemd", str, "The number or name of a socket that systemd has opened, to use instead "
           "of a new one.", ends="server", default="none"),
    Option("crypt", str, "The cipher; the same at both ends.", choices=tuple(CIPHERS),
           extensible=True, default="aes-128-gcm with a key, else null"),
    Option("key", str, "A passphrase; the key is derived from it as kcptun does.", default="none"),
    Option("keyFile", str, "A file that holds the passphrase.", default="none"),
    Option("rawKey", str, "The key itself in hexadecimal digits, as long as the cipher's.",
           default="none"),
    Option("dataShards", int, "Data shards of a FEC group; 0 with parityShards=0 turns FEC off.",
           unit="datagrams", low=0, high=MAXIMUM_SHARDS - 1),
    Option("parityShards", int, "Parity shards of a FEC group; the sum is at most 256.",
           unit="datagrams", low=0, high=MAXIMUM_SHARDS - 1),
    Option("fecFlush", int, "Fill up a group, and send its parity, after so long without sending; "
           "0 means never.", unit="ms", low=0, high=5000),
    Option("mode", str, "A preset for the next three.", choices=tuple(MODES)),
    Option("nodelay", bool, "Retransmission timeouts from 30 ms on instead of 100, growing slower.",
           default="by mode"),
    Option("interval", int, "How long an ACK may wait, so that several share a datagram.",
           unit="ms", low=TICK, high=5000, default="by mode"),
    Option("resend", int, "Send a segment again after so many ACKs of later ones; 0 means never.",
           unit="ACKs", low=0, high=1000, default="by mode"),
    Option("congestion", str, "What limits the bytes in flight, beside the windows.",
           choices=(*CONTROLS, NONE), extensible=True, default="bbr, or by nc"),
    Option("nc", bool, "As kcp-go has it: yes is congestion=none, no is congestion=kcp.",
           default="by congestion"),
    Option("mtu", int, "The largest UDP payload, at least its headers and one byte; auto finds out "
           "what the path carries.", unit="bytes", low=OVERHEAD + 1, high=MAXIMUM_MTU,
           word="auto", default="auto"),
    Option("sendWindow", int, "The most segments in flight.", unit="segments", low=1, high=65535,
           default="8192; 512 with congestion=kcp or none"),
    Option("receiveWindow", int, "The most segments held for the application.", unit="segments",
           low=1, high=65535, default="1024, growing to 8192; 1024 with congestion=kcp or none"),
    Option("stream", bool, "A byte stream; with no, one write is one dataReceived at the peer."),
    Option("ackNoDelay", bool, "Send ACKs at once."),
    Option("writeDelay", bool, "Let writes wait for up to interval, not for the end of the turn."),
    Option("dscp", int, "Differentiated services code point of the datagrams.", low=0, high=63),
    Option("socketBuffer", int, "Kernel buffer for sending and for receiving.", unit="bytes",
           low=4096, high=1 << 30),
    Option("timeout", float, "How long connecting takes at most, look-ups and all addresses "
           "included.", ends="client", unit="seconds", low=0.001, high=86400),
    Option("handshake", bool, "Connect only when the peer has answered.", ends="client"),
    Option("linger", float, "How long a close waits for a peer that could acknowledge "
           "something, and does not.",
           unit="seconds", low=0, high=86400),
    Option("stopTimeout", float, "How long a stop lets connections deliver what was written before "
           "it aborts them.", ends="server", unit="seconds", low=0, high=86400,
           default="as linger"),
    Option("keepAlive", float, "Ask the peer for a sign of life after so long without one; 0 means "
           "never.", unit="seconds", low=0, high=86400),
    Option("deadAfter", float, "End the connection when that is not answered for so long.",
           unit="seconds", low=0.1, high=86400),
    Option("idleTimeout", float, "End the connection after so long without data of the "
           "application; 0 means never.", unit="seconds", low=0, high=86400),
    Option("sendQueueLimit", int, "End the connection when more than this waits to be sent; 0 "
           "means no limit.", unit="bytes", low=0, high=1 << 40),
    Option("rateLimit", int, "The most that a connection sends a second, parity included; 0 "
           "means no limit.", unit="bytes/s", low=0, high=1 << 40),
    Option("portRateLimit", int, "The most that all connections of a port send a second, fairly "
           "shared; at a client, those of its endpoint. Everything counts. 0 means no limit.",
           unit="bytes/s", low=0, high=1 << 40),
    Option("pacing", bool, "Spread what would leave in one burst over the round trip."),
    Option("maxSessions", int, "The most connections at once.", ends="server", low=1,
           high=1 << 20),
    Option("maxSessionsPerHost", int, "Of these, the most from one host (IPv6: one /64 network).",
           ends="server", low=1, high=1 << 20),
    Option("acceptRate", float, "The most new connections a second; so many may also come at once.",
           ends="server", unit="per second", low=1, high=1 << 20),
    Option("workers", int, "How many processes serve the port: each runs the whole program again. "
           "What else is limited for a server is so for each of them, but portRateLimit for all.",
           ends="server", low=1, high=64),
    Option("retry", bool, "Take no connection, from a client that knows kcptwisted's control "
           "frames, before it has shown that it is at its address.", ends="server"),
    Option("trace", bool, "Log each segment, at the level debug."),
    Option("qlog", str, "A directory for a file of each connection, that tells what it does.",
           default="none"),
)  # fmt: skip
