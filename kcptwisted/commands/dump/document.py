"""
What a capture shows, as objects for JSON (docs/dump.md, "JSON").
"""

from __future__ import annotations

from typing import Any

from kcptwisted.commands.dump.direction import Direction, Seen
from kcptwisted.commands.dump.flows import Conversation, Flow, Record
from kcptwisted.commands.dump.names import endpoint, frameFields
from kcptwisted.commands.dump.sequence import Copy
from kcptwisted.commands.dump.streams import StreamReader
from kcptwisted.smux.frames import NAMES, PSH, UPD, Frame
from kcptwisted.wire.fec import DATA, OUT_OF_BAND, PARITY
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS

_COMMANDS = {PUSH: "PUSH", ACK: "ACK", WASK: "WASK", WINS: "WINS"}
_SHARDS = {DATA: "data", PARITY: "parity", OUT_OF_BAND: "out-of-band"}

_SECOND = 1_000_000_000
_MILLISECOND = 1_000_000


def datagram(record: Record) -> dict[str, Any]:
    """
    Returns the object of a datagram.
    """
    packet, conversation, content = record.packet, record.conversation, record.content
    found: dict[str, Any] = {
        "type": "datagram",
        "time": packet.time / _SECOND,
        "source": endpoint(packet.source),
        "destination": endpoint(packet.destination),
        "bytes": record.size,
    }
    if conversation is None or content is None:
        return {**found, "problem": record.problem}
    found["crypt"] = conversation.crypt
    found["guess"] = conversation.isGuess
    found["recovered"] = record.isRecovered
    if content.shard is not None:
        found["fec"] = {"seqid": content.shard.seqid, "kind": _SHARDS[content.shard.kind]}
    if content.outOfBand is not None:
        found["outOfBand"] = content.outOfBand._asdict()
    found["segments"] = [_segment(seen) for seen in record.segments]
    if content.problem:
        found["problem"] = content.problem
    return found


def _segment(seen: Seen) -> dict[str, Any]:
    view = seen.view
    found: dict[str, Any] = {
        "conv": view.conv,
        "cmd": _COMMANDS[view.cmd],
        "frg": view.frg,
        "wnd": view.wnd,
        "ts": view.ts,
        "sn": view.sn,
        "una": view.una,
        "length": view.length,
    }
    if seen.copy is not None:
        found["copy"] = seen.copy.value
    if seen.roundTrip is not None:
        found["roundTrip"] = seen.roundTrip / _MILLISECOND
    if seen.frames:
        found["smux"] = [_smuxFrame(frame) for frame in seen.frames]
    if view.block is not None:
        frames = [
            dict(frame=name, **fields) for name, fields in map(frameFields, view.block.frames)
        ]
        found["control"] = {
            "to": view.block.to.hex(),
            "source": view.block.source.hex(),
            "frames": frames,
        }
    return found


def _smuxFrame(frame: Frame) -> dict[str, Any]:
    found: dict[str, Any] = {"command": NAMES[frame.command], "stream": frame.stream}
    if frame.command == PSH:
        found["bytes"] = len(frame.payload)
    elif frame.command == UPD:
        found |= {"consumed": frame.consumed, "window": frame.window}
    return found


def _smux(stream: StreamReader) -> dict[str, Any] | None:
    counts = stream.smux
    if counts is None:
        return {"compressed": True} if stream.isCompressed else None
    return {
        "compressed": False,
        "version": counts.version,
        "frames": {NAMES[command]: count for command, count in sorted(counts.frames.items())},
        "data": counts.data,
        "problem": counts.problem or None,
    }


def conversation(found: Conversation) -> dict[str, Any]:
    """
    Returns the object of a conversation.
    """
    one, other = found.ends
    return {
        "type": "conversation",
        "conv": found.conv,
        "crypt": found.crypt,
        "guess": found.isGuess,
        "directions": [
            {"source": endpoint(one), "destination": endpoint(other)}
            | _direction(found.directions[0]),
            {"source": endpoint(other), "destination": endpoint(one)}
            | _direction(found.directions[1]),
        ],
    }


def _direction(direction: Direction) -> dict[str, Any]:
    duration = (direction.last - direction.first) / _SECOND
    times = direction.roundTrips
    found: dict[str, Any] = {
        "datagrams": direction.datagrams,
        "bytes": direction.carried,
        "data": direction.data,
        "seconds": duration,
        "bytesPerSecond": round(direction.carried / duration) if duration > 0 else None,
        "push": direction.allPushes,
        "ack": direction.acks,
        "control": direction.controls,
        "outOfBand": direction.outOfBand,
        "malformed": direction.malformed,
        "sentAgain": direction.sentAgain,
        "lost": direction.pushes[Copy.REPLACED] + direction.recovered,
        "overtaken": direction.pushes[Copy.OVERTAKEN],
        "missing": direction.sequence.missing,
        "smux": _smux(direction.stream),
        "fec": None,
        "roundTrip": None,
    }
    if direction.decoder is not None:
        counts = direction.shardCounts or (None, None)
        found["fec"] = {
            "dataShards": counts[0],
            "parityShards": counts[1],
            "data": direction.fec.FECDataShards,
            "parity": direction.fec.FECParityShards,
            "missing": direction.missingShards,
            "recovered": direction.rebuilt,
        }
    if times.count:
        found["roundTrip"] = {
            "least": times.least / _MILLISECOND,
            "average": times.total / times.count / _MILLISECOND,
            "most": times.most / _MILLISECOND,
            "acks": times.count,
        }
    return found


def unopened(flow: Flow) -> dict[str, Any]:
    """
    Returns the object of two ends some of whose datagrams did not open.
    """
    return {
        "type": "unopened",
        "ends": [endpoint(end) for end in flow.ends],
        "crypt": None if flow.isGuess or flow.cipher is None else flow.cipher.name,
        "refused": flow.refused,
        "opened": flow.opened,
        "looksLike": flow.meant or None,
    }
