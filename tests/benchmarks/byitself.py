"""
What is measured of ours by itself, in the command's own process or beside it: the ARQ core,
ciphers, and a TCP echo beside a session.
"""

from __future__ import annotations

from functools import partial

from tests.benchmarks import arqcost, fairness, primitives
from tests.benchmarks.contenders import KCP_GO, OURS, PURE
from tests.benchmarks.measuring import Found
from tests.benchmarks.subjects import Stage, Subject


def windows(stage: Stage) -> list[Subject]:
    """
    @return: the ARQ core at small and large windows.
    """

    def run(name: str, _: int) -> Found:
        windows = arqcost.WINDOWS[:2] if stage.quick else arqcost.WINDOWS
        found = {str(window): arqcost.measure(window, arqcost.LINKS[name])[0] for window in windows}
        return {**found, "growth": found[str(windows[-1])] / found[str(windows[0])]}

    return [Subject(name, "", partial(run, name)) for name in arqcost.LINKS]


def queues(stage: Stage) -> list[Subject]:
    """
    @return: flushes with few and with many segments queued.
    """

    def run(_: int) -> Found:
        found = {str(queued): arqcost.measureQueue(queued) for queued in arqcost.QUEUED}
        return {**found, "growth": found[str(arqcost.QUEUED[-1])] / found[str(arqcost.QUEUED[0])]}

    return [Subject(OURS, "", run)]


def neighbours(stage: Stage) -> list[Subject]:
    """
    @return: a TCP echo beside a session of the same process, by what that does.
    """
    seconds = 0.3 if stage.quick else 5

    def run(load: str, _: int) -> Found:
        found = fairness.measure(seconds, load)
        return {
            "rate": found.rate,
            "p50": found.echoMedian * 1000,
            "p99": found.echoWorst * 1000,
            "timer50": found.timerMedian * 1000,
            "timer99": found.timerWorst * 1000,
        }

    return [Subject(load, "", partial(run, load)) for load in fairness.LOADS]


def computations(stage: Stage) -> list[Subject]:
    """
    @return: what is computed for each packet.
    """
    rows = [row for row in primitives.allRows() if not stage.quick or row.name == "CRC-32"]
    subjects = [
        Subject(OURS, "", lambda _: primitives.measureOurs(rows)),
        Subject(PURE, "", lambda _: primitives.measurePure([row.theirs[0] for row in rows])),
    ]
    if stage.gopeer:
        theirs = Subject(KCP_GO, "", lambda _: primitives.measureTheirs(stage.gopeer, rows))
        subjects.insert(0, theirs)
    return subjects
