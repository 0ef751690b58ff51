"""
Counters of one session and of one port.

Names are those of kcp-go's SNMP counters where it has one for the same thing; the others are marked
"Ours".  All count since the session or port was made and never go down, but for C{CurrEstab}.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False, repr=False)
class _Counters:
    """
    A set of named integer counters: the fields.
    """

    def asDict(self) -> dict[str, int]:
        """
        Returns a snapshot, counter name to value.
        """
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def add(self, other: _Counters) -> None:
        """
        Adds the counts of C{other}, which has the same ones.
        """
        for name in self.__dataclass_fields__:
            count = getattr(other, name)
            # Most are 0.
            if count:
                setattr(self, name, getattr(self, name) + count)

    def __repr__(self) -> str:
        shown = " ".join(f"{name}={value}" for name, value in self.asDict().items() if value)
        return f"<{type(self).__name__} {shown or 'all zero'}>"


@dataclass(slots=True, eq=False, repr=False)
class SessionStats(_Counters):
    """
    What one session did.
    """

    #: Bytes that the application wrote.
    BytesSent: int = 0
    #: Bytes that the application was given.
    BytesReceived: int = 0
    #: Datagrams that reached the session, after the cipher.
    InPkts: int = 0
    #: Datagrams that the session sent, parity included.
    OutPkts: int = 0
    #: Bytes in C{InPkts}.
    InBytes: int = 0
    #: Bytes in C{OutPkts}.
    OutBytes: int = 0
    #: PUSH segments received.
    InSegs: int = 0
    #: PUSH segments sent, every copy counted.
    OutSegs: int = 0
    #: Datagrams or segments refused: malformed, out of the window, acknowledging what was never
    #: sent, or, at a client, before its first answer.
    KCPInErrors: int = 0
    #: Segments sent again, for whatever reason.
    RetransSegs: int = 0
    #: Of these, because later segments were acknowledged.
    FastRetransSegs: int = 0
    #: Of these, to probe the path when nothing had been acknowledged for a while; or, where ACKs
    #: are counted, overtaken fewer times than C{resend} with nothing new to send.
    EarlyRetransSegs: int = 0
    #: Of these, because the retransmission timeout passed.
    LostSegs: int = 0
    #: Segments sent again of which an older copy turned out to have arrived.  Ours.
    NeedlessRetrans: int = 0
    #: PUSH segments received more than once.
    RepeatSegs: int = 0
    #: Control frames refused: malformed, or of another connection.  Ours.
    ControlErrs: int = 0
    #: Datagrams that probed whether the path carries a larger size.  Ours.
    MTUProbes: int = 0
    #: Of these, not answered in time.  Ours.
    MTUProbesLost: int = 0
    #: Out-of-band datagrams sent.  Ours.
    OOBSent: int = 0
    #: Out-of-band datagrams handed to the protocol.  Ours.
    OOBReceived: int = 0
    #: Out-of-band datagrams received that the protocol does not take, or that came before there was
    #: one or after it had closed, or malformed.  Ours.
    OOBDropped: int = 0
    #: Data shards received.  Ours.
    FECDataShards: int = 0
    #: Parity shards received.
    FECParityShards: int = 0
    #: Datagrams rebuilt from parity.
    FECRecovered: int = 0
    #: Times that the peer's counts of shards were found to be others than thought.  Ours.
    FECRetunes: int = 0
    #: Shards refused, or groups that could not be rebuilt.
    FECErrs: int = 0
    #: Groups dropped with too few shards to rebuild what was missing.
    FECShortShards: int = 0


@dataclass(slots=True, eq=False, repr=False)
class PortStats(_Counters):
    """
    What one UDP port did, all its sessions together.
    """

    #: Sessions that this side began.
    ActiveOpens: int = 0
    #: Sessions that a peer began.
    PassiveOpens: int = 0
    #: Sessions alive now.
    CurrEstab: int = 0
    #: The most sessions alive at once.
    MaxConn: int = 0
    #: Datagrams read from the socket.
    InPkts: int = 0
    #: Bytes in C{InPkts}.
    InBytes: int = 0
    #: Datagrams that the kernel took.
    OutPkts: int = 0
    #: Bytes in C{OutPkts}.
    OutBytes: int = 0
    #: Datagrams dropped because no session could take them: no conversation id, unknown sender
    #: after the port stopped listening, foreign conversation.
    InErrs: int = 0
    #: Datagrams that the cipher refused: a wrong key, damaged or forged.
    InCsumErrors: int = 0
    #: Datagrams too short for the cipher.  Ours.
    InShortErrs: int = 0
    #: Datagrams larger than any KCP peer sends.  Ours.
    InOversized: int = 0
    #: Datagrams dropped because they had opened a session before.  Ours.
    InReplayed: int = 0
    #: Newcomers dropped because of C{maxSessions}.  Ours.
    RefusedFull: int = 0
    #: Newcomers dropped because of C{maxSessionsPerHost}.  Ours.
    RefusedHostFull: int = 0
    #: Newcomers dropped because of C{acceptRate}.  Ours.
    RefusedTooFast: int = 0
    #: Newcomers asked to show that they are at their address.  Ours.
    RetriesSent: int = 0
    #: Sessions given up for newcomers.  Ours.
    SessionsEvicted: int = 0
    #: Challenges sent to where a session's peer may have moved.  Ours.
    PathsChallenged: int = 0
    #: Sessions whose peer has moved to another address.  Ours.
    SessionsMoved: int = 0
    #: Datagrams handed to the worker that has their session.  Ours.
    StraysPassed: int = 0
    #: Datagrams of sessions here that another worker handed over.  Ours.
    StraysTaken: int = 0
    #: Datagrams dropped because the other worker read too slowly.  Ours.
    StraysDropped: int = 0
    #: Messages between workers that were malformed, or lost because the other worker read too
    #: slowly.  Ours.
    SiblingErrs: int = 0
    #: Datagrams dropped because the peer had not yet shown that it is at its address, and three
    #: times what came from there had been sent.  Ours.
    OutUnproven: int = 0
    #: Datagrams that the kernel refused with an error.  Ours.
    OutErrs: int = 0
    #: Datagrams kept for later because the kernel's buffer was full.  Ours.
    OutDeferred: int = 0
    #: Datagrams dropped because too many were already kept for later.  Ours.
    OutDropped: int = 0
    #: Events of C{qlog=} that could not be written.  Ours.
    QlogErrs: int = 0
