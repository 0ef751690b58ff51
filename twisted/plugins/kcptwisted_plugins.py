"""
Plugins for Twisted: the C{kcp:} and C{smux:} endpoints and the C{kcp-relay} service.
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
