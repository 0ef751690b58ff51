"""
How a congestion control is made for each connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from kcptwisted.congestion.control import CongestionControl


@dataclass(frozen=True)
class ControlSpec:
    """
    A congestion control that an endpoint can name: what a connection needs of a
    L{CongestionSpec<kcptwisted.congestion.registry.CongestionSpec>}.

    @ivar name: the value of C{congestion=}: small letters, digits and hyphens.
    @ivar factory: makes the control of one connection.  It is called with the bytes of a full
        segment, header included, and the round-trip time, milliseconds, which is 0 if it is not
        known.  A string C{"module:function"} is imported when the control is first used.
    @ivar leastRoundTrip: milliseconds.  Over shorter round trips, as on a LAN, the control is only
        made when much is lost, or the round trip becomes long.  0 means that it is always made.
    @ivar findsPath: it finds out what the path can carry.  Then the windows are large unless they
        are written out, and segments are sent again as RACK-TLP says (RFC 8985) unless C{resend} is
        written out; else as kcp-go does.
    """

    name: str
    factory: str | Callable[[int, int], CongestionControl]
    leastRoundTrip: int = 0
    findsPath: bool = True

    def make(self, segment: int, roundTrip: int) -> CongestionControl:
        """
        Makes the control of one connection.

        @param segment: bytes of a full segment, header included.
        @param roundTrip: milliseconds; 0 if it is not known.
        """
        factory: Any = self.factory
        if isinstance(factory, str):
            module, _, function = factory.partition(":")
            factory = getattr(import_module(module), function)
        control: CongestionControl = factory(segment, roundTrip)
        return control
