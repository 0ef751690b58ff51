"""
Plugins for Twisted: the C{kcp:} endpoints and the C{kcp-relay} service.
"""

from twisted.application.service import ServiceMaker

from kcptwisted.endpointstrings.parsers import KCPClientParser, KCPServerParser

kcpClient = KCPClientParser()
kcpServer = KCPServerParser()

kcpRelay = ServiceMaker(
    "kcp-relay",
    "kcptwisted.services.relay.tap",
    "Joins any server endpoint to any client endpoint, such as TCP to KCP.",
    "kcp-relay",
)
