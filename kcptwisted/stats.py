"""
Counters of one session and of one port.

Names are those of kcp-go's SNMP counters where it has one for the same thing; the rest are
marked I{ours}.  All count since the session or port was made and never go down, but for
C{CurrEstab}.
"""

from __future__ import annotations


class _Counters:
    """
    A set of named integer counters.
    """

    __slots__: tuple[str, ...] = ()

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    def asDict(self) -> dict[str, int]:
        """
        @return: a snapshot, counter name to value.
        """
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        shown = " ".join(f"{name}={value}" for name, value in self.asDict().items() if value)
        return f"<{type(self).__name__} {shown or 'all zero'}>"


class SessionStats(_Counters):
    """
    What one session did.

    @ivar BytesSent: bytes that the application wrote.
    @ivar BytesReceived: bytes that the application was given.
    @ivar InPkts: datagrams that reached the session, after the cipher.
    @ivar OutPkts: datagrams that the session sent, parity included.
    @ivar InBytes: bytes in C{InPkts}.
    @ivar OutBytes: bytes in C{OutPkts}.
    @ivar InSegs: PUSH segments received.
    @ivar OutSegs: PUSH segments sent, every copy counted.
    @ivar KCPInErrors: datagrams or segments refused: malformed, out of the window, acknowledging
        what was never sent, or, at a client, before its first answer.
    @ivar RetransSegs: segments sent again, for whatever reason.
    @ivar FastRetransSegs: of these, because later segments were acknowledged.
    @ivar EarlyRetransSegs: of these, overtaken fewer times than C{resend} with nothing new to send.
    @ivar LostSegs: of these, because the retransmission timeout passed.
    @ivar RepeatSegs: PUSH segments received more than once.
    @ivar ControlErrs: I{ours}: control frames refused: malformed, or of another connection.
    @ivar OOBSent: I{ours}: out-of-band datagrams sent.
    @ivar OOBReceived: I{ours}: out-of-band datagrams handed to the protocol.
    @ivar OOBDropped: I{ours}: out-of-band datagrams received that the protocol does not take, or
        that came before there was one or after it had closed, or malformed.
    @ivar FECDataShards: I{ours}: data shards received.
    @ivar FECParityShards: parity shards received.
    @ivar FECRecovered: datagrams rebuilt from parity.
    @ivar FECErrs: shards refused, or groups that could not be rebuilt.
    @ivar FECRetunes: I{ours}: times that the peer's counts of shards were found to be others than
        thought.
    @ivar FECShortShards: groups dropped with too few shards to rebuild what was missing.
    """

    __slots__ = (
        "BytesReceived",
        "BytesSent",
        "ControlErrs",
        "EarlyRetransSegs",
        "FECDataShards",
        "FECErrs",
        "FECParityShards",
        "FECRecovered",
        "FECRetunes",
        "FECShortShards",
        "FastRetransSegs",
        "InBytes",
        "InPkts",
        "InSegs",
        "KCPInErrors",
        "LostSegs",
        "OOBDropped",
        "OOBReceived",
        "OOBSent",
        "OutBytes",
        "OutPkts",
        "OutSegs",
        "RepeatSegs",
        "RetransSegs",
    )

    BytesReceived: int
    BytesSent: int
    ControlErrs: int
    EarlyRetransSegs: int
    FECDataShards: int
    FECErrs: int
    FECParityShards: int
    FECRecovered: int
    FECRetunes: int
    FECShortShards: int
    FastRetransSegs: int
    InBytes: int
    InPkts: int
    InSegs: int
    KCPInErrors: int
    LostSegs: int
    OOBDropped: int
    OOBReceived: int
    OOBSent: int
    OutBytes: int
    OutPkts: int
    OutSegs: int
    RepeatSegs: int
    RetransSegs: int


class PortStats(_Counters):
    """
    What one UDP port did, all its sessions together.

    @ivar ActiveOpens: sessions that this side began.
    @ivar PassiveOpens: sessions that a peer began.
    @ivar CurrEstab: sessions alive now.
    @ivar MaxConn: the most sessions alive at once.
    @ivar InPkts: datagrams read from the socket.
    @ivar InBytes: bytes in C{InPkts}.
    @ivar OutPkts: datagrams that the kernel took.
    @ivar OutBytes: bytes in C{OutPkts}.
    @ivar InErrs: datagrams dropped because no session could take them: no conversation id, unknown
        sender after the port stopped listening, foreign conversation.
    @ivar InCsumErrors: datagrams that the cipher refused: a wrong key, damaged or forged.
    @ivar InShortErrs: I{ours}: datagrams too short for the cipher.
    @ivar InOversized: I{ours}: datagrams larger than any KCP peer sends.
    @ivar InReplayed: I{ours}: datagrams dropped because they had opened a session before.
    @ivar RefusedFull: I{ours}: newcomers dropped because of C{maxSessions}.
    @ivar RefusedHostFull: I{ours}: newcomers dropped because of C{maxSessionsPerHost}.
    @ivar RefusedTooFast: I{ours}: newcomers dropped because of C{acceptRate}.
    @ivar RetriesSent: I{ours}: newcomers asked to show that they are at their address.
    @ivar SessionsEvicted: I{ours}: sessions given up for newcomers.
    @ivar PathsChallenged: I{ours}: challenges sent to where a session's peer may have moved.
    @ivar SessionsMoved: I{ours}: sessions whose peer has moved to another address.
    @ivar StraysPassed: I{ours}: datagrams handed to the worker that has their session.
    @ivar StraysTaken: I{ours}: datagrams of sessions here that another worker handed over.
    @ivar StraysDropped: I{ours}: datagrams dropped because the other worker read too slowly.
    @ivar SiblingErrs: I{ours}: messages between workers that were malformed, or lost because the
        other worker read too slowly.
    @ivar OutUnproven: I{ours}: datagrams dropped because the peer had not yet shown that it is at
        its address, and three times what came from there had been sent.
    @ivar OutErrs: I{ours}: datagrams that the kernel refused with an error.
    @ivar OutDeferred: I{ours}: datagrams kept for later because the kernel's buffer was full.
    @ivar OutDropped: I{ours}: datagrams dropped because too many were already kept for later.
    """

    __slots__ = (
        "ActiveOpens",
        "CurrEstab",
        "InBytes",
        "InCsumErrors",
        "InErrs",
        "InOversized",
        "InPkts",
        "InReplayed",
        "InShortErrs",
        "MaxConn",
        "OutBytes",
        "OutDeferred",
        "OutDropped",
        "OutErrs",
        "OutPkts",
        "OutUnproven",
        "PassiveOpens",
        "PathsChallenged",
        "RefusedFull",
        "RefusedHostFull",
        "RefusedTooFast",
        "RetriesSent",
        "SessionsEvicted",
        "SessionsMoved",
        "SiblingErrs",
        "StraysDropped",
        "StraysPassed",
        "StraysTaken",
    )

    ActiveOpens: int
    CurrEstab: int
    InBytes: int
    InCsumErrors: int
    InErrs: int
    InOversized: int
    InPkts: int
    InReplayed: int
    InShortErrs: int
    MaxConn: int
    OutBytes: int
    OutDeferred: int
    OutDropped: int
    OutErrs: int
    OutPkts: int
    OutUnproven: int
    PassiveOpens: int
    PathsChallenged: int
    RefusedFull: int
    RefusedHostFull: int
    RefusedTooFast: int
    RetriesSent: int
    SessionsEvicted: int
    SessionsMoved: int
    SiblingErrs: int
    StraysDropped: int
    StraysPassed: int
    StraysTaken: int
