"""
The command C{kcptwisted bench}.
"""

from __future__ import annotations

import argparse
import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure

from kcptwisted.commands.bench.endpointstrings import EndpointStrings
from kcptwisted.commands.bench.machine import machine
from kcptwisted.commands.bench.plot import checkPlot, draw
from kcptwisted.commands.bench.processes import Peers
from kcptwisted.commands.bench.progress import ProgressBar
from kcptwisted.commands.bench.report import document, table
from kcptwisted.commands.bench.resources import allowDescriptors
from kcptwisted.commands.bench.results import Result
from kcptwisted.commands.bench.runner import Stopped, measure
from kcptwisted.commands.bench.scenarios import Settings, chosen

#: Exit statuses other than 0.  The last is the usual one after SIGINT.
FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


class Benchmark:
    """
    One run of the command.
    """

    def __init__(self, reactor: Any, arguments: argparse.Namespace) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorProcess} and
            L{twisted.internet.interfaces.IReactorTime}.
        @param arguments: the command line.
        @raise ValueError: if something in the command line is wrong or not possible here.  Nothing
            has been measured then.
        """
        self._reactor = reactor
        self._arguments = arguments
        self._scenarios = chosen(arguments.scenarios)
        self._settings = Settings(
            EndpointStrings(arguments.options),
            arguments.megabytes,
            arguments.sessions,
            arguments.seconds,
            arguments.rounds,
        )
        self._settings.ends.check(reactor)
        if arguments.plot is not None:
            checkPlot(arguments.plot)
        if any(scenario.crowded for scenario in self._scenarios):
            allowDescriptors(arguments.sessions)
        self._peers = Peers(reactor)

    async def run(self, output: TextIO, errors: TextIO) -> bool:
        """
        Measures, and prints the results.

        @param output: where to print the results.
        @param errors: where to draw the progress bar and print later errors.
        @return: True if all scenarios were measured and the picture was written.
        """
        bar = ProgressBar(self._reactor, errors)
        bar.start()
        try:
            results = await measure(self._peers, self._scenarios, self._settings, bar)
        finally:
            bar.stop()
        self._report(results, output)
        try:
            if self._arguments.plot is not None:
                draw(results, self._arguments.plot)
        except OSError as problem:
            print(f"kcptwisted bench: --plot: {problem}", file=errors)
            return False
        return not any(result.failed for result in results)

    def _report(self, results: list[Result], output: TextIO) -> None:
        found = machine(self._reactor)
        settings = self._settings
        if self._arguments.json:
            given = {**asdict(settings), "options": settings.ends.shown}
            del given["ends"]
            print(json.dumps(document(results, found, given), indent=2), file=output)
            return
        print("\n".join(f"{name + ':':14}{value}" for name, value in found.items()), file=output)
        print(f"{'options:':14}{settings.ends.shown}\n\n{table(results)}", file=output)

    def stop(self) -> Deferred[list[None]]:
        """
        Ends the processes.

        @return: fires when all have ended.
        """
        return self._peers.stop()


def run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    """
    Runs the reactor until everything is measured.

    @param arguments: the command line.
    @param output: where to print the results.
    @param errors: where to draw the progress bar and print errors.
    @return: the exit status: 0; 1 if a scenario failed; 2 if the command line is wrong; 130 if the
        user ended it.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    try:
        benchmark = Benchmark(reactor, arguments)
    except ValueError as problem:
        print(f"kcptwisted bench: {problem}", file=errors)
        return WRONG_USAGE
    status = [INTERRUPTED]

    def ended(result: bool | Failure) -> None:
        # First of all: what follows fails if nobody reads what this prints.  The reactor has
        # stopped already if the user has ended the run.
        with suppress(ReactorNotRunning):
            reactor.stop()
        if isinstance(result, Failure):
            if not result.check(Stopped):
                status[0] = FAILED
                result.printTraceback(errors)
        else:
            status[0] = 0 if result else FAILED

    def begin() -> None:
        reactor.addSystemEventTrigger("before", "shutdown", benchmark.stop)
        Deferred.fromCoroutine(benchmark.run(output, errors)).addBoth(ended)

    reactor.callWhenRunning(begin)
    reactor.run()
    return status[0]
