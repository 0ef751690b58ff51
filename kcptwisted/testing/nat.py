"""
A network address translator, for L{kcptwisted.testing}.
"""

from __future__ import annotations

_HostPort = tuple[str, int]


class Translations:
    """
    Which address is seen outside for which one inside.
    """

    def __init__(self) -> None:
        """
        At first each address is seen as it is.
        """
        self._outside: dict[_HostPort, _HostPort] = {}
        # None for an address that is seen no more.
        self._inside: dict[_HostPort, _HostPort | None] = {}

    def add(self, inside: _HostPort, outside: _HostPort) -> None:
        """
        Show C{inside} as C{outside}, and no more as what it was shown as until now.

        @raise ValueError: if another address is shown as C{outside}.
        """
        if self._inside.get(outside) not in (None, inside):
            raise ValueError(f"{outside} stands for {self._inside[outside]} already")
        self._inside[self.outside(inside)] = None
        self._outside[inside] = outside
        self._inside[outside] = inside

    def outside(self, inside: _HostPort) -> _HostPort:
        """
        @return: what an address is seen as.
        """
        return self._outside.get(inside, inside)

    def inside(self, outside: _HostPort) -> _HostPort | None:
        """
        @return: whom to hand what is sent to an address; None if it is lost.
        """
        return self._inside.get(outside, outside)
