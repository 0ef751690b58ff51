"""
The counters by the names that they have as metrics.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Named(NamedTuple):
    """
    A counter as a metric.

    @ivar counter: its name in L{kcptwisted.stats}.
    @ivar metric: its name as a metric, without C{_total}.
    @ivar help: what it counts.
    """

    counter: str
    metric: str
    help: str


#: Of L{kcptwisted.stats.PortStats}, but for C{CurrEstab}, which goes down, too.
PORT: Final = [
    Named("ActiveOpens", "kcp_opened", "Sessions that this side began."),
    Named("PassiveOpens", "kcp_accepted", "Sessions that a peer began."),
    Named("InPkts", "kcp_in_datagrams", "Datagrams read from the socket."),
    Named("InBytes", "kcp_in_bytes", "Bytes in these."),
    Named("OutPkts", "kcp_out_datagrams", "Datagrams that the kernel took."),
    Named("OutBytes", "kcp_out_bytes", "Bytes in these."),
    Named("InErrs", "kcp_in_stray", "Datagrams dropped: no session could take them."),
    Named("InCsumErrors", "kcp_in_unreadable", "Datagrams that the cipher refused."),
    Named("InShortErrs", "kcp_in_short", "Datagrams too short for the cipher."),
    Named("InOversized", "kcp_in_oversized", "Datagrams larger than any KCP peer sends."),
    Named("InReplayed", "kcp_in_replayed", "Datagrams that had opened a session before."),
    Named("RefusedFull", "kcp_refused_full", "Newcomers refused by maxSessions."),
    Named("RefusedHostFull", "kcp_refused_host_full", "Newcomers refused by maxSessionsPerHost."),
    Named("RefusedTooFast", "kcp_refused_too_fast", "Newcomers refused by acceptRate."),
    Named("RetriesSent", "kcp_retries", "Newcomers asked to prove their address."),
    Named("SessionsEvicted", "kcp_evicted", "Sessions given up for newcomers."),
    Named("PathsChallenged", "kcp_paths_challenged", "Challenges to where a peer may have moved."),
    Named("SessionsMoved", "kcp_moved", "Sessions whose peer moved to another address."),
    Named("StraysPassed", "kcp_strays_passed", "Datagrams handed to another worker."),
    Named("StraysTaken", "kcp_strays_taken", "Datagrams that another worker handed over."),
    Named("StraysDropped", "kcp_strays_dropped", "Datagrams for a worker that read too slowly."),
    Named("SiblingErrs", "kcp_sibling_errors", "Messages between workers lost or malformed."),
    Named("OutUnproven", "kcp_out_unproven", "Datagrams not sent to an unproven address."),
    Named("OutErrs", "kcp_out_errors", "Datagrams that the kernel refused with an error."),
    Named("OutDeferred", "kcp_out_deferred", "Datagrams that had to wait for the kernel."),
    Named("OutDropped", "kcp_out_dropped", "Datagrams dropped: too many waited already."),
    Named("QlogErrs", "kcp_qlog_errors", "Times that a record of a connection was not written."),
]

#: Of L{kcptwisted.stats.SessionStats}.
SESSION: Final = [
    Named("BytesSent", "kcp_session_written_bytes", "Bytes that applications wrote."),
    Named("BytesReceived", "kcp_session_read_bytes", "Bytes that applications were given."),
    Named("InPkts", "kcp_session_in_datagrams", "Datagrams that reached a session."),
    Named("OutPkts", "kcp_session_out_datagrams", "Datagrams that sessions sent."),
    Named("InBytes", "kcp_session_in_bytes", "Bytes in those that reached a session."),
    Named("OutBytes", "kcp_session_out_bytes", "Bytes in those that sessions sent."),
    Named("InSegs", "kcp_session_in_segments", "PUSH segments received."),
    Named("OutSegs", "kcp_session_out_segments", "PUSH segments sent, every copy counted."),
    Named("KCPInErrors", "kcp_session_in_errors", "Datagrams or segments refused."),
    Named("RetransSegs", "kcp_session_retransmitted", "Segments sent again."),
    Named("FastRetransSegs", "kcp_session_retransmitted_fast", "Of these, by later ACKs."),
    Named("EarlyRetransSegs", "kcp_session_retransmitted_early", "Of these, as probes."),
    Named("LostSegs", "kcp_session_retransmitted_timeout", "Of these, by timeout."),
    Named("NeedlessRetrans", "kcp_session_retransmitted_needless", "Of these, not needed."),
    Named("RepeatSegs", "kcp_session_repeated", "PUSH segments received more than once."),
    Named("ControlErrs", "kcp_session_control_errors", "Control frames refused."),
    Named("MTUProbes", "kcp_session_mtu_probes", "Datagrams that probed a larger size."),
    Named("MTUProbesLost", "kcp_session_mtu_probes_lost", "Of these, not answered in time."),
    Named("OOBSent", "kcp_session_oob_sent", "Out-of-band datagrams sent."),
    Named("OOBReceived", "kcp_session_oob_received", "Out-of-band datagrams received."),
    Named("OOBDropped", "kcp_session_oob_dropped", "Out-of-band datagrams dropped."),
    Named("FECDataShards", "kcp_session_fec_data", "Data shards received."),
    Named("FECParityShards", "kcp_session_fec_parity", "Parity shards received."),
    Named("FECRecovered", "kcp_session_fec_recovered", "Datagrams rebuilt from parity."),
    Named("FECRetunes", "kcp_session_fec_retunes", "Times that a peer's shard counts differed."),
    Named("FECErrs", "kcp_session_fec_errors", "Shards refused, or groups not rebuilt."),
    Named("FECShortShards", "kcp_session_fec_short", "Groups with too few shards."),
]
