"""
The command line of C{kcptwisted probe}.
"""

from __future__ import annotations

import argparse


def addArguments(parser: argparse.ArgumentParser) -> None:
    """
    Adds the arguments of the command.
    """
    parser.add_argument(
        "server",
        metavar="HOST:PORT[:OPTION=VALUE...]",
        help="as in a kcp: endpoint string, such as example.org:4000:crypt=aes:keyFile=secret",
    )
    parser.add_argument(
        "--megabytes",
        type=float,
        default=2.0,
        help="to send at most, the headers of IP and UDP included (%(default)g)",
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="to measure at most (%(default)g)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--plot", metavar="FILE", help="write a picture: .png, .svg or .pdf")
