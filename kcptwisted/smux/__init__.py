"""
smux: many streams over one connection, as in kcptun.

In code, use L{SmuxClientEndpoint} and L{SmuxServerEndpoint} around any other endpoint, or
L{SmuxProtocol} over any transport.
"""

from kcptwisted.smux.client import SmuxClientEndpoint
from kcptwisted.smux.options import SmuxOptions
from kcptwisted.smux.protocol import SmuxProtocol
from kcptwisted.smux.server import SmuxServerEndpoint

__all__ = ["SmuxClientEndpoint", "SmuxOptions", "SmuxProtocol", "SmuxServerEndpoint"]
