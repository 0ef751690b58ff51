"""
What the first bytes of a session say about the flags of the other end.
"""

from __future__ import annotations

from kcptwisted.services.kcptun.snappy import IDENTIFIER

#: smux's versions and commands.
_VERSIONS = (1, 2)
_COMMANDS = range(5)

COMPRESSED = "the peer compresses, and here is --nocomp: give it at both ends or at neither"
PLAIN = "the peer does not compress: give --nocomp at both ends or at neither"
STRANGE = "the peer is no kcptun: its first bytes are {head}"
OTHER_VERSION = "the peer has --smuxver {theirs}, and here it is {ours}"

#: Of a session in which nothing was heard.
SILENT = (
    "nothing came from the peer: it may have another --smuxver, or --nocomp at one end only"
    " (kcptun 20210922 has --smuxver 1: try --compat 20210922)"
)

#: Of a server that does not answer at all.
NO_ANSWER = "nobody listens there, or the peer has another --key or --crypt"


def wrongCompression(head: bytes, isCompressed: bool) -> str:
    """
    Looks at the first bytes that have come.

    @param head: at least one byte.
    @param isCompressed: whether this end compresses.
    @return: what is wrong; empty if nothing is, as far as can be told.
    """
    startsCompressed = head.startswith(IDENTIFIER[: len(head)])
    if startsCompressed == isCompressed:
        return ""
    if startsCompressed:
        return COMPRESSED
    isFrame = head[0] in _VERSIONS and (len(head) < 2 or head[1] in _COMMANDS)
    return PLAIN if isFrame else STRANGE.format(head=head[:10].hex(" "))


def wrongVersion(head: bytes, ours: int) -> str:
    """
    Looks at the first byte after decompression.

    @param head: at least one byte.
    @param ours: smux's version at this end.
    @return: what is wrong; empty if nothing is.
    """
    theirs = head[0]
    if theirs == ours:
        return ""
    if theirs in _VERSIONS:
        return OTHER_VERSION.format(theirs=theirs, ours=ours)
    return STRANGE.format(head=head[:10].hex(" "))
