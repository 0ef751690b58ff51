"""
Where a connection is watched: between FEC and the session, and between the session and its holder.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from twisted.python.failure import Failure

from kcptwisted import __version__
from kcptwisted.interfaces import Address, IDatagramProtocol, IDatagramTransport
from kcptwisted.layer import DatagramLayer
from kcptwisted.options import KCPOptions
from kcptwisted.qlog.events import Begun, Data
from kcptwisted.qlog.file import Directory
from kcptwisted.qlog.recorder import Recorder
from kcptwisted.session.holder import SessionHolder, SessionSocket
from kcptwisted.session.reasons import endOf
from kcptwisted.session.session import KCPSession
from kcptwisted.session.sizes import mtuOf
from kcptwisted.udp.addresses import hostAsked, toAddress

#: The options that a file tells.
_PARAMETERS = (
    "crypt",
    "dataShards",
    "parityShards",
    "mode",
    "stream",
    "keepAlive",
    "rateLimit",
    "pacing",
)


def beginRecord(
    directory: Directory, socket: SessionSocket, conv: int, address: Address
) -> Recorder:
    """
    Begins the file of a connection.

    @param address: the peer's.
    """
    local, remote = hostAsked(socket.getHost(), address), toAddress(address)
    moment = datetime.now(timezone.utc)
    begun = Begun(
        conv,
        socket.calls,
        moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        (local.host, local.port),
        (remote.host, remote.port),
    )
    name = f"{moment:%Y%m%dT%H%M%S.%fZ}-{conv:08x}-{begun.role}"
    return Recorder(begun, directory.open(name), socket.clock.now, __version__)


def _parameters(options: KCPOptions) -> Data:
    windows = options.windows
    return {
        "owner": "local",
        **{name: getattr(options, name) for name in _PARAMETERS},
        "crypt": options.cipher.name,
        "congestion": options.congestionName,
        "sendWindow": windows.send,
        "receiveWindow": windows.receive,
        "nodelay": options.timing.nodelay,
        "interval": options.timing.interval,
        "resend": options.timing.resend,
    }


class QlogLayer(DatagramLayer):
    """
    Records the datagrams of segments that pass, and what the connection makes of them.
    """

    def __init__(self, wrapped: IDatagramProtocol, session: KCPSession, recorder: Recorder) -> None:
        """
        @param wrapped: the protocol above.
        @param session: what is watched.
        """
        super().__init__(wrapped)
        self._session = session
        self._recorder = recorder

    def makeConnection(self, transport: IDatagramTransport) -> None:
        """
        Connects, and begins to watch.
        """
        super().makeConnection(transport)
        session = self._session
        connection = session.connection
        self._recorder.watch(
            connection,
            session.stats,
            lambda: mtuOf(session.options, connection),
            _parameters(session.options),
        )

    def writeDatagrams(self, datagrams: Sequence[bytes], address: Address) -> None:
        """
        Records and passes down.
        """
        self._recorder.sent(datagrams)
        super().writeDatagrams(datagrams, address)

    def datagramsReceived(self, datagrams: list[bytes], address: Address) -> None:
        """
        Records and passes up.
        """
        recorder = self._recorder
        recorder.received(datagrams)
        super().datagramsReceived(datagrams, address)
        recorder.taken()

    def datagramsRecovered(self, datagrams: list[bytes], address: Address) -> None:
        """
        Records and passes up.
        """
        recorder = self._recorder
        recorder.received(datagrams, True)
        super().datagramsRecovered(datagrams, address)
        recorder.taken()


class RecordingHolder:
    """
    Records the end of a session, and passes all calls on to its holder.
    """

    def __init__(self, holder: SessionHolder[KCPSession], recorder: Recorder) -> None:
        """
        @param holder: the listener or connector.
        """
        self._recorder = recorder
        self.logsEnds = holder.logsEnds
        self.sessionEstablished = holder.sessionEstablished
        self.sessionGreeted = holder.sessionGreeted
        self.anotherGreeted = holder.anotherGreeted
        self.pathSilent = holder.pathSilent
        self.networkChanged = holder.networkChanged
        self.sessionUnread = holder.sessionUnread
        self.foreignDatagrams = holder.foreignDatagrams
        self._sessionEnded = holder.sessionEnded

    def sessionEnded(self, session: KCPSession, reason: Failure) -> None:
        """
        Records why.
        """
        self._recorder.ended(endOf(reason).cause, reason.getErrorMessage())
        self._sessionEnded(session, reason)
