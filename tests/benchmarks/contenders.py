"""
Who is compared: how the ends of each implementation are started, under the same conditions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

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
PURE = "kcptwisted, no accelerator"
TLS = "Twisted TLS"

_ASYNCIO = [sys.executable, str(ROOT / "tests/benchmarks/asynciopeer.py")]
_PEER = [sys.executable, "-m", "kcptwisted.commands.bench.peer"]


@dataclass(frozen=True)
class Load:
    """
    What a client does; the roles are those of C{gopeer}.

    @ivar role: "sink", "echo", "pingpong", "paced" or "idle".
    @ivar sessions: at once.
    @ivar bytes: to move on each session; sink and echo.
    @ivar size: bytes of a message; pingpong and paced.
    @ivar count: messages of each session; pingpong.
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
class Contender:
    """
    One implementation with one setting.

    @ivar name: of the implementation.
    @ivar setting: what distinguishes it from others of that name, if there are any.
    @ivar serve: gives the command line of a server in some role.
    @ivar dial: gives that of a client, of a server's address.
    @ivar environment: additions for both.
    """

    name: str
    serve: Callable[[str], list[str]]
    dial: Callable[[str, Load], list[str]]
    setting: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """
        Name and setting.
        """
        return f"{self.name} +{self.setting}" if self.setting else self.name


def kcpGo(binary: str, conditions: Conditions, ackNoDelay: bool = False) -> Contender:
    """
    @param binary: the path of C{gopeer}.
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

    def dial(address: str, load: Load) -> list[str]:
        given = [f"-{name}={value}" for name, value in load.arguments.items()]
        ready = [] if load.role == "idle" else ["-ready"]
        return [*flags, f"-dial={address}", f"-role={load.role}", *ready, *given]

    return Contender(
        KCP_GO,
        lambda role: [*flags, "-listen=127.0.0.1:0", f"-role={role}", "-stdin"],
        dial,
        "ackNoDelay" if ackNoDelay else "",
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


def ours(conditions: Conditions, ackNoDelay: bool = False, accelerated: bool = True) -> Contender:
    """
    @param accelerated: whether the accelerator may be used.
    @return: ours.
    """
    rest = optionString(conditions, ackNoDelay)
    return Contender(
        OURS if accelerated else PURE,
        _server(f"kcp:0:interface=127.0.0.1{rest}"),
        _client(lambda address: f"kcp:{address}{rest}"),
        "ackNoDelay" if ackNoDelay else "",
        {} if accelerated else {"KCPTWISTED_ACCELERATOR": "no"},
    )


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
