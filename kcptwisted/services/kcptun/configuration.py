"""
What an end is told to do: the command line, the JSON file, the environment and the defaults
together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kcptwisted.options.hosts import checkHost, checkName
from kcptwisted.services.kcptun.addresses import Ports, parsePorts
from kcptwisted.services.kcptun.commandline import (
    ConfigurationError,
    checkBounds,
    parseArguments,
    parseJSON,
)
from kcptwisted.services.kcptun.flags import (
    CLIENT,
    MANUAL,
    OLD,
    OLD_CIPHERS,
    SERVER,
    Value,
    flagsOf,
)

#: Holds the passphrase if no flag does.
KEY_VARIABLE = "KCPTUN_KEY"

_REFUSED = {
    "tcp": "--tcp cannot be done here: it sends TCP segments of its own making over a raw socket,"
    " as root, past the kernel's TCP; leave it out at both ends",
    "QPP": "--QPP cannot be done here: its cipher for streams is kcptun's own, and is documented"
    " nowhere; leave it out at both ends, --crypt encrypts all the same",
}


@dataclass(frozen=True)
class Configuration:
    """
    The checked configuration of one end.

    @ivar end: C{"client"} or C{"server"}.
    @ivar values: by the flags' long names; never shown, as the passphrase is among them.
    @ivar given: the names of the flags that are given, by whatever means.
    @ivar warnings: lines for the log.
    @ivar udp: the server's host and UDP ports; at the server, where to listen.
    @ivar stream: at the client where to take connections, at the server where to connect to; None
        if C{path} is set.
    @ivar path: the same as the path of a unix socket; empty if there is none.
    """

    end: str
    values: Mapping[str, Value] = field(repr=False)
    given: frozenset[str]
    warnings: tuple[str, ...]
    udp: Ports
    stream: Ports | None
    path: str

    def text(self, name: str) -> str:
        """
        Returns the value of a flag that is text.
        """
        return str(self.values[name])

    def number(self, name: str) -> int:
        """
        Returns the value of a flag that is a number, or 1 or 0 of one that is true or false.
        """
        return int(self.values[name])

    @property
    def manual(self) -> bool:
        """
        Whether KCP's four numbers are taken as they are.
        """
        return self.values["mode"] == MANUAL


def _readText(path: str) -> str:
    with open(path, encoding="utf-8-sig") as file:
        return file.read()


def configure(
    arguments: Sequence[str],
    end: str,
    environ: Mapping[str, str],
    readFile: Callable[[str], str] = _readText,
) -> Configuration:
    """
    Works out the configuration of an end.

    @param arguments: the command line, without the program's name; neither help nor the version is
        asked for.
    @param end: C{"client"} or C{"server"}.
    @param environ: the environment.
    @param readFile: returns the text of the file at a path.
    @raise ConfigurationError: if something is wrong with it.
    """
    flags = flagsOf(end)
    given = parseArguments(arguments, end)
    warnings = []
    if given.get("c"):
        try:
            text = readFile(str(given["c"]))
        except (OSError, ValueError) as problem:
            raise ConfigurationError(f"-c: the file cannot be read: {problem}") from None
        read, unknown = parseJSON(text, end)
        warnings += [f'"{key}" in {given["c"]} is no flag: it is ignored' for key in unknown]
        given |= read
    if "key" not in given and environ.get(KEY_VARIABLE):
        given["key"] = environ[KEY_VARIABLE]
    compat = str(given.get("compat", ""))
    values: dict[str, Value] = {}
    for name, flag in flags.items():
        default = flag.default(end, compat)
        assert default is not None
        values[name] = given.get(name, default)
    checkBounds(values, flags.values())
    _checkTogether(values, compat)
    if values["pprof"]:
        warnings.append("--pprof is ignored: it is a profiler for programs in Go")
    udp, stream, path = _addresses(values, end)
    return Configuration(end, values, frozenset(given), tuple(warnings), udp, stream, path)


def _checkTogether(values: Mapping[str, Value], compat: str) -> None:
    for name, problem in _REFUSED.items():
        if values[name]:
            raise ConfigurationError(problem)
    if compat and values["crypt"] not in OLD_CIPHERS:
        raise ConfigurationError(
            f"--crypt must be one that kcptun {OLD} knows, {', '.join(OLD_CIPHERS)}, not"
            f" {values['crypt']!r}, which it takes for aes"
        )
    if not values["key"]:
        raise ConfigurationError("--key must not be empty")
    if int(values["streambuf"]) > int(values["smuxbuf"]):
        raise ConfigurationError(
            f"--streambuf must be at most --smuxbuf, {values['smuxbuf']}, not {values['streambuf']}"
        )
    if int(values["datashard"]) + int(values["parityshard"]) > 256:
        raise ConfigurationError("--datashard and --parityshard must be at most 256 together")


def _addresses(values: Mapping[str, Value], end: str) -> tuple[Ports, Ports | None, str]:
    """
    Reads the two addresses of an end.
    """
    near, far = ("localaddr", "remoteaddr") if end == CLIENT else ("target", "listen")
    text = str(values[far])
    udp = parsePorts(text, far, isRange=True, least=1 if end == CLIENT else 0)
    if udp is None:
        raise ConfigurationError(f"--{far} must be host:port or host:first-last, not {text!r}")
    text = str(values[near])
    stream = parsePorts(text, near, least=1 if end == SERVER else 0)
    if stream is None and not text:
        raise ConfigurationError(f"--{near} must be host:port or the path of a unix socket")
    if end == CLIENT and not udp.host:
        udp = udp._replace(host="localhost")
    if stream is not None and end == SERVER and not stream.host:
        stream = stream._replace(host="localhost")
    for flag, ports in ((near, stream), (far, udp)):
        if ports is not None and ports.host:
            try:
                checkName(checkHost(ports.host, flag), flag)
            except ValueError as problem:
                raise ConfigurationError(f"--{problem}") from None
    return udp, stream, "" if stream is not None else text
