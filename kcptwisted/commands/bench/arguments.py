"""
The command line of C{kcptwisted bench}.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from kcptwisted.commands.bench.scenarios import SCENARIOS

#: The default options: large windows, no cipher, no FEC.
DEFAULT_OPTIONS = "crypt=null:mode=fast3:sendWindow=1024:receiveWindow=1024"


def _above0(kind: Callable[[str], float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")
        return value

    # Argparse shows this name if the text is no number.
    parse.__name__ = kind.__name__
    return parse


def addArguments(parser: argparse.ArgumentParser) -> None:
    """
    Adds the arguments of C{bench}.

    @param parser: the parser of the subcommand.
    """
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)} (all)"
    )
    parser.add_argument(
        "--options",
        default=DEFAULT_OPTIONS,
        help="endpoint options of both ends, name=value:name=value (%(default)s)",
    )
    whole, real = _above0(int), _above0(float)
    parser.add_argument(
        "--megabytes", type=whole, default=200, help="to move in oneway and echo (%(default)s)"
    )
    parser.add_argument(
        "--sessions", type=whole, default=1000, help="of many and idle (%(default)s)"
    )
    parser.add_argument(
        "--seconds", type=real, default=10, help="to watch idle sessions (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=whole, default=3, help="of each but idle; medians count (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw a .png, .svg or .pdf; needs matplotlib"
    )
