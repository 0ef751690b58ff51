"""
One clock for all ports of a reactor.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from twisted.internet.interfaces import IReactorTime

from kcptwisted.timing.clock import FlushClock

# By id, since a reactor need be neither hashable nor weakly referenceable.  A clock holds its
# reactor, so while it is here no other reactor has the id.
_clocks: WeakValueDictionary[int, FlushClock] = WeakValueDictionary()


def clockOf(reactor: IReactorTime) -> FlushClock:
    """
    Returns the clock that all ports of C{reactor} share.  It is there as long as one of them holds
    it, or a call of it is planned; then this makes another.
    """
    clock = _clocks.get(id(reactor))
    if clock is None:
        clock = _clocks[id(reactor)] = FlushClock(reactor)
    return clock


def dropClock(reactor: IReactorTime) -> None:
    """
    Has ports that are opened from now on share another clock: for simulations in which a process
    is killed, with all its delayed calls, and its reactor is used again.
    """
    _clocks.pop(id(reactor), None)
