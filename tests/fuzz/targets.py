"""
What is fuzzed: functions that take any bytes, and raise if something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import decoders, engine, engines, ports
from tests.fuzz.seeds import seeds

TARGETS: dict[str, Callable[[bytes], None]] = {
    "conversation": decoders.fuzzConversation,
    "block": decoders.fuzzBlock,
    "opening": decoders.fuzzOpening,
    "fec": decoders.fuzzFEC,
    "ciphers": decoders.fuzzCiphers,
    "cryptlayer": decoders.fuzzCryptLayer,
    "endpoints": decoders.fuzzEndpoints,
    "connection": engine.fuzzConnection,
    "connections": engines.fuzzConnections,
    "listener": ports.fuzzListener,
    "connector": ports.fuzzConnector,
}

#: What some say when they have run.
TOTALS: dict[str, Callable[[], str]] = {"connections": engines.TOTALS.show}

__all__ = ["TARGETS", "TOTALS", "seeds"]
