"""
For the tests of programs that use C{kcp:} endpoints: a seeded network in memory, without sockets
and without waiting, and a relay that loses datagrams between real ones.
"""

from kcptwisted.testing.link import Link
from kcptwisted.testing.network import SimulatedHost, SimulatedNetwork, SimulatedPort

__all__ = ["Link", "SimulatedHost", "SimulatedNetwork", "SimulatedPort"]
