"""
Segments in the log, for those who want to see what two peers say to each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted.logger import Logger

from kcptwisted.interfaces import Address, IDatagramProtocol
from kcptwisted.layer import DatagramLayer
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS, decodeSegments

_NAMES = {PUSH: "PUSH", ACK: "ACK", WASK: "WASK", WINS: "WINS"}


class TraceLayer(DatagramLayer):
    """
    Writes each segment that passes to the log, at debug level, but for its data.  Between FEC and
    the session it sees what FEC rebuilt, and no parity.

    The fields of an event are those of L{kcptwisted.wire.segment.Segment}, with the data's
    C{length} and the command's name as C{cmd}; C{direction}, which is C{in}, C{out} or
    C{recovered}; and C{address}, the peer's.  A datagram that is not made of segments is one event
    with its C{length}.
    """

    def __init__(self, wrapped: IDatagramProtocol, log: Logger | None = None) -> None:
        """
        @param wrapped: the protocol above.
        @param log: where to write to, if not to this module's log.
        """
        super().__init__(wrapped)
        self._log = log or Logger()

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Traces and passes down.
        """
        self._trace("out", datagrams, address)
        super().writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Traces and passes up.
        """
        self._trace("in", datagrams, address)
        super().datagramsReceived(datagrams, address)

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Traces and passes up.
        """
        self._trace("recovered", datagrams, address)
        super().datagramsRecovered(datagrams, address)

    def _trace(self, direction: str, datagrams: Iterable[bytes], address: Address) -> None:
        for datagram in datagrams:
            try:
                segments = decodeSegments(datagram)
            except ValueError:
                segments = []
            if not segments or any(segment.cmd not in _NAMES for segment in segments):
                self._log.debug(
                    "{direction} {address} {length} bytes that are no segments",
                    direction=direction,
                    address=address,
                    length=len(datagram),
                )
                continue
            for conv, cmd, frg, wnd, ts, sn, una, data in segments:
                self._log.debug(
                    "{direction} {address} {cmd} conv={conv} frg={frg} wnd={wnd} ts={ts} sn={sn}"
                    " una={una} length={length}",
                    direction=direction,
                    address=address,
                    cmd=_NAMES[cmd],
                    conv=conv,
                    frg=frg,
                    wnd=wnd,
                    ts=ts,
                    sn=sn,
                    una=una,
                    length=len(data),
                )
