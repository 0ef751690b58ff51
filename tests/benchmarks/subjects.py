"""
What is measured in each round of a comparison: implementations under a load, and what else is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tests.benchmarks import arqcost, beside, fairness, primitives
from tests.benchmarks.contenders import (
    KCP_GO,
    OURS,
    PURE,
    TLS,
    Conditions,
    Contender,
    Load,
    asyncioPeer,
    kcpGo,
    ours,
    tcp,
    tls,
    whyNot,
)
from tests.benchmarks.measuring import BadPath, Found, measure, measureBeside, watchIdle

#: Of the bad path, each way.
DELAY, LOSS = 0.025, 0.1

#: How many sessions play ping-pong where the cost of a message is measured.
SESSIONS = (1, 10, 100, 1000, 10_000)

#: The way to carry a stream that is like TLS and QUIC.
SEALED = "kcptwisted, aes-128-gcm"
#: What may not be installed.
OPTIONAL = (TLS, "aiokcp", "aioquic")


@dataclass(frozen=True)
class Stage:
    """
    What measurements need.

    @ivar gopeer: the path of that program; empty where it cannot be built.
    @ivar certificate: a directory with C{cert.pem} and C{key}.
    @ivar quick: whether loads are to be small.
    """

    gopeer: str
    certificate: str
    quick: bool = False

    def size(self, load: Load) -> Load:
        """
        @return: the load, or a small one of its kind.
        """
        if not self.quick:
            return load
        return replace(
            load,
            bytes=load.bytes // 50,
            sessions=max(load.sessions // 50, 1),
            count=max(load.count // 50, 10),
            seconds=min(load.seconds, 1),
        )

    def path(self, lossy: bool, number: int) -> BadPath | None:
        """
        @param number: of the round, which is the seed: both implementations meet the same chance.
        @return: the path between client and server.
        """
        return BadPath(self.gopeer, DELAY, LOSS, number) if lossy else None


@dataclass(frozen=True)
class Subject:
    """
    Something to measure in each round.

    @ivar name: of the implementation, or of whatever it is.
    @ivar setting: what it runs with, of several of that name.
    @ivar measure: does so, given the number of the round.
    @ivar most: in so many rounds.
    """

    name: str
    setting: str
    measure: Callable[[int], Found]
    most: int = 5

    @property
    def label(self) -> str:
        """
        Name and setting.
        """
        return f"{self.name} +{self.setting}" if self.setting else self.name


def _subject(stage: Stage, contender: Contender, load: Load, lossy: bool) -> Subject:
    def run(number: int) -> Found:
        return measure(contender, stage.size(load), stage.path(lossy, number))

    return Subject(contender.name, contender.setting, run)


def duel(
    load: Load, conditions: Conditions, both: bool = False, pure: bool = False, lossy: bool = False
) -> Callable[[Stage], list[Subject]]:
    """
    @param both: whether each implementation runs with and without C{ackNoDelay}.
    @param pure: whether ours also runs without the accelerator.
    @param lossy: whether the path is bad.
    @return: both implementations under a load.
    """

    def subjects(stage: Stage) -> list[Subject]:
        settings = (False, True) if both else (False,)
        contenders = [ours(conditions, setting) for setting in settings]
        if pure:
            contenders += [ours(conditions, setting, False) for setting in settings]
        if stage.gopeer:
            theirs = [kcpGo(stage.gopeer, conditions, setting) for setting in settings]
            contenders = [*theirs, *contenders]
        elif lossy:
            # The bad path is gopeer's.
            return []
        return [_subject(stage, contender, load, lossy) for contender in contenders]

    return subjects


def idle(load: Load) -> Callable[[Stage], list[Subject]]:
    """
    @return: both implementations, watched while nothing happens.
    """

    def run(contender: Contender, load: Load, _: int) -> Found:
        return watchIdle(contender, load)

    def subjects(stage: Stage) -> list[Subject]:
        contenders = [ours(Conditions())]
        if stage.gopeer:
            contenders.insert(0, kcpGo(stage.gopeer, Conditions()))
        small = stage.size(load)
        return [Subject(one.name, one.setting, partial(run, one, small)) for one in contenders]

    return subjects


def crowds(stage: Stage) -> list[Subject]:
    """
    @return: ping-pong of few and of many sessions.
    """

    def run(contender: Contender, _: int) -> Found:
        found = {}
        for sessions in SESSIONS:
            load = stage.size(Load("pingpong", sessions, count=max(20_000 // sessions, 4)))
            found[str(sessions)] = measure(contender, load)["cpuPerMessage"]
        return {**found, "growth": found[str(SESSIONS[-1])] / found[str(SESSIONS[0])]}

    contenders = [ours(Conditions())]
    if stage.gopeer:
        contenders.insert(0, kcpGo(stage.gopeer, Conditions()))
    return [Subject(one.name, one.setting, partial(run, one)) for one in contenders]


#: More options of both ends, by what a server's ten bulk senders are called.
SENDERS = {"bulk senders": "", "bulk senders, none": ":congestion=none"}


def besideMany(stage: Stage) -> list[Subject]:
    """
    @return: messages of one session beside ten of the same port: both implementations beside such
        as echo all they can, and ours beside such as the server sends all it can to.
    """
    messages = stage.size(Load("paced", rate=100, seconds=5))

    def run(contender: Contender, _: int) -> Found:
        return measureBeside(contender, Load("echo", 10, bytes=1 << 40), messages)

    def send(options: str, _: int) -> Found:
        seconds = 0.3 if stage.quick else 5
        alone = beside.alone(seconds, options, options)
        found = beside.beside("sending", seconds, server=options, client=options)
        times = {"alone50": alone.median, "alone99": alone.worst, "p50": found.median}
        times = {name: value * 1000 for name, value in {**times, "p99": found.worst}.items()}
        return {**times, "growth": found.worst / alone.worst}

    contenders = [ours(Conditions())]
    if stage.gopeer:
        contenders.insert(0, kcpGo(stage.gopeer, Conditions()))
    return [
        *[Subject(one.name, one.setting, partial(run, one)) for one in contenders],
        *[Subject(name, "", partial(send, options)) for name, options in SENDERS.items()],
    ]


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


#: What other ways to carry a stream have to do, by role.
RIVALRY = {
    "sink": Load("sink", bytes=100_000_000),
    "echo": Load("echo", bytes=50_000_000),
    "pingpong": Load("pingpong", count=500),
}


def rivals(stage: Stage) -> list[Subject]:
    """
    @return: other ways to carry a stream.
    """
    sealed = replace(ours(Conditions(crypt="aes-128-gcm")), name=SEALED)
    contenders = [
        ours(Conditions()),
        tcp(),
        sealed,
        tls(stage.certificate),
        *[asyncioPeer(name, stage.certificate, Conditions()) for name in ("aiokcp", "aioquic")],
    ]

    def run(contender: Contender, _: int) -> Found:
        found = {}
        for role, load in RIVALRY.items():
            result = measure(contender, stage.size(load))
            found[role] = result["p50" if role == "pingpong" else "rate"]
        return found

    there = [one for one in contenders if one.name not in OPTIONAL or whyNot(one.name) is None]
    return [Subject(one.name, one.setting, partial(run, one)) for one in there]


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
