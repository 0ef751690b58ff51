"""
The command line of C{kcptwisted top}.
"""

from __future__ import annotations

import argparse

#: Where a program with C{--status tcp:8081} tells it.
USUAL = "http://127.0.0.1:8081/"


def addArguments(parser: argparse.ArgumentParser) -> None:
    """
    Adds the arguments of the command.
    """
    parser.add_argument("url", nargs="?", default=USUAL, help="of the status page (%(default)s)")
    parser.add_argument(
        "--sort",
        default="age",
        help="the column to sort by, such as peer, rtt, in, out or resent (%(default)s)",
    )
    parser.add_argument(
        "--order",
        choices=("up", "down"),
        default="down",
        help="the largest first is down (%(default)s)",
    )
    parser.add_argument("--find", default="", help="part of an address, conversation or cipher")
    parser.add_argument("--token", default="", help="that the page wants")
    parser.add_argument("--once", action="store_true", help="print the state once, and end")
