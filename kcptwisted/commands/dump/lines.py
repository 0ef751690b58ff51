"""
What a capture shows, as text.
"""

from __future__ import annotations

from collections.abc import Iterator

from kcptwisted.commands.dump.content import Content
from kcptwisted.commands.dump.direction import Direction, RoundTrips, Seen
from kcptwisted.commands.dump.flows import Conversation, Flow, Record
from kcptwisted.commands.dump.names import endpoint, frameFields, resetName
from kcptwisted.commands.dump.sequence import Copy
from kcptwisted.commands.dump.streams import SmuxCounts
from kcptwisted.smux.frames import NAMES, PSH, UPD
from kcptwisted.smux.frames import Frame as SmuxFrame
from kcptwisted.wire.control import TOKEN, Frame, Reset
from kcptwisted.wire.fec import DATA, PARITY
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS

_COMMANDS = {PUSH: "PUSH", ACK: "ACK", WASK: "WASK", WINS: "WINS"}
_SHARDS = {DATA: "data", PARITY: "parity"}

_REMARKS = {
    Copy.NEW: "",
    Copy.AGAIN: " (sent again)",
    Copy.REPLACED: " (sent again, the first was not captured)",
    Copy.OVERTAKEN: " (overtaken)",
}

SECOND = 1_000_000_000


def recordLine(record: Record, began: int) -> str:
    """
    Returns the line of a datagram.

    @param began: when the first datagram was captured, nanoseconds.
    """
    packet = record.packet
    parts = [
        f"{(packet.time - began) / SECOND:.6f}",
        f"{endpoint(packet.source)} > {endpoint(packet.destination)}",
    ]
    conversation, content = record.conversation, record.content
    if conversation is None or content is None:
        return " ".join([*parts, f"{record.size} bytes: {record.problem}"])
    parts.append("FEC rebuilds" if record.isRecovered else f"{record.size} bytes")
    parts.append(conversation.crypt + ("?" if conversation.isGuess else ""))
    return " ".join(parts) + ": " + "; ".join(_parts(content, record.segments))


def _parts(content: Content, segments: list[Seen]) -> Iterator[str]:
    shard = content.shard
    if shard is not None and shard.kind in _SHARDS:
        yield f"FEC {_SHARDS[shard.kind]} {shard.seqid}"
    if content.outOfBand is not None:
        yield f"conv {content.outOfBand.conv:08x} out-of-band, {content.outOfBand.length} bytes"
    conv = None
    for seen in segments:
        yield _segment(seen, seen.view.conv != conv)
        conv = seen.view.conv
    if content.problem:
        yield f"malformed: {content.problem}"


def _segment(seen: Seen, showsConv: bool) -> str:
    view = seen.view
    text = f"conv {view.conv:08x} " if showsConv else ""
    text += f"{_COMMANDS[view.cmd]} sn={view.sn} una={view.una} wnd={view.wnd} ts={view.ts}"
    if view.frg:
        text += f" frg={view.frg}"
    if view.cmd == PUSH or (view.length and view.block is None):
        text += f" {view.length} bytes"
    if seen.copy is not None:
        text += _REMARKS[seen.copy]
    if seen.roundTrip is not None:
        text += f" (after {seen.roundTrip / 1e6:.3f} ms)"
    if view.block is not None:
        text += f" [{_block(seen)}]"
    if seen.frames:
        text += f" [smux {', '.join(map(_smuxFrame, seen.frames))}]"
    return text


def _smuxFrame(frame: SmuxFrame) -> str:
    text = f"{NAMES[frame.command]} {frame.stream}"
    if frame.command == PSH:
        return f"{text} {len(frame.payload)} bytes"
    return (
        f"{text} consumed={frame.consumed} window={frame.window}" if frame.command == UPD else text
    )


def _block(seen: Seen) -> str:
    block = seen.view.block
    assert block is not None
    tokens = f"{block.source.hex()[:TOKEN]} to {block.to.hex()[:TOKEN]}"
    return ", ".join([tokens, *map(_frame, block.frames)])


def _frame(frame: Frame) -> str:
    name, fields = frameFields(frame)
    if isinstance(frame, Reset):
        return f"{name} ({resetName(frame.reason)})"
    shown = [f"{key}={value}" for key, value in fields.items()]
    return " ".join([name, *shown])


def summaryLines(conversation: Conversation) -> Iterator[str]:
    """
    Returns the summary of a conversation, line by line.
    """
    one, other = conversation.ends
    assert conversation.conv is not None
    guessed = ", a guess" if conversation.isGuess else ""
    yield (
        f"conversation {conversation.conv:08x} of {endpoint(one)} and {endpoint(other)},"
        f" crypt={conversation.crypt}{guessed}"
    )
    for source, target, direction in (
        (one, other, conversation.directions[0]),
        (other, one, conversation.directions[1]),
    ):
        yield f"  {endpoint(source)} > {endpoint(target)}"
        for name, text in _figures(direction):
            yield f"    {name:14}{text}"


def _figures(direction: Direction) -> Iterator[tuple[str, str]]:
    if not direction.datagrams:
        yield "datagrams", "none"
        return
    duration = (direction.last - direction.first) / SECOND
    yield "datagrams", _rated(direction.datagrams, direction.carried, duration)
    yield "data", _rated(None, direction.data, duration)
    pushes = direction.allPushes
    segments = f"{pushes} PUSH, {direction.acks} ACK, {direction.controls} WASK and WINS"
    if direction.outOfBand:
        segments += f", {direction.outOfBand} out-of-band"
    if direction.malformed:
        segments += f", {direction.malformed} malformed"
    yield "segments", segments
    if pushes:
        share = direction.sentAgain / pushes
        yield "sent again", f"{direction.sentAgain} of {pushes} PUSH ({share:.1%})"
    lost = direction.pushes[Copy.REPLACED]
    losses = f"{lost + direction.recovered} PUSH lost before the capture"
    losses += (
        f", {direction.pushes[Copy.OVERTAKEN]} overtaken, {direction.sequence.missing} missing"
    )
    yield "losses", losses
    if direction.decoder is not None:
        yield "FEC", _fec(direction)
    if direction.stream.isCompressed:
        yield "smux", "not read: the stream is compressed by snappy"
    elif direction.stream.smux is not None:
        yield "smux", _smux(direction.stream.smux)
    if direction.roundTrips.count:
        yield "round trip", _roundTrips(direction.roundTrips)


def _fec(direction: Direction) -> str:
    fec, counts, missing = direction.fec, direction.shardCounts, direction.missingShards
    groups = "groups not known" if counts is None else f"groups of {counts[0]}+{counts[1]}"
    text = f"{groups}, {fec.FECDataShards} data, {fec.FECParityShards} parity"
    if missing is not None:
        text += f", {missing} data missing"
    return f"{text}, {direction.rebuilt} rebuilt"


def _smux(counts: SmuxCounts) -> str:
    frames = [f"{count} {NAMES[command]}" for command, count in sorted(counts.frames.items())]
    text = ", ".join([f"version {counts.version}", *frames, f"{counts.data} bytes in PSH"])
    return f"{text}; then {counts.problem}" if counts.problem else text


def _roundTrips(times: RoundTrips) -> str:
    return (
        f"from here {times.least / 1e6:.3f} ms at least,"
        f" {times.total / times.count / 1e6:.3f} on average, {times.most / 1e6:.3f} at most"
        f" (ACKs: {times.count})"
    )


def _rated(count: int | None, size: int, duration: float) -> str:
    text = f"{size} bytes" if count is None else f"{count}, {size} bytes"
    if duration <= 0:
        return text
    return f"{text} in {duration:.3f} s, {8 * size / duration / 1e6:.3f} Mbit/s"


def flowLine(flow: Flow) -> str:
    """
    Returns the line that tells of datagrams that did not open; empty if all did.
    """
    if not flow.refused:
        return ""
    ends = " and ".join(map(endpoint, flow.ends))
    count = f"{flow.refused} of {flow.refused + flow.opened} datagrams between {ends}"
    if flow.cipher is None or flow.isGuess:
        return f"encrypted, or no KCP: {count}"
    text = f"not opened with crypt={flow.cipher.name} and this key: {count}"
    if flow.opened:
        return text
    if flow.meant:
        return f"{text}; they look like crypt={flow.meant}"
    return f"{text}; the key or the cipher is wrong, or it is no KCP"
