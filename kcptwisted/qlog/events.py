"""
The records of a file: its header, and events with their data.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kcptwisted.arq.sender import Sender
from kcptwisted.congestion.bbr import (
    BBR,
    CRUISE,
    DOWN,
    DRAIN,
    HOLD,
    PROBE_RTT,
    STARTUP,
    UP,
)
from kcptwisted.congestion.kcp import KCPWindow
from kcptwisted.connection.events import Cause
from kcptwisted.wire.control import decodeBlock
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, Segment, decodeSegments

FILE_SCHEMA = "urn:ietf:params:qlog:file:sequential"
SERIALIZATION = "application/qlog+json-seq"
#: What documents the events: docs/qlog.md.
EVENT_SCHEMA = "urn:kcptwisted:qlog:events:kcp"

_FRAMES = {PUSH: "push", ACK: "ack", WASK: "wask", WINS: "wins"}

_PHASES = {
    STARTUP: "startup",
    DRAIN: "drain",
    CRUISE: "cruise",
    UP: "probe_up",
    HOLD: "probe_hold",
    DOWN: "probe_down",
    PROBE_RTT: "probe_rtt",
}

#: What the schema of QUIC's events calls the causes of an end.
_TRIGGERS = {
    Cause.CLOSED: "clean",
    Cause.ABORTED: "aborted",
    Cause.IDLE: "idle_timeout",
    Cause.PEER_TIMEOUT: "idle_timeout",
    Cause.PEER_RESET: "stateless_reset",
    Cause.PEER_RESTARTED: "stateless_reset",
}

Data = dict[str, Any]


class Begun(NamedTuple):
    """
    What is known when a connection begins.

    @ivar conv: the conversation id.
    @ivar isClient: this end has begun it.
    @ivar wallClock: when, as in RFC 3339.
    @ivar local: host and port of this end.
    @ivar remote: of the peer.
    """

    conv: int
    isClient: bool
    wallClock: str
    local: tuple[str, int]
    remote: tuple[str, int]

    @property
    def role(self) -> str:
        """
        The vantage point.
        """
        return "client" if self.isClient else "server"


def header(begun: Begun, version: str) -> Data:
    """
    Returns the first record of a file.

    @param version: of this package.
    """
    return {
        "file_schema": FILE_SCHEMA,
        "serialization_format": SERIALIZATION,
        "title": f"kcptwisted {version}",
        "trace": {
            "event_schemas": [EVENT_SCHEMA],
            "vantage_point": {"name": f"kcptwisted {version}", "type": begun.role},
            "common_fields": {
                "group_id": f"{begun.conv:08x}",
                "time_format": "relative_to_epoch",
                "reference_time": {
                    "clock_type": "monotonic",
                    "epoch": "unknown",
                    "wall_clock_time": begun.wallClock,
                },
            },
        },
    }


def event(time: float, name: str, data: Data) -> Data:
    """
    Returns an event.

    @param time: milliseconds since the connection began.
    """
    return {"time": time, "name": f"kcp:{name}", "data": data}


def endpointInfo(address: tuple[str, int]) -> Data:
    """
    Returns an address.
    """
    host, port = address
    version = "v6" if ":" in host else "v4"
    return {f"ip_{version}": host, f"port_{version}": port}


def packet(datagram: bytes) -> tuple[Data, list[Segment]]:
    """
    Returns the data of an event about a datagram of segments, and the segments.
    """
    try:
        segments = decodeSegments(datagram)
    except ValueError:
        segments = []
    data: Data = {"raw": {"length": len(datagram)}}
    if segments:
        data["header"] = {"conv": segments[0].conv}
    data["frames"] = [_frame(segment) for segment in segments]
    return data, segments


def _frame(segment: Segment) -> Data:
    found: Data = {
        "frame_type": _FRAMES.get(segment.cmd, "unknown"),
        "sn": segment.sn,
        "una": segment.una,
        "wnd": segment.wnd,
        "ts": segment.ts,
        "frg": segment.frg,
        "raw": {"payload_length": len(segment.data)},
    }
    block = decodeBlock(segment.data) if segment.cmd in (WASK, WINS) else None
    if block is not None:
        found["control"] = [type(frame).__name__.lower() for frame in block.frames]
    return found


def metrics(sender: Sender) -> Data:
    """
    Returns what is measured, as the schema of QUIC's events names it: times in milliseconds, sizes
    in bytes, the pacing rate in bits a second.
    """
    rtt, limits = sender.rtt, sender.limits
    found: Data = {
        "bytes_in_flight": sender.bytesInFlight,
        "packets_in_flight": len(sender.inFlight),
    }
    if rtt.least >= 0:
        found["min_rtt"] = rtt.least
        found["smoothed_rtt"] = round(rtt.smoothed, 3)
        found["rtt_variance"] = round(rtt.variation, 3)
    window = limits.congestionWindow(sender.una)
    if window:
        found["congestion_window"] = window
    if limits.pacer.rate:
        found["pacing_rate"] = 8 * limits.pacer.rate
    return found


def congestionState(sender: Sender) -> str:
    """
    Returns what the congestion control is doing.
    """
    governor = sender.limits.governor
    if governor is None:
        return "not_needed"
    control = governor.control
    if isinstance(control, BBR):
        return _PHASES.get(control.state, "unknown")
    if isinstance(control, KCPWindow):
        return "congestion_avoidance" if control.ssthresh <= control.segments else "slow_start"
    return "unknown"


def closed(cause: Cause, reason: str, counters: dict[str, int]) -> Data:
    """
    Returns the data of a connection's last event.

    @param reason: for people.
    @param counters: those of the connection that are not 0.
    """
    return {
        "initiator": "remote" if cause.isPeers else "local",
        "trigger": _TRIGGERS.get(cause, "error"),
        "cause": cause.name.lower(),
        "reason": reason,
        "counters": counters,
    }
