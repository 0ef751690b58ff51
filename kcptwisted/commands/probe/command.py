"""
The command C{kcptwisted probe}.
"""

from __future__ import annotations

import argparse
import json
import signal
from random import SystemRandom
from typing import Any, TextIO

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from kcptwisted.commands.bench.plot import checkPlot
from kcptwisted.commands.probe.advice import advise
from kcptwisted.commands.probe.document import document
from kcptwisted.commands.probe.endpoint import endpointString, parse
from kcptwisted.commands.probe.plot import draw
from kcptwisted.commands.probe.prober import Bounds
from kcptwisted.commands.probe.probing import Probing
from kcptwisted.commands.probe.report import adviceLines, announcement, reportLines
from kcptwisted.endpoints import KCPClientEndpoint

#: Exit statuses other than 0.  The last is the usual one after SIGINT.
NOTHING, WRONG_USAGE, INTERRUPTED = 1, 2, 130

#: What may be asked for.
LEAST_MEGABYTES, MOST_MEGABYTES = 0.05, 1000.0
LEAST_SECONDS, MOST_SECONDS = 1.0, 600.0


def boundsOf(arguments: argparse.Namespace) -> Bounds:
    """
    Returns what may be spent.

    @raise ValueError: if a number is out of bounds.
    """
    if not LEAST_MEGABYTES <= arguments.megabytes <= MOST_MEGABYTES:
        raise ValueError(f"--megabytes must be {LEAST_MEGABYTES:g} to {MOST_MEGABYTES:g}")
    if not LEAST_SECONDS <= arguments.seconds <= MOST_SECONDS:
        raise ValueError(f"--seconds must be {LEAST_SECONDS:g} to {MOST_SECONDS:g}")
    return Bounds(arguments.seconds, int(arguments.megabytes * 1e6))


def run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    """
    Runs the reactor until all is measured.

    @param arguments: the command line.
    @param output: where to print.
    @param errors: where to print errors, and what comes before the JSON.
    @return: the exit status: 0; 1 if there is no server, or nothing was measured, or the connection
        ended early; 2 if the command line is wrong; 130 if the user interrupted it.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    try:
        endpoint = parse(reactor, arguments.server)
        bounds = boundsOf(arguments)
        if arguments.plot:
            checkPlot(arguments.plot)
    except ValueError as problem:
        print(f"kcptwisted probe: {problem}", file=errors)
        return WRONG_USAGE
    where = f"{endpoint.host}:{endpoint.port}"
    print(
        announcement(where, bounds.seconds, bounds.size),
        file=errors if arguments.json else output,
        flush=True,
    )
    probing = Probing(reactor, endpoint, bounds, SystemRandom())

    def begin() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: reactor.callFromThread(probing.stop))
        probing.run().addErrback(failed).addBoth(lambda _: reactor.stop())

    def failed(reason: Failure) -> None:
        # Stopped a second time, while it closed.
        if not reason.check(CancelledError):
            probing.problem = reason.getErrorMessage()
            reason.printTraceback(file=errors)

    reactor.callWhenRunning(begin)
    reactor.run()
    return finish(arguments, endpoint, probing, output, errors)


def finish(
    arguments: argparse.Namespace,
    endpoint: KCPClientEndpoint,
    probing: Probing,
    output: TextIO,
    errors: TextIO,
) -> int:
    """
    Prints what a run has found.

    @return: the exit status; see L{run}.
    """
    found = probing.findings()
    advice = advise(found)
    suits = None
    if advice:
        options = {name: value for each in advice for name, value in each.options.items()}
        suits = endpointString(endpoint, options)
    if arguments.json:
        values = document(
            found, probing.records, suits, advice, probing.problem, probing.interrupted
        )
        print(json.dumps(values, indent=2), file=output)
    elif found.connected is not None:
        print("\n".join(reportLines(found)), file=output)
        if suits is not None:
            print("\n".join(adviceLines(suits, advice)), file=output)
    if arguments.plot and found.roundTrips is not None:
        draw(probing.records, arguments.plot)
    if probing.interrupted:
        print("kcptwisted probe: interrupted; this is what is known", file=errors)
        return INTERRUPTED
    if probing.problem is not None:
        print(f"kcptwisted probe: {probing.problem}", file=errors)
        return NOTHING
    return 0
