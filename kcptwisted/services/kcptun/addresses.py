"""
Addresses as kcptun writes them: C{host:port}, C{:port}, C{host:first-last}, or a path.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kcptwisted.services.kcptun.commandline import ConfigurationError

_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^\[\]:]*):(?P<first>[0-9]+)(-(?P<last>[0-9]+))?")


class Ports(NamedTuple):
    """
    A host with one or more ports.

    @ivar host: a name or an address; empty for all addresses of this host.
    @ivar first: the first port.
    @ivar last: the last port.
    """

    host: str
    first: int
    last: int

    @property
    def numbers(self) -> range:
        """
        The ports.
        """
        return range(self.first, self.last + 1)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        ports = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{host}:{ports}"


def parsePorts(text: str, flag: str, *, isRange: bool = False, least: int = 0) -> Ports | None:
    """
    Reads a host and its ports.

    @param flag: what is named in errors.
    @param isRange: whether there may be several ports.
    @param least: the smallest number of a port.
    @return: None if the text is written as no host with a port is.
    @raise ConfigurationError: if the ports are none that there can be.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    first = int(match["first"])
    last = int(match["last"] or first)
    if match["last"] and not isRange:
        raise ConfigurationError(f"--{flag} must have one port, not a range: {text!r}")
    if not least <= first <= last <= 65535:
        raise ConfigurationError(
            f"--{flag} must have ports of {least} to 65535, the first before the last: {text!r}"
        )
    return Ports(match["host"].strip("[]"), first, last)
