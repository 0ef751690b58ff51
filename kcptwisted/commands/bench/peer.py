"""
One end of a measurement, in a process of its own: C{python -m kcptwisted.commands.bench.peer}.  It
takes any endpoint string; docs/bench.md, "The peer", says what it reads and prints.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.error import ReactorNotRunning
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.stdio import StandardIO
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from kcptwisted.commands.bench.loads import Client, EchoServer, SinkServer
from kcptwisted.commands.bench.resources import allowDescriptors, usage
from kcptwisted.commands.bench.roles import Job, Player

#: Exit statuses beside 0.
FAILED, WRONG_USAGE, TOO_LATE = 1, 2, 3

#: Seconds that the sessions of a client may take to end when all is done.
PARTING = 5

SERVERS: dict[str, type[Protocol]] = {"echo": EchoServer, "sink": SinkServer}


class StandardInput(LineOnlyReceiver):
    """
    Waits for the end of standard input.

    @ivar ended: fires then.
    """

    delimiter = b"\n"

    def __init__(self, asked: Callable[[], None]) -> None:
        """
        @param asked: called for each line.
        """
        self._asked = asked
        self.ended: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        Whatever it says, it asks.
        """
        self._asked()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        That was it.
        """
        self.ended.callback(None)


def tell(found: dict[str, Any]) -> None:
    """
    Print a line of JSON.
    """
    print(json.dumps(found), flush=True)


def inputEnds(reactor: Any, asked: Callable[[], None] = lambda: None) -> Deferred[None]:
    """
    @return: fires when standard input has ended.
    """
    standardInput = StandardInput(asked)
    StandardIO(standardInput, reactor=reactor)
    return standardInput.ended


async def serve(reactor: Any, endpoint: str, role: str) -> None:
    """
    Serve until standard input ends, and tell what that took; for each line of input tell it too.
    """
    allowDescriptors(0)
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(SERVERS[role]))
    address: Any = port.getHost()
    print(f"listening {address.host}:{address.port}", flush=True)
    await inputEnds(reactor, lambda: tell(usage()))
    tell(usage())


async def play(reactor: Any, endpoint: str, job: Job, ready: bool) -> None:
    """
    Be a client, and tell what came of it.

    @param ready: whether to tell when all sessions are there.
    """
    allowDescriptors(job.sessions)

    async def hold() -> None:
        await inputEnds(reactor)

    def tellReady() -> None:
        if ready:
            print("ready", flush=True)

    player = Player(reactor, clientFromString(reactor, endpoint), job)
    found = await player.play(hold, tellReady)
    tell({**found, **usage()})
    await part(reactor, player.clients)


async def part(reactor: Any, clients: Sequence[Client]) -> None:
    """
    End all sessions, so that the server need not hold them.
    """
    for client in clients:
        client.transport.abortConnection()
    await gatherResults([client.lost for client in clients]).addTimeout(PARTING, reactor)


def _positive(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
        return value

    parse.__name__ = kind.__name__
    return parse


def buildParser() -> argparse.ArgumentParser:
    """
    @return: the parser of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m kcptwisted.commands.bench.peer", description="One end of a measurement."
    )
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("serve", help="serve until standard input ends")
    server.add_argument("endpoint", help="where to listen, a server endpoint string")
    server.add_argument("--role", dest="serves", choices=sorted(SERVERS), default="echo")
    whole, real = _positive(int), _positive(float)
    for role, what, options in (
        ("echo", "send bytes to an echo server and get them back", ["bytes"]),
        ("sink", "send bytes to a sink, which counts them", ["bytes"]),
        ("pingpong", "time messages to an echo server, one after the other", ["size", "count"]),
        ("paced", "time messages that are sent on schedule", ["size", "rate", "seconds"]),
        ("idle", "hold sessions to an echo server until standard input ends", []),
    ):
        client = roles.add_parser(role, help=what)
        client.add_argument("endpoint", help="the server, a client endpoint string")
        defaults = Job(role)
        for name, meaning in {
            "sessions": "how many at once",
            "bytes": "to move on each session",
            "size": "bytes of a message",
            "count": "messages of each session",
            "rate": "messages a second and session",
            "seconds": "how long to send",
        }.items():
            if name == "sessions" or name in options:
                default = getattr(defaults, name)
                kind = real if name in ("rate", "seconds") else whole
                client.add_argument(
                    f"--{name}", type=kind, default=default, help=f"{meaning} (%(default)s)"
                )
        client.add_argument(
            "--seed", type=int, default=defaults.seed, help="of the test stream (%(default)s)"
        )
        if role != "idle":
            client.add_argument(
                "--ready", action="store_true", help="print ready before what is timed begins"
            )
    for one in roles.choices.values():
        one.add_argument(
            "--timeout",
            type=float,
            default=600,
            help="seconds before the watchdog ends the run, 0 for never (%(default)s)",
        )
    return parser


def start(reactor: Any, given: dict[str, Any]) -> Deferred[None]:
    """
    @param given: the command line.
    @return: fires when all is done.
    """
    role, endpoint = given.pop("role"), given.pop("endpoint")
    given.pop("timeout")
    if role == "serve":
        return Deferred.fromCoroutine(serve(reactor, endpoint, given["serves"]))
    # Whoever holds idle sessions must know when they are there.
    ready = given.pop("ready", role == "idle")
    return Deferred.fromCoroutine(play(reactor, endpoint, Job(role, **given), ready))


def main(arguments: Sequence[str]) -> int:
    """
    @param arguments: the command line without the program's name.
    @return: the exit status: 0; 1 if something failed; 2 if the command line is wrong; 3 if the
        watchdog ended the run.
    """
    given = vars(buildParser().parse_args(arguments))
    observer = FilteringLogObserver(
        textFileLogObserver(sys.stderr), [LogLevelFilterPredicate(LogLevel.error)]
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    from twisted.internet import reactor as installed

    reactor: Any = installed
    outcome: list[int] = []

    def end(status: int, problem: str = "") -> None:
        if outcome:
            # What ends now ends because the reactor stops.
            return
        outcome.append(status)
        # A signal may have been first.
        with suppress(ReactorNotRunning):
            reactor.stop()
        # Last: whoever has started this may be gone, and standard error with it.
        if problem:
            print(f"peer: {problem}", file=sys.stderr)

    def ended(result: object) -> None:
        if not isinstance(result, Failure):
            end(0)
            return
        problem = result.value
        while isinstance(problem, FirstError):
            problem = problem.subFailure.value
        status = WRONG_USAGE if isinstance(problem, ValueError) else FAILED
        end(status, f"{type(problem).__name__}: {problem}")

    limit = given["timeout"]
    if limit:
        reactor.callLater(limit, end, TOO_LATE, f"not done within {limit:g} s")
    reactor.callWhenRunning(lambda: start(reactor, given).addBoth(ended))
    reactor.run()
    return outcome[0] if outcome else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
