"""
The parts of a C{kcp:} endpoint string, before its options.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import FrameType

from twisted.internet.abstract import isIPAddress, isIPv6Address

from kcptwisted.options.hosts import escaped
from kcptwisted.options.names import holdsSecret
from kcptwisted.options.table import OPTIONS

#: What may be given without a name, in this order.
PARTS = {"client": ("host", "port"), "server": ("port",)}

_ESCAPE = (
    "an option is written name=value, and a : in a value"
    r" is written \:, as in kcp:\:\:1:4000, interface=\:\:1 and key=a\:b"
)

_PART = re.compile(r"((?:\\.|[^\\:=])*)(=(?:\\.|[^\\:])*)?(?::|$)", re.DOTALL)


def takeParts(
    end: str, args: Sequence[str], kwargs: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """
    Returns the parts in the order of L{PARTS}, and the options.

    @param end: "client" or "server".
    @param args: what the string has without a name.
    @param kwargs: what it has with a name.
    @raise ValueError: if a part is missing or given twice, or there is something else.
    """
    names = PARTS[end]
    options = dict(kwargs)
    named = {name: options.pop(name) for name in names if name in options}
    if end == "server" and not args and "fd" in options:
        # The socket has its port.
        named.setdefault("port", "0")
    free = [name for name in names if name not in named]
    if len(args) < len(free):
        missing = " and ".join(free[len(args) :])
        raise ValueError(f"{_shape(end)}; {missing} is missing")
    if len(args) > len(free):
        twice = f"; {' and '.join(named)} given by name, too" if named else ""
        raise ValueError(f"{_shape(end)}, not {len(args)}{twice}; {_escape(end, args, kwargs)}")
    named.update(zip(free, args, strict=True))
    return [named[name] for name in names], options


def parsePort(text: str, secret: bool) -> int:
    """
    Returns the number of a port.

    @param secret: whether C{text} may be a piece of a key.
    @raise ValueError: if it is none.
    """
    if not (text.isascii() and text.isdigit()):
        given = f"; {_ESCAPE}" if secret else f", not {text!r}"
        raise ValueError(f"port must be a number, at most 65535{given}")
    return int(text)


def _shape(end: str) -> str:
    if end == "client":
        return "a kcp: client endpoint has two positional parts, host and port"
    return (
        "a kcp: server endpoint has one positional part, the port"
        " (the address to listen on is the option interface)"
    )


def _escape(end: str, args: Sequence[str], given: Mapping[str, str]) -> str:
    """
    Returns how to write a value with colons, or an address to listen on; the exact text if the
    value is an address.
    """
    if holdsSecret(given):
        asked = end == "server" and any(map(_listenable, args))
        return f"write kcp:port:interface=address; {_ESCAPE}" if asked else _ESCAPE
    for name in ("host", "interface", "bindAddress"):
        if name in given:
            own = sum(part not in given for part in PARTS[end])
            # The rest of the address may stand anywhere among the parts.
            for rest in (args[own:], args[: len(args) - own], args):
                address = ":".join([given[name], *rest]).strip("[]")
                if isIPv6Address(address):
                    return f"write {name}={escaped(address)}"
    if end == "server":
        for host in args:
            rest = [part for part in args if part != host] or [given.get("port", "")]
            if _listenable(host) and len(rest) == 1 and rest[0].isdigit():
                return f"write kcp:{rest[0]}:interface={host}"
    *front, port = args
    address = ":".join(front).strip("[]")
    if end == "server" and address == ":":
        address = "::"
    if isIPv6Address(address) and port.isdigit():
        host = escaped(address)
        return (
            f"write kcp:{host}:{port}"
            if end == "client"
            else (f"write kcp:{port}:interface={host}")
        )
    address = ":".join(args).strip("[]")
    if isIPv6Address(address):
        return f"write {escaped(address)} for the address, and give the port"
    return _ESCAPE


def _listenable(part: str) -> bool:
    """
    Returns True if a part of a server's string is likely to be an address to listen on.
    """
    return isIPAddress(part) or part == "localhost"


def checkRepeated(caller: FrameType | None, others: Collection[str] = ()) -> None:
    """
    Checks that no option is given twice.

    Twisted keeps the last one, and gives the parser a dictionary.  But the function of Twisted that
    calls the parser has the whole string in its argument C{description}.

    @param caller: the frame that called the parser.  Nothing is checked if it is another
        function's.
    @param others: names beside those of L{OPTIONS} that may be shown.
    @raise ValueError: if one was.
    """
    if caller is None or caller.f_globals.get("__name__") != "twisted.internet.endpoints":
        return
    description = caller.f_locals.get("description")
    if not isinstance(description, str):
        return
    names = [re.sub(r"\\(.)", r"\1", name) for name, value in _PART.findall(description) if value]
    for name in names:
        if names.count(name) > 1:
            known = {"host", "port", *others, *(option.name for option in OPTIONS)}
            raise ValueError(
                f"{name if name in known else 'an option'} is given twice: give it once"
            )
