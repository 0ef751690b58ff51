"""
The server as it is given, and as it is recommended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from twisted.internet.endpoints import clientFromString

from kcptwisted.endpoints import KCPClientEndpoint
from kcptwisted.options import KCPOptions
from kcptwisted.options.hosts import escaped
from kcptwisted.options.table import OPTIONS

#: Options that no output shows.
_SECRET = ("key", "rawKey")


def parse(reactor: Any, server: str) -> KCPClientEndpoint:
    """
    Returns the endpoint that the command line names.

    @param server: C{HOST:PORT} with or without options, with or without C{kcp:} before it.
    @raise ValueError: if it is wrong.  The message says what is allowed.
    """
    text = server.removeprefix("kcp:")
    bracketed = re.match(r"\[([0-9A-Fa-f:.%\w]+)\]", text)
    if bracketed:
        text = escaped(bracketed[1]) + text[bracketed.end() :]
    endpoint = clientFromString(reactor, f"kcp:{text}")
    assert isinstance(endpoint, KCPClientEndpoint)
    return endpoint


def endpointString(endpoint: KCPClientEndpoint, advised: Mapping[str, str]) -> str:
    """
    Returns an endpoint string: what was given and differs from the defaults, and what is advised
    instead or as well.  A key is left to be filled in.
    """
    defaults = {each.name: each.default for each in fields(KCPOptions)}
    parts = {}
    for option in OPTIONS:
        value = getattr(endpoint.options, option.name)
        if value == defaults[option.name]:
            continue
        if option.name in _SECRET:
            parts[option.name] = "..."
        elif option.kind is bool:
            parts[option.name] = "yes" if value else "no"
        else:
            parts[option.name] = f"{value:g}" if isinstance(value, float) else str(value)
    if "mode" in advised:
        # They would undo it.
        for name in ("nodelay", "interval", "resend"):
            parts.pop(name, None)
    parts.update(advised)
    options = "".join(f":{name}={escaped(value)}" for name, value in parts.items())
    return f"kcp:{escaped(endpoint.host)}:{endpoint.port}{options}"
