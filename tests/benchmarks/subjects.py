"""
What is measured in each round of a comparison: implementations under a load, and what else is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tests.benchmarks import beside
from tests.benchmarks.contenders import (
    KCP_GO,
    MTU,
    ONE_PROCESS,
    TLS,
    Conditions,
    Contender,
    Installation,
    Installations,
    Load,
    asyncioPeer,
    kcpGo,
    optionString,
    ours,
    tcp,
    tls,
    whyNot,
)
from tests.benchmarks.measuring import (
    BadPath,
    Found,
    measure,
    measureBeside,
    measureTunnel,
    runGoBenchmark,
    watchIdle,
)
from tests.interop.router import canBeApart

#: Of the bad path, each way.
DELAY, LOSS = 0.025, 0.1

#: How many sessions play ping-pong where the cost of a message is measured.
SESSIONS = (1, 10, 100, 1000, 10_000)

#: Between which of these it is to grow little.
FEW, MANY = "10", "10000"

#: Rounds of kcp-go where ours has a target of its own.
THEIR_ROUNDS = 2

#: The way to carry a stream that is like TLS and QUIC.
SEALED = "kcptwisted, aes-128-gcm"
#: What this interpreter finds.
HERE = Installations()

#: What may not be installed.
OPTIONAL = (TLS, "aiokcp", "aioquic")


@dataclass(frozen=True)
class Stage:
    """
    What measurements need.

    @ivar gopeer: the path of that program; empty where it cannot be built.
    @ivar certificate: a directory with C{cert.pem} and C{key}.
    @ivar quick: whether loads are to be small.
    @ivar installations: of ours.
    @ivar goBenchmark: the path of kcp-go's own benchmarks; empty where they cannot be built.
    """

    gopeer: str
    certificate: str
    quick: bool = False
    installations: Installations = HERE
    goBenchmark: str = ""

    @property
    def installed(self) -> list[Installation]:
        """
        Ours, compiled and not.
        """
        here = self.installations
        return [one for one in (here.default, here.plain) if one is not None]

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


def _subject(
    stage: Stage, contender: Contender, load: Load, lossy: bool = False, most: int = 5
) -> Subject:
    def run(number: int) -> Found:
        return measure(contender, stage.size(load), stage.path(lossy, number))

    return Subject(contender.name, contender.setting, run, most)


def duel(
    load: Load, conditions: Conditions, both: bool = False, pure: bool = False
) -> Callable[[Stage], list[Subject]]:
    """
    @param both: whether ours runs with and without C{ackNoDelay}, as kcp-go does.
    @param pure: whether ours also runs without the accelerator.
    @return: kcp-go, in two processes and in one, and ours, compiled and not, under a load.
    """

    def subjects(stage: Stage) -> list[Subject]:
        settings = (False, True) if both else (False,)
        installed = [*stage.installed, *([stage.installations.pure] if pure else [])]
        contenders = [
            ours(conditions, setting, installation)
            for installation in installed
            for setting in settings
        ]
        if stage.gopeer:
            contenders[:0] = [
                kcpGo(stage.gopeer, conditions, setting, together)
                for together in (False, True)
                for setting in (False, True)
            ]
        return [_subject(stage, contender, load) for contender in contenders]

    return subjects


def lossyDuel(
    load: Load, conditions: Conditions, both: bool = False
) -> Callable[[Stage], list[Subject]]:
    """
    @param both: whether each implementation runs with and without C{ackNoDelay}.
    @return: both implementations under a load through the bad path, which is gopeer's.
    """

    def subjects(stage: Stage) -> list[Subject]:
        if not stage.gopeer:
            return []
        settings = (False, True) if both else (False,)
        default = stage.installations.default
        return [
            _subject(stage, contender, load, True)
            for contender in (
                *[kcpGo(stage.gopeer, conditions, setting) for setting in settings],
                *[ours(conditions, setting, default) for setting in settings],
            )
        ]

    return subjects


def crowd(load: Load) -> Callable[[Stage], list[Subject]]:
    """
    @return: both implementations with so many sessions that it takes long.
    """

    def subjects(stage: Stage) -> list[Subject]:
        return [_subject(stage, one, load, most=most) for one, most in _plain(stage)]

    return subjects


def _plain(stage: Stage) -> list[tuple[Contender, int]]:
    """
    @return: kcp-go, with and without C{ackNoDelay}, and ours, compiled and not; and in how many
        rounds.
    """
    settings = (False, True) if stage.gopeer else ()
    return [
        *[(kcpGo(stage.gopeer, Conditions(), setting), THEIR_ROUNDS) for setting in settings],
        *[(ours(Conditions(), False, one), 5) for one in stage.installed],
    ]


def idle(load: Load) -> Callable[[Stage], list[Subject]]:
    """
    @return: both implementations, watched while nothing happens.
    """

    def run(contender: Contender, load: Load, _: int) -> Found:
        return watchIdle(contender, load)

    def subjects(stage: Stage) -> list[Subject]:
        small = stage.size(load)
        return [
            Subject(one.name, one.setting, partial(run, one, small), most)
            for one, most in _plain(stage)
        ]

    return subjects


def crowds(stage: Stage) -> list[Subject]:
    """
    @return: ping-pong of few and of many sessions: the CPU time of a message at both ends, and by
        what factor it grows, at both ends and at the server.
    """

    def run(contender: Contender, _: int) -> Found:
        found, server = {}, {}
        for sessions in SESSIONS:
            load = stage.size(Load("pingpong", sessions, count=max(20_000 // sessions, 4)))
            measured = measure(contender, load)
            found[str(sessions)] = measured["cpuPerMessage"]
            server[str(sessions)] = measured["serverPerMessage"]
        growths = {"growth": server[MANY] / server[FEW], "growthOfBoth": found[MANY] / found[FEW]}
        return {**found, **growths}

    return [Subject(one.name, one.setting, partial(run, one), most) for one, most in _plain(stage)]


def goBenchmark(sink: Load, echo: Load) -> Callable[[Stage], list[Subject]]:
    """
    @return: kcp-go's own benchmarks, and ours under the same conditions: between two processes, and
        in one.
    """
    conditions = {
        "sink": (sink, Conditions()),
        "echo": (echo, Conditions(crypt="salsa20", dataShards=10, parityShards=3)),
    }

    def subjects(stage: Stage) -> list[Subject]:
        def own(installation: Installation, together: bool, _: int) -> Found:
            found = {}
            for name, (load, condition) in conditions.items():
                contender = ours(condition, False, installation, together)
                found[name] = measure(contender, stage.size(load))["rate"]
            return found

        found = [
            Subject(one.name, ONE_PROCESS if together else "", partial(own, one, together))
            for one in stage.installed
            for together in (False, True)
        ]
        if stage.goBenchmark:
            seconds = 0.05 if stage.quick else 0.5

            def theirs(_: int) -> Found:
                return runGoBenchmark(stage.goBenchmark, seconds)

            found.insert(0, Subject(KCP_GO, "", theirs))
        return found

    return subjects


#: What the datagrams have that go through a tunnel.
TUNNELLED = ("mtu=1400", "mtu=auto")


def tunnel(size: int) -> Callable[[Stage], list[Subject]]:
    """
    @param size: bytes.
    @return: a transfer through a tunnel that carries less than usual, by the option C{mtu}; nothing
        where this user can make no networks.
    """

    def subjects(stage: Stage) -> list[Subject]:
        contender = ours(Conditions(), False, stage.installations.default)
        rest = optionString(Conditions()).lstrip(":").replace(f"mtu={MTU}", "{}")

        def run(mtu: str, _: int) -> Found:
            bytes_ = size // 50 if stage.quick else size
            return measureTunnel(contender, rest.format(mtu), bytes_)

        if not canBeApart():
            return []
        return [Subject(mtu, "", partial(run, mtu)) for mtu in TUNNELLED]

    return subjects


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

    contenders = [ours(Conditions(), False, stage.installations.default)]
    if stage.gopeer:
        contenders.insert(0, kcpGo(stage.gopeer, Conditions()))
    return [
        *[Subject(one.name, one.setting, partial(run, one)) for one in contenders],
        *[Subject(name, "", partial(send, options)) for name, options in SENDERS.items()],
    ]


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
    default = stage.installations.default
    sealed = replace(ours(Conditions(crypt="aes-128-gcm"), False, default), name=SEALED)
    contenders = [
        ours(Conditions(), False, default),
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
