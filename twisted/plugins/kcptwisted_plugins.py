"""
Plugins for Twisted: the C{kcp:} and C{smux:} endpoints, and the services C{kcp-relay},
C{kcptun-client} and C{kcptun-server}.
"""

from twisted.application.service import ServiceMaker

from kcptwisted.endpointstrings.parsers import KCPClientParser, KCPServerParser
from kcptwisted.endpointstrings.smux import SmuxClientParser, SmuxServerParser

kcpClient = KCPClientParser()
kcpServer = KCPServerParser()

smuxClient = SmuxClientParser()
smuxServer = SmuxServerParser()

kcpRelay = ServiceMaker(
    "kcp-relay",
    "kcptwisted.services.relay.tap",
    "Joins any server endpoint to any client endpoint, such as TCP to KCP.",
    "kcp-relay",
)

kcptunClient = ServiceMaker(
    "kcptun-client",
    "kcptwisted.services.kcptun.clienttap",
    "Takes connections and passes them to a kcptun server; has kcptun's flags.",
    "kcptun-client",
)

kcptunServer = ServiceMaker(
    "kcptun-server",
    "kcptwisted.services.kcptun.servertap",
    "Passes the connections of kcptun clients to a target; has kcptun's flags.",
    "kcptun-server",
)
