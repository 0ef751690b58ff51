"""
Who is compared: how the ends of each implementation are started, under the same conditions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

from tests.benchmarks.children import ROOT

MTU = 1400
MODE = "fast3"
KEY = "benchmark"

#: Bytes of each socket buffer, of every implementation.
SOCKET_BUFFER = 4 << 20

#: Seconds that a transfer may take.
TIMEOUT = 300

KCP_GO = "kcp-go"
OURS = "kcptwisted"
PLAIN = "kcptwisted, not compiled"
PURE = "kcptwisted, no accelerator"
TLS = "Twisted TLS"

_ASYNCIO = [sys.executable, str(ROOT / "tests/benchmarks/asynciopeer.py")]
_PEER = [sys.executable, "-m", "kcptwisted.commands.bench.peer"]


@dataclass(frozen=True)
class Load:
    """
    What a client does; the roles are those of C{gopeer}.

    @ivar role: "sink", "echo", "pingpong", "paced", "idle" or "connects".
    @ivar sessions: at once.
    @ivar bytes: to move on each session; sink and echo.
    @ivar size: bytes of a message; pingpong and paced.
    @ivar count: messages of each session, of pingpong; sessions in all, of connects.
    @ivar rate: messages a second and session; paced.
    @ivar seconds: how long they are sent, or idle sessions are watched.
    """

    role: str
    sessions: int = 1
    bytes: int = 0
    size: int = 64
    count: int = 0
    rate: float = 0
    seconds: float = 0

    @property
    def server(self) -> str:
        """
        The server's role.
        """
        return "sink" if self.role == "sink" else "echo"

    @property
    def arguments(self) -> dict[str, float]:
        """
        What the role takes, by its name on a command line.
        """
        taken = {
            "sink": ("bytes",),
            "echo": ("bytes",),
            "pingpong": ("size", "count"),
            "paced": ("size", "rate", "seconds"),
            "idle": (),
            "connects": ("count",),
        }[self.role]
        return {name: getattr(self, name) for name in ("sessions", *taken)}


@dataclass(frozen=True)
class Conditions:
    """
    What kcp-go and ours are both given.

    @ivar window: segments, for sending and for receiving.
    @ivar dataShards: of FEC; 0 for none, then C{parityShards} too.
    """

    window: int = 1024
    crypt: str = "null"
    dataShards: int = 0
    parityShards: int = 0


@dataclass(frozen=True)
class Installation:
    """
    One kcptwisted.

    @ivar name: in tables.
    @ivar directory: where Python runs, so that it finds this one first.
    @ivar environment: additions.
    @ivar about: what it says of itself.
    """

    name: str = OURS
    directory: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    about: str = ""

    @property
    def unaccelerated(self) -> Installation:
        """
        The same without the accelerator.
        """
        return replace(self, name=PURE, environment={"KCPTWISTED_ACCELERATOR": "no"})


@dataclass(frozen=True)
class Installations:
    """
    Those that are measured.

    @ivar default: as C{pip install} makes it; by default what this interpreter finds.
    @ivar plain: not compiled; L{None} if that is not measured.
    """

    default: Installation = Installation()
    plain: Installation | None = None

    @property
    def pure(self) -> Installation:
        """
        Neither compiled nor accelerated.
        """
        return (self.plain or self.default).unaccelerated

    def about(self) -> str:
        """
        @return: what they say of themselves.
        """
        told = [one.about for one in (self.default, self.plain) if one is not None and one.about]
        return " and ".join(told)


@dataclass(frozen=True)
class Contender:
    """
    One implementation with one setting.

    @ivar name: of the implementation.
    @ivar setting: what distinguishes it from others of that name, if there are any.
    @ivar serve: gives the command line of a server in some role.
    @ivar dial: gives that of a client, of a server's address.
    @ivar environment: additions for both.
    @ivar directory: where both run.
    @ivar both: gives the command line of both ends in one process; then there is no other.
    """

    name: str
    serve: Callable[[str], list[str]]
    dial: Callable[[str, Load], list[str]]
    setting: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    both: Callable[[Load], list[str]] | None = None

    @property
    def label(self) -> str:
        """
        Name and setting.
        """
        return f"{self.name} +{self.setting}" if self.setting else self.name


#: The setting in which one process has both ends.
ONE_PROCESS = "one process"


def _setting(ackNoDelay: bool, together: bool) -> str:
    told = [("ackNoDelay", ackNoDelay), (ONE_PROCESS, together)]
    return ", ".join([name for name, given in told if given])


def kcpGo(
    binary: str, conditions: Conditions, ackNoDelay: bool = False, together: bool = False
) -> Contender:
    """
    @param binary: the path of C{gopeer}.
    @param together: whether one process has both ends.
    @return: kcp-go.
    """
    flags = [
        binary,
        f"-crypt={conditions.crypt}",
        f"-key={KEY}",
        f"-datashard={conditions.dataShards}",
        f"-parityshard={conditions.parityShards}",
        f"-mtu={MTU}",
        f"-mode={MODE}",
        f"-sndwnd={conditions.window}",
        f"-rcvwnd={conditions.window}",
        f"-sockbuf={SOCKET_BUFFER}",
        f"-acknodelay={'true' if ackNoDelay else 'false'}",
        f"-timeout={TIMEOUT}",
    ]

    def play(load: Load) -> list[str]:
        given = [f"-{name}={value}" for name, value in load.arguments.items()]
        return [f"-role={load.role}", *([] if load.role == "idle" else ["-ready"]), *given]

    listening = [*flags, "-listen=127.0.0.1:0"]
    return Contender(
        KCP_GO,
        lambda role: [*listening, f"-role={role}", "-stdin"],
        lambda address, load: [*flags, f"-dial={address}", *play(load)],
        _setting(ackNoDelay, together),
        both=(lambda load: [*listening, "-both", *play(load)]) if together else None,
    )


def optionString(conditions: Conditions, ackNoDelay: bool = False) -> str:
    """
    @return: what stands at the end of our endpoint strings.
    """
    options = {
        "crypt": conditions.crypt,
        "mtu": MTU,
        "mode": MODE,
        "sendWindow": conditions.window,
        "receiveWindow": conditions.window,
        "ackNoDelay": "yes" if ackNoDelay else "no",
        "socketBuffer": SOCKET_BUFFER,
    }
    if conditions.crypt != "null":
        options["key"] = KEY
    if conditions.dataShards:
        options["dataShards"] = conditions.dataShards
        options["parityShards"] = conditions.parityShards
    return "".join(f":{name}={value}" for name, value in options.items())


def ours(
    conditions: Conditions,
    ackNoDelay: bool = False,
    installation: Installation = Installation(),
    together: bool = False,
) -> Contender:
    """
    @param installation: which of ours.
    @param together: whether one process has both ends.
    @return: ours.
    """
    rest = optionString(conditions, ackNoDelay)
    # As many as come.
    server = f"interface=127.0.0.1{rest}:acceptRate=1000000"
    dial = _client(lambda address: f"kcp:{address}{rest}")

    def both(load: Load) -> list[str]:
        port = freePort()
        return [*dial(f"127.0.0.1:{port}", load), f"--server=kcp:{port}:{server}"]

    return Contender(
        installation.name,
        _server(f"kcp:0:{server}"),
        dial,
        _setting(ackNoDelay, together),
        installation.environment,
        installation.directory,
        both if together else None,
    )


def freePort() -> int:
    """
    @return: a UDP port that nobody has now.
    """
    with socket(AF_INET, SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def tcp() -> Contender:
    """
    @return: Twisted's TCP endpoints.
    """
    return Contender(
        "Twisted TCP", _server("tcp:0:interface=127.0.0.1"), _client(lambda to: f"tcp:{to}")
    )


def tls(certificate: str) -> Contender:
    """
    @param certificate: a directory with C{cert.pem} and C{key}.
    @return: Twisted's TLS endpoints.
    """
    files = f"privateKey={certificate}/key:certKey={certificate}/cert.pem"
    return Contender(
        TLS,
        _server(f"ssl:0:interface=127.0.0.1:{files}"),
        _client(lambda address: f"tls:{address}:trustRoots={certificate}"),
    )


def asyncioPeer(name: str, certificate: str, conditions: Conditions) -> Contender:
    """
    @param name: aiokcp or aioquic.
    @param certificate: a directory with C{cert.pem} and C{key}.
    @return: a library for asyncio.
    """
    common = [f"--window={conditions.window}", f"--certificate={certificate}"]

    def dial(address: str, load: Load) -> list[str]:
        given = [f"--{key}={value}" for key, value in load.arguments.items() if key != "sessions"]
        return [*_ASYNCIO, name, load.role, address, *common, *given]

    return Contender(name, lambda role: [*_ASYNCIO, name, "serve", role, *common], dial)


def whyNot(name: str) -> str | None:
    """
    @param name: of L{TLS}, aiokcp or aioquic.
    @return: why it cannot be measured, or None.
    """
    module = "OpenSSL" if name == TLS else name
    return None if find_spec(module) else f"{name}: pip install '.[benchmark]'"


def _server(endpoint: str) -> Callable[[str], list[str]]:
    return lambda role: [*_PEER, "serve", endpoint, "--role", role, f"--timeout={TIMEOUT}"]


def _client(endpoint: Callable[[str], str]) -> Callable[[str, Load], list[str]]:
    def dial(address: str, load: Load) -> list[str]:
        given = [f"--{name}={value}" for name, value in load.arguments.items()]
        ready = [] if load.role == "idle" else ["--ready"]
        return [*_PEER, load.role, endpoint(address), f"--timeout={TIMEOUT}", *ready, *given]

    return dial
