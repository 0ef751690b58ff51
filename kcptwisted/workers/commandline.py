"""
The command line that runs this program again, as a worker.
"""

from __future__ import annotations

import getopt
import re
from collections.abc import Sequence
from pathlib import PurePath

from twisted.python.usage import Options

#: Options of the interpreter that have a value, and those after which the program's own follow.
_VALUED = "WX"
_LAST = "cm"
_VALUED_LONG = "--check-hash-based-pycs"

#: Options of twistd that a worker is not given, and those that it is given instead: its master
#: keeps the pidfile, and gets the worker's log.
_NOT_TWISTD = {
    "nodaemon",
    "pidfile",
    "logfile",
    "logger",
    "syslog",
    "prefix",
    "profile",
    "profiler",
    "savestats",
    "no_save",
}
_TWISTD = ["--nodaemon", "--pidfile=", "--logfile=-", "--no_save"]
_NOT_TWIST = {"log_file", "log_format"}
_TWIST = ["--log-file=-", "--log-format=text"]

_VERSION = re.compile(r"[0-9.]*(\.py)?$")


def commandAgain(given: Sequence[str]) -> list[str]:
    """
    Returns the command line of a worker, without the interpreter.

    @param given: the interpreter's command line, as in C{sys.orig_argv}.
    @raise ValueError: if the program cannot be run again.
    """
    interpreter, program, arguments = _split(given[1:])
    name = _nameOf(program)
    if name == "twistd":
        from twisted.scripts.twistd import ServerOptions  # type: ignore[attr-defined]

        arguments = _instead(arguments, ServerOptions(), _NOT_TWISTD, _TWISTD)
    elif name == "twist":
        # Nothing public tells which options twist has.
        from twisted.application.twist._options import TwistOptions

        arguments = _instead(arguments, TwistOptions(), _NOT_TWIST, _TWIST)
    return [*interpreter, *program, *arguments]


def _split(given: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """
    Returns the interpreter's options, what names the program, and the program's arguments.

    @param given: without the interpreter.
    """
    at = 0
    while at < len(given) and given[at].startswith("-") and given[at] != "-":
        option, start = given[at], at
        at += 1
        if option.startswith("--"):
            at += option == _VALUED_LONG
            continue
        for position, letter in enumerate(option[1:], 2):
            if letter in _LAST + _VALUED:
                # The value is the rest of this argument, or the next one.
                at += position == len(option)
                if letter in _LAST:
                    return list(given[:start]), list(given[start:at]), list(given[at:])
                break
    if at >= len(given) or given[at] == "-":
        raise ValueError(
            "workers must be 1 for a program that is read from standard input: it cannot be run"
            " again"
        )
    return list(given[:at]), [given[at]], list(given[at + 1 :])


def _nameOf(program: Sequence[str]) -> str:
    """
    Returns C{twistd} or C{twist}, whatever the file or module is called in full; else anything.
    """
    first, *module = program
    if module:
        return "twist" if first.endswith("m") and module == ["twisted"] else ""
    if first.startswith("-"):
        return "twist" if re.fullmatch("-[^cm]*mtwisted", first) else ""
    return _VERSION.sub("", PurePath(first).name)


def _instead(
    arguments: Sequence[str], options: Options, dropped: set[str], added: Sequence[str]
) -> list[str]:
    """
    Returns C{arguments} with other options before the subcommand.
    """
    try:
        given, rest = getopt.getopt(list(arguments), options.shortOpt, options.longOpt)
    except getopt.GetoptError as problem:
        raise ValueError(
            f"workers must be 1 with this command line, which is not understood: {problem}"
        ) from None
    kept = []
    for option, value in given:
        bare = option.lstrip("-")
        name = options.synonyms.get(bare) or options.synonyms[bare.replace("-", "_")]
        name = name.replace("-", "_")
        if name == "chroot":
            raise ValueError("workers must be 1 with --chroot: the program cannot be run again")
        if name in dropped:
            continue
        if not option.startswith("--"):
            kept += [option, value] if f"{bare}:" in options.shortOpt else [option]
        else:
            kept.append(f"{option}={value}" if f"{bare}=" in options.longOpt else option)
    if rest and rest[0].startswith("-"):
        rest = ["--", *rest]
    return [*kept, *added, *rest]
