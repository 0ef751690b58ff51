"""
The options of an endpoint: defaults and checks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import NONE, CongestionSpec, findCongestionControl
from kcptwisted.connection.mtusizes import BASE_MTU
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.crypt.registry import CipherSpec, findCipher
from kcptwisted.options.checks import LIVE, checkChange, checkDirectory, checkValue
from kcptwisted.options.hosts import checkHost, checkName
from kcptwisted.options.passphrases import KEY_VARIABLE, KeySource
from kcptwisted.options.table import (
    LARGE_WINDOWS,
    MAXIMUM_MTU,
    MODES,
    OPTIONS,
    SMALL_WINDOWS,
    TICK,
    Mode,
    Option,
    Windows,
)
from kcptwisted.options.text import markdownTable, parseOptions
from kcptwisted.wire.control import Feature
from kcptwisted.wire.fec import FEC_OVERHEAD, MAXIMUM_SHARDS
from kcptwisted.wire.segment import OVERHEAD

#: Milliseconds without a new acknowledgement after which a link can be dead, without keepalive.
DEAD_LINK_AFTER = 10_000

#: The cipher when a key is given and no C{crypt=}.
DEFAULT_CIPHER = "aes-128-gcm"

#: The congestion control, if nothing says otherwise.
DEFAULT_CONGESTION = "bbr"

_BY_NC = {True: NONE, False: "kcp"}


@dataclass(frozen=True)
class KCPOptions:
    """
    The checked options of one endpoint.  Each parameter is the endpoint option of that name; see
    L{kcptwisted.options.table.OPTIONS} for meaning, unit and bounds.

    @raise ValueError: names the option that is wrong and what is allowed.  It never holds a key.
    """

    interface: str = ""
    bindAddress: str = ""
    fd: int | None = None
    systemd: str | None = None
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
    congestion: str | None = None
    nc: bool | None = None
    mtu: int | None = None
    sendWindow: int | None = None
    receiveWindow: int | None = None
    stream: bool = True
    ackNoDelay: bool = False
    writeDelay: bool = False
    dscp: int = 0
    socketBuffer: int = 4194304
    timeout: float = 30.0
    handshake: bool = True
    linger: float = 30.0
    stopTimeout: float | None = None
    keepAlive: float = 10.0
    deadAfter: float = 30.0
    idleTimeout: float = 0.0
    sendQueueLimit: int = 0
    rateLimit: int = 0
    portRateLimit: int = 0
    pacing: bool = True
    maxSessions: int = 32768
    maxSessionsPerHost: int = 16384
    acceptRate: float = 2000.0
    workers: int = 1
    retry: bool = False
    trace: bool = False
    qlog: str = ""
    #: Where KCP_KEY is looked up.
    environ: Mapping[str, str] = field(
        default_factory=lambda: os.environ, repr=False, compare=False
    )
    #: The cipher's key, from whichever option or variable gives it.
    cipherKey: bytes = field(init=False, repr=False)
    # By overhead: all sessions have the same.
    _settings: dict[int, ARQSettings] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _connectionSettings: dict[int, ConnectionSettings] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        for option in OPTIONS:
            self._check(option, getattr(self, option.name))
        for name in ("interface", "bindAddress"):
            host = getattr(self, name)
            if host:
                object.__setattr__(self, name, checkName(checkHost(host, name), name))
        if self.systemd is not None and not self.systemd.strip():
            raise ValueError("systemd must be the number or the name of a socket")
        if (self.dataShards == 0) != (self.parityShards == 0):
            raise ValueError("dataShards and parityShards must both be 0 or both be at least 1")
        if self.dataShards + self.parityShards > MAXIMUM_SHARDS:
            raise ValueError(
                f"dataShards and parityShards must be at most {MAXIMUM_SHARDS} together"
            )
        self._checkCongestion()
        if self.qlog:
            checkDirectory(self.qlog, "qlog")
        if self.fecFlush and not self.dataShards:
            raise ValueError("fecFlush must be 0 or left out without dataShards and parityShards")
        if self.workers > 1 and not sys.platform.startswith("linux"):
            raise ValueError("workers must be 1 on this system: only Linux shares a port out")
        object.__setattr__(self, "cipherKey", self._findKey())
        self.checkMtu(self.overhead)

    def _checkCongestion(self) -> None:
        spec = self.congestionSpec
        if spec is not None:
            try:
                spec.make(self.firstMtu, 0)
            except Exception as problem:
                raise ValueError(
                    f"congestion must be one that can be made: {spec.name} raises {problem!r}"
                ) from problem
        if self.congestion is not None and self.nc is not None:
            meant = _BY_NC[self.nc]
            if meant != self.congestion:
                said = "yes" if self.nc else "no"
                raise ValueError(
                    f"congestion must be {meant} or left out with nc={said}, not {self.congestion}"
                )

    def checkMtu(self, overhead: int) -> None:
        """
        @param overhead: bytes of a UDP payload that the layers below KCP take.
        @raise ValueError: if that leaves no room for a segment's header and one byte.
        """
        least = overhead + OVERHEAD + 1
        if self.firstMtu < least:
            raise ValueError(
                f"mtu must be {least} to {MAXIMUM_MTU} with these layers, not {self.firstMtu}"
            )

    @property
    def searchesMtu(self) -> bool:
        """
        Whether datagrams become as large as the path carries.
        """
        return self.mtu is None

    @property
    def firstMtu(self) -> int:
        """
        The largest UDP payload of a connection that has not searched for its path's MTU, bytes.
        """
        return BASE_MTU if self.mtu is None else self.mtu

    @staticmethod
    def _check(option: Option, value: object) -> None:
        if value is not None or getattr(KCPOptions, option.name) is not None:
            checkValue(option, value)

    def _findKey(self) -> bytes:
        source = KeySource(self.key, self.keyFile, self.rawKey)
        return source.keyFor(self._cipher(bool(source.given())), self.environ)

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
    def stopLimit(self) -> float:
        """
        Seconds that a stop may take.
        """
        return self.linger if self.stopTimeout is None else self.stopTimeout

    @property
    def unprotected(self) -> bool:
        """
        Whether neither a key nor a cipher was asked for.
        """
        return self.crypt is None and not self.cipherKey

    @property
    def keyUnused(self) -> bool:
        """
        Whether KCP_KEY is set, and neither a key nor a cipher was asked for.
        """
        return self.unprotected and bool(self.environ.get(KEY_VARIABLE))

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

    @cached_property
    def timing(self) -> Mode:
        """
        The mode's four values, with those of them that were given in their place.
        """
        preset = MODES[self.mode]
        given = {name: getattr(self, name) for name in Mode._fields}
        return preset._replace(
            **{name: value for name, value in given.items() if value is not None}
        )

    @property
    def congestionName(self) -> str:
        """
        The name of the congestion control.
        """
        if self.congestion is not None:
            return self.congestion
        return DEFAULT_CONGESTION if self.nc is None else _BY_NC[self.nc]

    @cached_property
    def congestionSpec(self) -> CongestionSpec | None:
        """
        The congestion control; None if only the windows limit what is in flight.
        """
        return findCongestionControl(self.congestionName)

    @property
    def windows(self) -> Windows:
        """
        The windows: those given, or by congestion control.
        """
        spec = self.congestionSpec
        default = SMALL_WINDOWS if spec is None or not spec.findsPath else LARGE_WINDOWS
        if self.sendWindow is not None:
            default = default._replace(send=self.sendWindow)
        if self.receiveWindow is not None:
            default = default._replace(receive=self.receiveWindow, mostReceive=0)
        return default

    def arqSettings(self, overhead: int) -> ARQSettings:
        """
        The settings of the ARQ core; one object for all sessions.

        @param overhead: bytes of a UDP payload that the layers below it take.
        """
        if overhead not in self._settings:
            self._settings[overhead] = self._arqSettings(overhead)
        return self._settings[overhead]

    @property
    def features(self) -> Feature:
        """
        What an end with these options can do.
        """
        # To follow a peer elsewhere takes a cipher that says who is the peer.
        roaming = Feature.ROAMING if self.authenticated else Feature.NONE
        mode = Feature.STREAM if self.stream else Feature.MESSAGES
        return roaming | mode | Feature.PROBES

    def connectionSettings(self, overhead: int) -> ConnectionSettings:
        """
        Returns what concerns connections; one object for all sessions.

        @param overhead: bytes of a UDP payload that the layers below KCP take.
        """
        settings = self._connectionSettings.get(overhead)
        if settings is None:
            settings = self._connectionSettings[overhead] = ConnectionSettings(
                arq=self.arqSettings(overhead),
                keepAlive=self.keepAlive,
                deadAfter=self.deadAfter,
                idleTimeout=self.idleTimeout,
                linger=self.linger,
                handshake=self.handshake,
                features=self.features,
                overhead=overhead,
                searchesMtu=self.searchesMtu,
            )
        return settings

    def _arqSettings(self, overhead: int) -> ARQSettings:
        timing, windows = self.timing, self.windows
        spec = self.congestionSpec
        rateLimit = self.rateLimit
        # A link may be out for as long as the keepalive would bear it.
        patience = self.keepAlive + self.deadAfter if self.keepAlive else 0.0
        if rateLimit and self.dataShards:
            # Parity takes the rest.
            share = rateLimit * self.dataShards // (self.dataShards + self.parityShards)
            rateLimit = max(share, 1)
        return ARQSettings(
            mtu=self.firstMtu - overhead,
            sendWindow=windows.send,
            receiveWindow=windows.receive,
            mostReceiveWindow=windows.mostReceive,
            nodelay=timing.nodelay,
            interval=timing.interval,
            # Acted upon at the clock's next tick, so that an ACK waits at most the interval.
            ackDelay=timing.interval - TICK,
            resend=timing.resend,
            stream=self.stream,
            ackNoDelay=self.ackNoDelay,
            rateLimit=rateLimit,
            pacing=self.pacing,
            congestion=spec,
            detectsLossByTime=spec is not None and spec.findsPath and self.resend is None,
            deadLinkAfter=max(DEAD_LINK_AFTER, int(patience * 1000)),
            leastMtu=self.firstMtu - overhead if self.searchesMtu else 0,
        )

    def changed(self, **changes: Any) -> KCPOptions:
        """
        Returns these options with some that can be changed on a live connection in place of others:
        L{LIVE}.

        @raise ValueError: names the option that cannot be changed, or is wrong, and what is
            allowed.
        """
        options = copy(self)
        for name, value in changes.items():
            self._check(checkChange(name, "a live connection", LIVE), value)
            object.__setattr__(options, name, value)
        if changes.get("nc") is not None and changes.get("congestion") is None:
            object.__setattr__(options, "congestion", None)
        elif changes.get("congestion") is not None and changes.get("nc") is None:
            object.__setattr__(options, "nc", None)
        # What has been worked out from the others.
        for name in ("timing", "congestionSpec"):
            vars(options).pop(name, None)
        options._checkCongestion()
        options.checkMtu(options.overhead)
        for name in ("_settings", "_connectionSettings"):
            object.__setattr__(options, name, {})
        return options

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
        values: dict[str, Any] = dict(parseOptions(given, end))
        if environ is not None:
            values["environ"] = environ
        return cls(**values)


def optionTable() -> str:
    """
    Returns the options as a Markdown table.
    """
    return markdownTable({item.name: item.default for item in fields(KCPOptions)})
