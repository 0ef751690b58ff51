"""
One clock for all ports of a reactor.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from twisted.internet.interfaces import IReactorTime

from kcptwisted.timing.clock import FlushClock


class _Reference:
    """
    Stands for a clock, and lives as long: nothing refers weakly to an object of a compiled class.
    """

    __slots__ = ("__weakref__", "clock")

    def __init__(self, clock: FlushClock) -> None:
        self.clock = clock


# By id, since a reactor need be neither hashable nor weakly referenceable.  A clock holds its
# reactor, so while it is here no other reactor has the id.
_clocks: WeakValueDictionary[int, _Reference] = WeakValueDictionary()


def clockOf(reactor: IReactorTime) -> FlushClock:
    """
    Returns the clock that all ports of C{reactor} share.  It is there as long as one of them holds
    it, or a call of it is planned; then this makes another.
    """
    reference = _clocks.get(id(reactor))
    if reference is None:
        clock = FlushClock(reactor)
        clock.reference = reference = _clocks[id(reactor)] = _Reference(clock)
    return reference.clock


def dropClock(reactor: IReactorTime) -> None:
    """
    Has ports that are opened from now on share another clock: for simulations in which a process
    is killed, with all its delayed calls, and its reactor is used again.
    """
    _clocks.pop(id(reactor), None)
