"""
Endpoints, for use in code: what Twisted's endpoint strings make as well.
"""

from kcptwisted.endpoints.client import KCPClientEndpoint, randomConversation
from kcptwisted.endpoints.server import KCPServerEndpoint

__all__ = ["KCPClientEndpoint", "KCPServerEndpoint", "randomConversation"]
