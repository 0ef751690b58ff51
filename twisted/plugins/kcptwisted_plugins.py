"""
What Twisted's plugin system finds: the C{kcp:} endpoints and the C{kcp-relay} service.
"""

from twisted.application.service import ServiceMaker

from kcptwisted.parsers import KCPClientParser, KCPServerParser

kcpClient = KCPClientParser()
kcpServer = KCPServerParser()

kcpRelay = ServiceMaker(
    "kcp-relay",
    "kcptwisted.relay",
    "Joins any server endpoint to any client endpoint, such as TCP to KCP.",
    "kcp-relay",
)
