"""
A network address translator, for L{kcptwisted.testing}.
"""

from __future__ import annotations

_HostPort = tuple[str, int]


class Translations:
    """
    Maps the addresses of hosts to the addresses that others see.
    """

    def __init__(self) -> None:
        """
        Maps each address to itself.
        """
        self._outside: dict[_HostPort, _HostPort] = {}
        # None for an address that is no longer in use.
        self._inside: dict[_HostPort, _HostPort | None] = {}

    def add(self, inside: _HostPort, outside: _HostPort) -> None:
        """
        Maps C{inside} to C{outside}.  The address that it was mapped to before is no longer in use.

        @raise ValueError: if another address is mapped to C{outside}.
        """
        if self._inside.get(outside) not in (None, inside):
            raise ValueError(f"{outside} stands for {self._inside[outside]} already")
        self._inside[self.outside(inside)] = None
        self._outside[inside] = outside
        self._inside[outside] = inside

    def outside(self, inside: _HostPort) -> _HostPort:
        """
        Returns the address that others see.
        """
        return self._outside.get(inside, inside)

    def inside(self, outside: _HostPort) -> _HostPort | None:
        """
        Returns the host that gets what is sent to an address; None if the address is no longer in
        use.
        """
        return self._inside.get(outside, outside)
