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

#: Exit statuses other than 0.
FAILED, WRONG_USAGE, TOO_LATE = 1, 2, 3

#: Seconds that the sessions of a client may take to end.
CLOSE_TIMEOUT = 5

SERVERS: dict[str, type[Protocol]] = {"echo": EchoServer, "sink": SinkServer}


class StandardInput(LineOnlyReceiver):
    """
    Reads standard input until its end.

    @ivar ended: fires at the end.
    """

    delimiter = b"\n"

    def __init__(self, asked: Callable[[], None]) -> None:
        """
        @param asked: is called for each line.
        """
        self._asked = asked
        self.ended: Deferred[None] = Deferred()

    def lineReceived(self, line: bytes) -> None:
        """
        Calls C{asked}, whatever the line says.
        """
        self._asked()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fires C{ended}.
        """
        self.ended.callback(None)


def printResult(found: dict[str, Any]) -> None:
    """
    Prints a result as a line of JSON.
    """
    print(json.dumps(found), flush=True)


def inputEnds(reactor: Any, asked: Callable[[], None] = lambda: None) -> Deferred[None]:
    """
    Reads standard input.

    @param reactor: provides L{twisted.internet.interfaces.IReactorFDSet}.
    @param asked: is called for each line.
    @return: fires when standard input has ended.
    """
    standardInput = StandardInput(asked)
    StandardIO(standardInput, reactor=reactor)
    return standardInput.ended


async def serve(reactor: Any, endpoint: str, role: str) -> None:
    """
    Serves until standard input ends.  Prints what the process has used, for each line of input and
    at the end.

    @param endpoint: a server endpoint string.
    @param role: a key of C{SERVERS}.
    """
    allowDescriptors(0)
    port = await serverFromString(reactor, endpoint).listen(Factory.forProtocol(SERVERS[role]))
    address: Any = port.getHost()
    print(f"listening {address.host}:{address.port}", flush=True)
    await inputEnds(reactor, lambda: printResult(usage()))
    printResult(usage())


async def play(
    reactor: Any, endpoint: str, job: Job, ready: bool, server: str | None = None
) -> None:
    """
    Does the job of a client, and prints the results.

    @param endpoint: a client endpoint string.
    @param job: what to do.
    @param ready: True to print C{ready} when all sessions are open.
    @param server: an endpoint string of a server for the client, in this process too.
    """
    allowDescriptors(job.sessions)
    if server is not None:
        serves = SERVERS["sink" if job.role == "sink" else "echo"]
        await serverFromString(reactor, server).listen(Factory.forProtocol(serves))

    async def hold() -> None:
        await inputEnds(reactor)

    def printReady() -> None:
        if ready:
            print("ready", flush=True)

    player = Player(reactor, clientFromString(reactor, endpoint), job)
    found = await player.play(hold, printReady)
    printResult({**found, **usage()})
    await endSessions(reactor, player.clients)


async def endSessions(reactor: Any, clients: Sequence[Client]) -> None:
    """
    Aborts all sessions, so that the server does not keep them.
    """
    for client in clients:
        client.transport.abortConnection()
    await gatherResults([client.lost for client in clients]).addTimeout(CLOSE_TIMEOUT, reactor)


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
    Returns the parser of the command line.
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
        ("connects", "open and close sessions to an echo server", ["count"]),
    ):
        client = roles.add_parser(role, help=what)
        client.add_argument("endpoint", help="the server, a client endpoint string")
        defaults = Job(role)
        for name, meaning in {
            "sessions": "how many at once",
            "bytes": "to move on each session",
            "size": "bytes of a message",
            "count": "sessions in all" if role == "connects" else "messages of each session",
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
        client.add_argument(
            "--server", help="serve it in this process too: a server endpoint string"
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
    Starts the server or the client.

    @param given: the command line.
    @return: fires when it is done.
    """
    role, endpoint = given.pop("role"), given.pop("endpoint")
    given.pop("timeout")
    if role == "serve":
        return Deferred.fromCoroutine(serve(reactor, endpoint, given["serves"]))
    # A user of idle sessions must know when they are open.
    ready = given.pop("ready", role == "idle")
    server = given.pop("server")
    return Deferred.fromCoroutine(play(reactor, endpoint, Job(role, **given), ready, server))


def main(arguments: Sequence[str]) -> int:
    """
    Runs one end of a measurement.

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
            # This is a consequence of the reactor's stop.
            return
        outcome.append(status)
        # A signal may have stopped the reactor before.
        with suppress(ReactorNotRunning):
            reactor.stop()
        # Last, because the parent process may have ended, and then this can fail.
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
