"""
Checking hosts: addresses, and names that can be looked up.
"""

from __future__ import annotations

import re
from unicodedata import normalize

from twisted.internet.abstract import isIPAddress, isIPv6Address

#: Bytes of a name, and of one part of it (RFC 1035, section 2.3.4).
LONGEST_NAME = 253
LONGEST_LABEL = 63

# An underscore is in no host's name by RFC 952, and in many all the same.
_USUAL = re.compile(r"[0-9A-Za-z_.-]")

# Whatever ends in a number is meant for an IPv4 address; some resolvers read it as one.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def escaped(text: str) -> str:
    """
    Returns C{text} as a value in an endpoint string.
    """
    return text.replace("\\", "\\\\").replace(":", "\\:")


def checkHost(host: str, what: str) -> str:
    """
    Checks how a host is written.  L{checkName} checks the parts of a name.

    @param host: what should be an address or a name.
    @param what: its name in an error.
    @return: the host, a name in Unicode's composed form (NFC).
    @raise ValueError: if it is not; says what is allowed.
    """
    if not isinstance(host, str):
        raise ValueError(f"{what} must be str, not {type(host).__name__}")
    problem = _problemOfNotation(host)
    if problem:
        raise ValueError(
            f"{what} must be a name, an IPv4 address or an IPv6 address, not {host!r}: {problem}"
        )
    return normalize("NFC", host)


def checkName(host: str, what: str) -> str:
    """
    Checks the parts of a host's name; an address passes.

    @param host: one that L{checkHost} has passed.
    @param what: its name in an error.
    @return: the host.
    @raise ValueError: if no name is like that; says what is allowed.
    """
    problem = "" if _isAddress(host) else _problemOfName(host)
    if problem:
        raise ValueError(f"{what} must be a name or an address, not {host!r}: {problem}")
    return host


def _isAddress(host: str) -> bool:
    return isIPAddress(host) or isIPv6Address(host)


def _problemOfNotation(host: str) -> str:
    """
    Returns what is wrong; empty if nothing is.
    """
    if not host:
        return "it is empty"
    if any(character.isspace() for character in host):
        return "it has a space in it"
    if _isAddress(host):
        return ""
    if host[0] == "[" or host[-1] == "]":
        inner = escaped(host.strip("[]"))
        return f"an address stands without brackets, in an endpoint string as {inner}"
    if ":" in host:
        return "only an IPv6 address has a : in it, and this is none"
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return "an IPv4 address is four numbers of 0 to 255 with dots between them"
    if any(character.isascii() and not _USUAL.match(character) for character in host):
        return "a name has letters, digits, hyphens, underscores and dots"
    return ""


def _problemOfName(name: str) -> str:
    """
    Returns what is wrong; empty if nothing is.
    """
    if not name.isascii():
        try:
            # As the system's look-up does it.
            name = name.encode("idna").decode("ascii")
        except UnicodeError as error:
            return f"it cannot be written in ASCII (IDNA): {error.__cause__ or error}"
    # The dot of the root may stand at the end.
    name = name.removesuffix(".")
    longest = max(map(len, name.split(".")))
    if len(name) > LONGEST_NAME or longest > LONGEST_LABEL:
        return f"a name has at most {LONGEST_NAME} characters, and {LONGEST_LABEL} between two dots"
    return "" if all(name.split(".")) else "a part between its dots is empty"


def checkPort(port: int, least: int) -> int:
    """
    @raise ValueError: if C{port} is no UDP port.
    """
    if not isinstance(port, int) or not least <= port <= 65535:
        raise ValueError(f"port must be {least} to 65535, not {port!r}")
    return port
