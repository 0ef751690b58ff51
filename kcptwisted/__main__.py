"""
C{kcptwisted}, or C{python -m kcptwisted}: the demonstration, the benchmark, the reading of
captures, the table of sessions, the measuring of paths, kcptun's client and server, and the
version.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

from kcptwisted import __version__
from kcptwisted.commands.bench import arguments as benchArguments
from kcptwisted.commands.dump import arguments as dumpArguments
from kcptwisted.commands.probe import arguments as probeArguments
from kcptwisted.commands.top import arguments as topArguments
from kcptwisted.native import describe

#: Services that run in the foreground, and what they do.
TUNNELS = {
    "kcptun-client": "pass TCP connections to a kcptun server; see docs/kcptun.md",
    "kcptun-server": "pass the connections of kcptun clients to a target",
}


def _number(text: str) -> float:
    """
    Returns a number, or NaN, which no limits contain, if it is none.
    """
    try:
        return float(text)
    except ValueError:
        return math.nan


def _share(text: str) -> float:
    value = _number(text.rstrip("%")) / 100
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be 0 to 99 percent, not {text}")
    return value


def _positive(text: str) -> int:
    value = _number(text)
    if not 1 <= value < math.inf or value % 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, at least 1, not {text}")
    return int(value)


def _amount(text: str) -> float:
    value = _number(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
    return value


def _milliseconds(text: str) -> float:
    value = _number(text) / 1000
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be 0 to 10000 ms, not {text}")
    return value


def buildParser() -> argparse.ArgumentParser:
    """
    Returns the parser of the command line.
    """
    parser = argparse.ArgumentParser(prog="kcptwisted", description="KCP for Twisted.")
    version = f"kcptwisted {__version__} ({describe()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo",
        help="fetch a file over a bad link and check it",
        description="Serves a file at a kcp: endpoint, fetches it through a UDP relay that loses"
        " and delays datagrams, and checks the SHA-256.  Exits with 0 only if the bytes are right.",
    )
    demo.add_argument("--file", help="the file to serve; random bytes if not given")
    demo.add_argument(
        "--megabytes", type=_positive, default=20, help="of random bytes, without --file (20)"
    )
    demo.add_argument(
        "--loss", type=_share, default=0.1, help="lost datagrams each way, percent (10)"
    )
    demo.add_argument(
        "--delay", type=_milliseconds, default=0.025, help="each way, milliseconds (25)"
    )
    demo.add_argument(
        "--mbit",
        type=_amount,
        metavar="RATE",
        help="rate of the link each way, Mbit/s (no limit)",
    )
    demo.add_argument(
        "--queue",
        type=_amount,
        default=150.0,
        help="what may wait for the rate, kilobytes (%(default)g)",
    )
    demo.add_argument(
        "--options",
        default="mode=fast3:sendWindow=1024:dataShards=10:parityShards=3",
        help="endpoint options of both ends, besides the key (%(default)s)",
    )
    demo.add_argument("--seed", type=int, default=1, help="seed of the lossy relay (1)")
    bench = commands.add_parser(
        "bench",
        help="measure this installation",
        description="Measures rates, round trips and the cost of idle sessions between two"
        " processes on this machine; docs/bench.md says what the figures mean.",
    )
    benchArguments.addArguments(bench)
    dump = commands.add_parser(
        "dump",
        help="show what KCP ends say to each other, from a capture",
        description="Prints the datagrams of a capture, and a summary of each conversation;"
        " docs/dump.md says what the lines mean.",
    )
    dumpArguments.addArguments(dump)
    status = commands.add_parser(
        "status",
        help="try the status page, with connections over a bad link",
        description="Has connections come and go over a UDP relay that loses and delays"
        " datagrams, and shows the status page; docs/status.md says what it shows.",
    )
    status.add_argument(
        "--endpoint",
        default="tcp:8081:interface=127.0.0.1",
        help="server endpoint of the page (%(default)s)",
    )
    status.add_argument("--sessions", type=_positive, default=20, help="connections (%(default)s)")
    status.add_argument(
        "--loss", type=_share, default=0.02, help="lost datagrams each way, percent (2)"
    )
    status.add_argument(
        "--delay", type=_milliseconds, default=0.025, help="each way, milliseconds (25)"
    )
    status.add_argument("--seed", type=int, default=1, help="seed of chance (%(default)s)")
    top = commands.add_parser(
        "top",
        help="show the sessions of a running program",
        description="Shows the ports and sessions of a program that has a status page;"
        " docs/status.md says how to have one.  Ctrl-C ends it.",
    )
    topArguments.addArguments(top)
    probe = commands.add_parser(
        "probe",
        help="measure the path to a KCP server, and say which options suit it",
        description="Measures round trips, losses, the path's MTU and its rate to any KCP server,"
        " and prints an endpoint string that suits.  Traffic is bounded; no application gets"
        " anything.  docs/probe.md says how it works.",
    )
    probeArguments.addArguments(probe)
    for name, what in TUNNELS.items():
        # Its flags are kcptun's, and read by itself.
        commands.add_parser(name, help=what, add_help=False)
    return parser


def main(arguments: Sequence[str]) -> int:
    """
    Runs a command.

    @param arguments: the command line without the program's name.
    @return: the exit status.
    """
    if arguments and arguments[0] in TUNNELS:
        from kcptwisted.services.kcptun.command import run

        return run(arguments[0], arguments[1:])
    parsed = buildParser().parse_args(arguments)
    if parsed.command == "bench":
        from kcptwisted.commands.bench import command

        return command.run(parsed, sys.stdout, sys.stderr)
    if parsed.command == "status":
        from kcptwisted.commands import status

        return status.run(parsed, sys.stdout)
    if parsed.command == "top":
        from kcptwisted.commands.top import command as topCommand

        return topCommand.run(parsed, sys.stdout, sys.stderr)
    if parsed.command == "dump":
        from kcptwisted.commands.dump import command as dumpCommand

        return dumpCommand.run(parsed, sys.stdout, sys.stderr)
    if parsed.command == "probe":
        from kcptwisted.commands.probe import command as probeCommand

        return probeCommand.run(parsed, sys.stdout, sys.stderr)
    from kcptwisted.commands import demo

    return demo.run(parsed, sys.stdout)


def script() -> None:
    """
    Runs the command C{kcptwisted}.
    """
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    script()
