"""
Addresses for people.
"""

from __future__ import annotations

from typing import Any


def showPeer(address: Any) -> str:
    """
    Returns an address as short as it can be told from others: C{host:port}, with a stream's number
    after it; C{a unix socket} if there is nothing to tell.
    """
    stream = getattr(address, "stream", None)
    if stream is not None:
        return f"{showPeer(address.carrier)} stream {stream}"
    if getattr(address, "host", None) is None:
        return "a unix socket"
    # At a socket for IPv6 and IPv4 an IPv4 address looks like this.
    host = address.host.removeprefix("::ffff:")
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{address.port}"
