"""
Every tunable of an endpoint: name, default, unit and bounds, checked in one place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from kcptwisted.arq.segment import OVERHEAD
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.crypt.keys import deriveKey
from kcptwisted.crypt.registry import CIPHERS, CipherSpec, findCipher
from kcptwisted.fec.packet import FEC_OVERHEAD, MAXIMUM_SHARDS

#: Holds the passphrase when a cipher needs one and no option gives it.
KEY_VARIABLE = "KCP_KEY"

#: The cipher when a key is given and no C{crypt=}.
DEFAULT_CIPHER = "aes-128-gcm"

MAXIMUM_MTU = 1500

#: Milliseconds between two ticks of the clock that drives flushes; kcp-go's smallest interval.
TICK = 10

_TRUTH = {"yes": True, "no": False, "1": True, "0": False}


class Mode(NamedTuple):
    """
    A preset of kcptun's (docs/wire.md, "Modes").
    """

    nodelay: bool
    interval: int
    resend: int
    nc: bool


MODES = {
    "normal": Mode(False, 40, 2, True),
    "fast": Mode(False, 30, 2, True),
    "fast2": Mode(True, 20, 2, True),
    "fast3": Mode(True, 10, 2, True),
}


class Option(NamedTuple):
    """
    How one option is written, checked and explained.

    @ivar name: as in an endpoint string and as a parameter of L{KCPOptions}.
    @ivar kind: C{str}, C{int}, C{float} or C{bool}; a truth value is written yes, no, 1 or 0.
    @ivar ends: who takes it: "both", "client" or "server".
    @ivar unit: of a number, for people.
    @ivar low: the smallest value of a number.
    @ivar high: the largest value of a number.
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
        return f"{self.allowed} {self.unit}".rstrip()


OPTIONS = (
    Option("interface", str, "The address or host name to listen on.", ends="server",
           default="all of IPv4"),
    Option("bindAddress", str, "The address or host name to send from.", ends="client",
           default="any"),
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
    Option("mode", str, "A preset for the next four.", choices=tuple(MODES)),
    Option("nodelay", bool, "Retransmission timeouts from 30 ms on instead of 100, growing slower.",
           default="by mode"),
    Option("interval", int, "How long an ACK may wait for company.", unit="ms", low=TICK, high=5000,
           default="by mode"),
    Option("resend", int, "Send a segment again after so many ACKs of later ones; 0 means never.",
           unit="ACKs", low=0, high=1000, default="by mode"),
    Option("nc", bool, "No congestion window.", default="by mode"),
    Option("mtu", int, "The largest UDP payload; at least its headers and one byte.", unit="bytes",
           low=OVERHEAD + 1, high=MAXIMUM_MTU),
    Option("sendWindow", int, "The most segments in flight.", unit="segments", low=1, high=65535),
    Option("receiveWindow", int, "The most segments held for the application.", unit="segments",
           low=1, high=65535),
    Option("stream", bool, "A byte stream; with no, one write is one dataReceived at the peer."),
    Option("ackNoDelay", bool, "Send ACKs at once."),
    Option("writeDelay", bool, "Let writes wait for up to interval, not for the end of the turn."),
    Option("dscp", int, "Differentiated services code point of the datagrams.", low=0, high=63),
    Option("socketBuffer", int, "Kernel buffer for sending and for receiving.", unit="bytes",
           low=4096, high=1 << 30),
    Option("timeout", float, "How long to wait for the peer's first answer.", ends="client",
           unit="seconds", low=0.001, high=86400),
    Option("handshake", bool, "Connect only when the peer has answered.", ends="client"),
    Option("linger", float, "How long a close waits while the peer acknowledges nothing.",
           unit="seconds", low=0, high=86400),
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
    Option("pacing", bool, "Spread what would leave in one burst over the round trip."),
    Option("maxSessions", int, "The most connections at once.", ends="server", low=1,
           high=1 << 20),
    Option("maxSessionsPerHost", int, "Of these, the most from one host (IPv6: one /64 network).",
           ends="server", low=1, high=1 << 20),
    Option("acceptRate", float, "The most new connections a second; so many may also come at once.",
           ends="server", unit="per second", low=1, high=1 << 20),
    Option("retry", bool, "Take no connection, from a client that knows kcptwisted's control "
           "frames, before it has shown that it is at its address.", ends="server"),
    Option("trace", bool, "Log each segment, at the level debug."),
)  # fmt: skip

_BY_NAME = {option.name: option for option in OPTIONS}


@dataclass(frozen=True)
class KCPOptions:
    """
    The checked options of one endpoint.  Each parameter is the endpoint option of that name; see
    L{OPTIONS} for meaning, unit and bounds.

    @raise ValueError: names the option that is wrong and what is allowed.  It never holds a key.
    """

    interface: str = ""
    bindAddress: str = ""
    crypt: str | None = None
    key: str | None = field(default=None, repr=False)
    keyFile: str | None = None
    rawKey: str | None = field(default=None, repr=False)
    dataShards: int = 0
    parityShards: int = 0
    fecFlush: int = 0
    mode: str = "fast"
    nodelay: bool | None = None
    interval: int | None = None
    resend: int | None = None
    nc: bool | None = None
    mtu: int = 1400
    sendWindow: int = 512
    receiveWindow: int = 1024
    stream: bool = True
    ackNoDelay: bool = False
    writeDelay: bool = False
    dscp: int = 0
    socketBuffer: int = 4194304
    timeout: float = 30.0
    handshake: bool = True
    linger: float = 30.0
    keepAlive: float = 10.0
    deadAfter: float = 30.0
    idleTimeout: float = 0.0
    sendQueueLimit: int = 0
    rateLimit: int = 0
    pacing: bool = True
    maxSessions: int = 32768
    maxSessionsPerHost: int = 16384
    acceptRate: float = 2000.0
    retry: bool = False
    trace: bool = False
    #: Where KCP_KEY is looked up.
    environ: Mapping[str, str] = field(
        default_factory=lambda: os.environ, repr=False, compare=False
    )
    #: The cipher's key, from whichever option or variable gives it.
    cipherKey: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for option in OPTIONS:
            self._check(option, getattr(self, option.name))
        if (self.dataShards == 0) != (self.parityShards == 0):
            raise ValueError("dataShards and parityShards must both be 0 or both be at least 1")
        if self.dataShards + self.parityShards > MAXIMUM_SHARDS:
            raise ValueError(
                f"dataShards and parityShards must be at most {MAXIMUM_SHARDS} together"
            )
        if self.fecFlush and not self.dataShards:
            raise ValueError("fecFlush must be 0 or left out without dataShards and parityShards")
        object.__setattr__(self, "cipherKey", self._findKey())
        self.checkMtu(self.overhead)

    def checkMtu(self, overhead: int) -> None:
        """
        @param overhead: bytes of a UDP payload that the layers below KCP take.
        @raise ValueError: if that leaves no room for a segment's header and one byte.
        """
        least = overhead + OVERHEAD + 1
        if self.mtu < least:
            raise ValueError(
                f"mtu must be {least} to {MAXIMUM_MTU} with these layers, not {self.mtu}"
            )

    @staticmethod
    def _check(option: Option, value: object) -> None:
        name = option.name
        if value is None and getattr(KCPOptions, name) is None:
            return
        kind = (int, float) if option.kind is float else option.kind
        if not isinstance(value, kind) or (isinstance(value, bool) and option.kind is not bool):
            raise ValueError(f"{name} must be {option.kind.__name__}, not {type(value).__name__}")
        if option.choices and value not in option.choices and not option.extensible:
            raise ValueError(f"{name} must be one of {option.allowed}, not {value!r}")
        if (
            isinstance(value, (int, float))
            and option.kind is not bool
            and not (option.low <= value <= option.high)
        ):
            raise ValueError(f"{name} must be {option.bounds}, not {value}")

    def _findKey(self) -> bytes:
        given = [name for name in ("key", "keyFile", "rawKey") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: give one")
        cipher = self._cipher(bool(given))
        if not cipher.keyBytes:
            if given:
                raise ValueError(f"{given[0]} must be left out: crypt={cipher.name} has no key")
            return b""
        if self.rawKey is not None:
            return self._parseRawKey(self.rawKey, cipher)
        source, passphrase = "key", self.key
        if self.keyFile is not None:
            passphrase = self._readKeyFile(self.keyFile)
        elif passphrase is None:
            source, passphrase = KEY_VARIABLE, self.environ.get(KEY_VARIABLE)
        if not passphrase:
            raise ValueError(
                f"crypt={cipher.name} needs a key that is not empty: give key, keyFile or rawKey, "
                f"or set {KEY_VARIABLE} in the environment"
            )
        try:
            return deriveKey(passphrase, cipher.keyBytes)
        except UnicodeEncodeError:
            # Its message would show the passphrase.
            raise ValueError(f"{source} must be text that UTF-8 can encode") from None

    @staticmethod
    def _parseRawKey(text: str, cipher: CipherSpec) -> bytes:
        # The message of bytes.fromhex's error could show a part of the key.
        digits = "0123456789abcdefABCDEF"
        fits = text and len(text) % 2 == 0 if cipher.anyKey else len(text) == 2 * cipher.keyBytes
        if not fits or any(digit not in digits for digit in text):
            count = "two for each byte:" if cipher.anyKey else 2 * cipher.keyBytes
            raise ValueError(f"rawKey must be {count} hexadecimal digits with crypt={cipher.name}")
        return bytes.fromhex(text)

    @staticmethod
    def _readKeyFile(path: str) -> str:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ValueError(f"keyFile must be UTF-8 text: {path}") from None
        except (OSError, ValueError) as error:
            raise ValueError(f"keyFile cannot be read: {error}") from None

    def _cipher(self, hasKey: bool) -> CipherSpec:
        default = DEFAULT_CIPHER if hasKey else "null"
        return findCipher(default if self.crypt is None else self.crypt)

    @property
    def cipher(self) -> CipherSpec:
        """
        The cipher in use.
        """
        return self._cipher(bool(self.cipherKey))

    @property
    def unprotected(self) -> bool:
        """
        Whether neither a key nor a cipher was asked for.
        """
        return self.crypt is None and not self.cipherKey

    @property
    def authenticated(self) -> bool:
        """
        Whether the cipher lets nothing pass but what somebody with the key has sent.
        """
        return self.cipher.authenticates

    @property
    def overhead(self) -> int:
        """
        Bytes of a UDP payload that are not KCP's.
        """
        return self.cipher.overhead + (FEC_OVERHEAD if self.dataShards else 0)

    @property
    def timing(self) -> Mode:
        """
        The mode's four values, with those of them that were given in their place.
        """
        preset = MODES[self.mode]
        given = {name: getattr(self, name) for name in Mode._fields}
        return preset._replace(
            **{name: value for name, value in given.items() if value is not None}
        )

    def arqSettings(self, overhead: int) -> ARQSettings:
        """
        What concerns the ARQ core.

        @param overhead: bytes of a UDP payload that the layers below it take.
        """
        timing = self.timing
        rateLimit = self.rateLimit
        if rateLimit and self.dataShards:
            # The rest is for parity.
            share = rateLimit * self.dataShards // (self.dataShards + self.parityShards)
            rateLimit = max(share, 1)
        return ARQSettings(
            mtu=self.mtu - overhead,
            sendWindow=self.sendWindow,
            receiveWindow=self.receiveWindow,
            nodelay=timing.nodelay,
            interval=timing.interval,
            # Acted upon at the clock's next tick, so that an ACK waits at most the interval.
            ackDelay=timing.interval - TICK,
            resend=timing.resend,
            stream=self.stream,
            ackNoDelay=self.ackNoDelay,
            rateLimit=rateLimit,
            pacing=self.pacing,
        )

    @classmethod
    def fromStrings(
        cls, given: Mapping[str, str], end: str, environ: Mapping[str, str] | None = None
    ) -> KCPOptions:
        """
        From the parts of an endpoint string.

        @param given: option name to text.
        @param end: "client" or "server".
        @param environ: where KCP_KEY is looked up; the process's environment if None.
        @raise ValueError: as the class does.
        """
        allowed = [option.name for option in OPTIONS if option.ends in ("both", end)]
        values: dict[str, Any] = {}
        for name, text in given.items():
            if name not in allowed:
                raise ValueError(f"unknown {end} option {name!r}; allowed are {', '.join(allowed)}")
            values[name] = _parse(_BY_NAME[name], text)
        if environ is not None:
            values["environ"] = environ
        return cls(**values)


def _parse(option: Option, text: str) -> object:
    if option.kind is str:
        return text
    if option.kind is bool:
        truth = _TRUTH.get(text)
        if truth is None:
            raise ValueError(f"{option.name} must be {option.allowed}, not {text!r}")
        return truth
    try:
        return option.kind(text)
    except ValueError:
        raise ValueError(f"{option.name} must be a number, {option.bounds}, not {text!r}") from None


def optionTable() -> str:
    """
    @return: the options as a Markdown table.
    """
    defaults = {item.name: item.default for item in fields(KCPOptions)}
    rows = ["| option | end | default | allowed | meaning |", "| --- | --- | --- | --- | --- |"]
    for option in OPTIONS:
        default: object = defaults[option.name]
        if isinstance(default, bool):
            default = "yes" if default else "no"
        elif isinstance(default, float):
            default = f"{default:g}"
        shown = option.default or str(default)
        rows.append(
            f"| `{option.name}` | {option.ends} | {shown} | {option.bounds} | {option.meaning} |"
        )
    return "\n".join(rows) + "\n"
