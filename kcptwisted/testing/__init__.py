"""
Tools to test programs that use C{kcp:} endpoints: a seeded network in memory, which takes no
sockets and no waiting, and L{LossyRelay<kcptwisted.testing.lossyrelay.LossyRelay>}, which loses
datagrams between real sockets.
"""

from kcptwisted.testing.bottleneck import Bottleneck
from kcptwisted.testing.link import Link
from kcptwisted.testing.network import SimulatedHost, SimulatedNetwork, SimulatedPort

__all__ = ["Bottleneck", "Link", "SimulatedHost", "SimulatedNetwork", "SimulatedPort"]
