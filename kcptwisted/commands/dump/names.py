"""
Names of what travels, as people read them.
"""

from __future__ import annotations

from kcptwisted.commands.dump.packets import Endpoint
from kcptwisted.wire.control import Fin, FinAck, Frame, Hello, Reset, ResetReason

#: The features of a hello, by their bits.
FEATURES = {1: "roaming", 2: "stream", 4: "messages", 8: "probes"}


def endpoint(address: Endpoint) -> str:
    """
    Returns an address as C{host:port}.
    """
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resetName(reason: int) -> str:
    """
    Returns the name of a reset's reason; the number if it is not known.
    """
    try:
        return ResetReason(reason).name.lower()
    except ValueError:
        return str(reason)


def frameFields(frame: Frame) -> tuple[str, dict[str, object]]:
    """
    Returns the name of a control frame, as in docs/control.md, "Frames", and its fields.
    """
    name = {"FinAck": "fin-ack", "ProbeAck": "probe-ack"}.get(
        type(frame).__name__, type(frame).__name__.lower()
    )
    if isinstance(frame, Hello):
        features = [text for bit, text in FEATURES.items() if frame.features & bit]
        return name, {"features": "+".join(features), "window": frame.receiveWindow}
    if isinstance(frame, (Fin, FinAck)):
        return name, {"final": frame.finalSn, "both": frame.both}
    if isinstance(frame, Reset):
        return name, {"reason": resetName(frame.reason)}
    # The others have one field.
    value = frame[0]
    return name, {"value": value.hex() if isinstance(value, bytes) else value}
