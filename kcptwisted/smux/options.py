"""
The options of smux sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from kcptwisted.smux.frames import LONGEST, VERSIONS


class SmuxOption(NamedTuple):
    """
    One option's bounds and meaning.

    @ivar smux: its name in smux, as a field of its C{Config}.
    @ivar isWhole: whether it is a whole number.
    """

    name: str
    smux: str
    isWhole: bool
    low: float
    high: float
    unit: str
    meaning: str

    @property
    def bounds(self) -> str:
        """
        What is allowed, for people.
        """
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:.12g} to {self.high:.12g}{unit}"


SMUX_OPTIONS = (
    SmuxOption("version", "Version", True, VERSIONS[0], VERSIONS[-1], "",
               "The version of the protocol; the same at both ends."),
    SmuxOption("keepAliveInterval", "KeepAliveInterval", False, 0, 86400, "seconds",
               "Send a NOP frame so often, 0.1 at least; 0 means that none is sent and none "
               "expected."),
    SmuxOption("keepAliveTimeout", "KeepAliveTimeout", False, 0, 86400, "seconds",
               "End the session when nothing came in such a time; at least keepAliveInterval."),
    SmuxOption("frameSize", "MaxFrameSize", True, 1, LONGEST, "bytes",
               "The most data in a frame that is sent."),
    SmuxOption("sessionBuffer", "MaxReceiveBuffer", True, 1, 2**31 - 1, "bytes",
               "The most that all streams together hold for their applications."),
    SmuxOption("streamBuffer", "MaxStreamBuffer", True, 1, 2**31 - 1, "bytes",
               "Version 2: what a peer may send on a stream ahead of what the application has "
               "taken, and more while the application keeps up; at most sessionBuffer."),
    SmuxOption("maxStreams", "", True, 1, 2**31 - 1, "streams",
               "The most streams that the peer may have open at once."),
)  # fmt: skip

#: The least C{keepAliveInterval}, if not 0.
SHORTEST_INTERVAL = 0.1

_BY_NAME = {option.name: option for option in SMUX_OPTIONS}


def checkNumber(option: SmuxOption, value: object) -> None:
    """
    @raise ValueError: if the option does not take the value; it says what is allowed.
    """
    kinds = (int,) if option.isWhole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool):
        kind = "int" if option.isWhole else "float"
        raise ValueError(f"{option.name} must be {kind}, not {type(value).__name__}")
    if not option.low <= value <= option.high:
        raise ValueError(f"{option.name} must be {option.bounds}, not {value}")


def parseNumber(option: SmuxOption, text: str) -> int | float:
    """
    Returns the value that a text gives an option; not yet checked against its bounds.

    @raise ValueError: if it is no number of its kind.
    """
    try:
        # Python's own notation has more, such as 1_000.
        if not (text.isascii() and all(part.isdigit() for part in text.split(".", 1) if part)):
            raise ValueError
        return int(text) if option.isWhole else float(text)
    except ValueError:
        raise ValueError(f"{option.name} must be a number, {option.bounds}, not {text!r}") from None


@dataclass(frozen=True)
class SmuxOptions:
    """
    The options of a session; L{SMUX_OPTIONS} says what they are.
    """

    version: int = 2
    keepAliveInterval: float = 10.0
    keepAliveTimeout: float = 30.0
    frameSize: int = 32768
    sessionBuffer: int = 4194304
    streamBuffer: int = 65536
    maxStreams: int = 65536

    def __post_init__(self) -> None:
        """
        @raise ValueError: names the option that is wrong and says what is allowed.
        """
        for option in SMUX_OPTIONS:
            checkNumber(option, getattr(self, option.name))
        if 0 < self.keepAliveInterval < SHORTEST_INTERVAL:
            raise ValueError(
                f"keepAliveInterval must be 0, or at least {SHORTEST_INTERVAL} seconds, not"
                f" {self.keepAliveInterval}"
            )
        if self.keepAliveInterval and self.keepAliveTimeout < self.keepAliveInterval:
            raise ValueError(
                f"keepAliveTimeout must be at least keepAliveInterval, {self.keepAliveInterval:g}"
                f" seconds, not {self.keepAliveTimeout:g}"
            )
        if self.streamBuffer > self.sessionBuffer:
            raise ValueError(
                f"streamBuffer must be at most sessionBuffer, {self.sessionBuffer} bytes, not"
                f" {self.streamBuffer}"
            )

    @classmethod
    def fromStrings(cls, given: Mapping[str, str]) -> SmuxOptions:
        """
        From the parts of an endpoint string.

        @param given: option name to text; only names of L{SMUX_OPTIONS}.
        @raise ValueError: as the class does.
        """
        values = {name: parseNumber(_BY_NAME[name], text) for name, text in given.items()}
        return cls(**values)  # type: ignore[arg-type]


def smuxOptionTable() -> str:
    """
    Returns the options as a Markdown table.
    """
    defaults = {item.name: item.default for item in fields(SmuxOptions)}
    rows = [
        "| option | smux's name | default | allowed | meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    for option in SMUX_OPTIONS:
        default = f"{defaults[option.name]:.12g}"
        smux = f"`{option.smux}`" if option.smux else ""
        rows.append(
            f"| `{option.name}` | {smux} | {default} | {option.bounds} | {option.meaning} |"
        )
    return "\n".join(rows) + "\n"
