"""
The command line of C{kcptwisted dump}.
"""

from __future__ import annotations

import argparse


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"must be 1 to 65535, not {text}")
    return value


def addArguments(parser: argparse.ArgumentParser) -> None:
    """
    Adds the options.
    """
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "file", nargs="?", metavar="FILE", help="a pcap or pcapng file; - is standard input"
    )
    source.add_argument(
        "-i", dest="interface", metavar="INTERFACE", help="capture from an interface; needs root"
    )
    parser.add_argument(
        "--crypt",
        metavar="CIPHER",
        help="the cipher; without it and without a key it is found out whether there is none",
    )
    parser.add_argument("--key", metavar="PASSPHRASE", help="others on this host can see it here")
    parser.add_argument("--key-file", metavar="FILE", help="a file that holds the passphrase")
    parser.add_argument("--raw-key", metavar="DIGITS", help="the key itself, hexadecimal")
    parser.add_argument(
        "--kcptun",
        action="store_true",
        help="the defaults of kcptun: crypt=aes, the passphrase in KCPTUN_KEY",
    )
    parser.add_argument("--port", type=_port, help="only datagrams from or to this UDP port (all)")
    parser.add_argument(
        "--smux",
        choices=("auto", "1", "2", "no"),
        default="auto",
        help="whether streams are smux, and which version (auto)",
    )
    parser.add_argument(
        "--all", action="store_true", help="also print datagrams that are no KCP, or do not open"
    )
    parser.add_argument("--summary", action="store_true", help="print no datagrams")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
