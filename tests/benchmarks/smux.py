"""
smux over KCP, beside C{xtaci/smux} over kcp-go and beside KCP alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.benchmarks.contenders import Conditions, Contender, Load, kcpGo, ours
from tests.benchmarks.measuring import Found, measure
from tests.benchmarks.rows import MESSAGES, RATE, Row
from tests.benchmarks.subjects import Stage, Subject

#: Ours without smux.
ALONE = "kcptwisted, KCP alone"

CONDITIONS = Conditions()

BULK = Load("sink", bytes=200_000_000)
MANY = Load("pingpong", 1000, count=40)

BULK_ROWS = [
    Row("one way, one stream of smux", "rate", RATE, 1),
    Row("one way, one stream of smux, to KCP alone", "rate", RATE, 0.8, theirs=ALONE),
]
MANY_ROWS = [Row("1,000 streams of one smux session, messages", "messages", MESSAGES, 1)]


def theirsOverSmux(binary: str) -> Contender:
    """
    @param binary: the path of C{gopeer}.
    @return: xtaci/smux over kcp-go.
    """
    plain = kcpGo(binary, CONDITIONS)
    return replace(
        plain,
        serve=lambda role: [*plain.serve(role), "-smux=2"],
        dial=lambda address, load: [*plain.dial(address, load), "-smux=2"],
    )


def oursOverSmux() -> Contender:
    """
    @return: our smux over KCP.
    """
    plain = ours(CONDITIONS)

    def wrapped(command: list[str]) -> list[str]:
        return [f"smux:{word}" if word.startswith("kcp:") else word for word in command]

    return replace(
        plain,
        serve=lambda role: wrapped(plain.serve(role)),
        dial=lambda address, load: wrapped(plain.dial(address, load)),
    )


def streams(load: Load, alone: bool = False) -> Callable[[Stage], list[Subject]]:
    """
    @param alone: whether KCP alone is measured, too.
    @return: streams of one session under a load, of both implementations.
    """

    def subjects(stage: Stage) -> list[Subject]:
        contenders = [oursOverSmux()]
        if stage.gopeer:
            contenders.insert(0, theirsOverSmux(stage.gopeer))
        if alone:
            contenders.append(replace(ours(CONDITIONS), name=ALONE))
        small = stage.size(load)

        def measured(contender: Contender) -> Callable[[int], Found]:
            return lambda _: measure(contender, small)

        return [Subject(one.name, one.setting, measured(one)) for one in contenders]

    return subjects
