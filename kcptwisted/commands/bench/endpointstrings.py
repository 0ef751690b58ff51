"""
Makes the endpoint strings of both ends from one list of options.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from twisted.internet.endpoints import clientFromString, serverFromString

from kcptwisted.options.table import OPTIONS

HOST = "127.0.0.1"

#: The text between two colons.  A colon after a backslash does not end it.
_OPTION = re.compile(r"(?:\\.|[^:\\])+", re.DOTALL)

#: Options that the benchmark sets itself.
_TAKEN = {"interface", "bindAddress"}

#: Options whose values a report leaves out.
_SECRET = {"key", "rawKey"}


def _name(part: str) -> str:
    return part.partition("=")[0]


@dataclass(frozen=True)
class EndpointStrings:
    """
    The endpoint strings of a measurement.  Both ends are on this machine.

    @ivar options: the options of both ends, as in an endpoint string.  An option that only one end
        takes goes to that end.
    """

    options: str

    def check(self, reactor: Any) -> None:
        """
        Checks the options, without opening anything.

        @raise ValueError: if an option is wrong.  The message names it and says what is allowed.
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
        The endpoint string of the server, on any free port.
        """
        return ":".join(["kcp:0", f"interface={HOST}", *self._of("server")])

    def client(self, port: int) -> str:
        """
        Returns the endpoint string of the client.

        @param port: the server's UDP port.
        """
        return ":".join([f"kcp:{HOST}:{port}", *self._of("client")])

    @property
    def shown(self) -> str:
        """
        The options for a report, without the values of keys.
        """
        return ":".join(
            f"{_name(part)}=..." if _name(part) in _SECRET else part for part in self._parts
        )

    @property
    def _parts(self) -> list[str]:
        return _OPTION.findall(self.options)

    def _of(self, end: str) -> list[str]:
        other = "client" if end == "server" else "server"
        foreign = {option.name for option in OPTIONS if option.ends == other}
        return [part for part in self._parts if _name(part) not in foreign]
