"""
The endpoint strings of both ends, from one list of options.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString

from kcptwisted.options.table import OPTIONS

HOST = "127.0.0.1"

#: What stands between two colons; one after a backslash does not count.
_PART = re.compile(r"(?:\\.|[^:\\])+", re.DOTALL)

#: What the benchmark itself says.
_TAKEN = {"interface", "bindAddress"}

#: What a report leaves out.
_SECRET = {"key", "rawKey"}


def _name(part: str) -> str:
    return part.partition("=")[0]


@dataclass(frozen=True)
class EndpointStrings:
    """
    Where both ends of a measurement are: on this machine.

    @ivar options: of both, as in an endpoint string; an option that one end alone has goes to that.
    """

    options: str

    def check(self, reactor: Any) -> None:
        """
        Try the options, without opening anything.

        @raise ValueError: names what is wrong and what is allowed.
        """
        parts = self._parts
        if ":".join(parts) != self.options or not all("=" in part for part in parts):
            raise ValueError("--options must be name=value:name=value")
        for name in map(_name, parts):
            if name in _TAKEN:
                raise ValueError(f"{name} must be left out: both ends are at {HOST}")
        serverFromString(reactor, self.server)
        clientFromString(reactor, self.client(1))

    @property
    def server(self) -> str:
        """
        The server's, on a port that is free.
        """
        return ":".join(["kcp:0", f"interface={HOST}", *self._of("server")])

    def client(self, port: int) -> str:
        """
        @param port: the server's.
        """
        return ":".join([f"kcp:{HOST}:{port}", *self._of("client")])

    @property
    def shown(self) -> str:
        """
        The options without keys, for a report.
        """
        return ":".join(
            f"{_name(part)}=..." if _name(part) in _SECRET else part for part in self._parts
        )

    @property
    def _parts(self) -> list[str]:
        return _PART.findall(self.options)

    def _of(self, end: str) -> list[str]:
        other = "client" if end == "server" else "server"
        foreign = {option.name for option in OPTIONS if option.ends == other}
        return [part for part in self._parts if _name(part) not in foreign]
