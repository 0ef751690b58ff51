"""
Compares ours with kcp-go: bulk rates between two processes on this machine, and idle sessions.

Both ends of a transfer are of the same implementation.  Windows, mtu, mode and cipher are the same
for both, and each implementation runs with and without C{ackNoDelay}; the better of its two medians
is the one that counts.  Rates are what the receiving application measures; CPU seconds are those of
both processes from start to end.

kcp-go 5.6.1 sends ACKs that may wait once in an interval only, so the window bounds its rate.  That
bound is printed; a larger C{--window} shows both without it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.arq.segment import OVERHEAD
from tests.interop.gopeer import buildGoPeer, whyMissing

ROOT = Path(__file__).resolve().parents[2]
PEER = ROOT / "tests/benchmarks/peer.py"

MTU = 1400
MODE = "fast3"

#: Of the mode, seconds.
INTERVAL = 0.01

#: Seconds that a server may take to start or to end, and that one transfer may take.
START_TIMEOUT = 10
TRANSFER_TIMEOUT = 300

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Contender:
    """
    One implementation with one setting.

    @ivar name: of the implementation.
    @ivar ackNoDelay: whether ACKs leave at once.
    @ivar server: gives the command line of a server in some role.
    @ivar client: gives that of a client in some role, of a server's address, for so many bytes.
    """

    name: str
    ackNoDelay: bool
    server: Callable[[str], list[str]]
    client: Callable[[str, str, int], list[str]]

    @property
    def label(self) -> str:
        """
        For tables.
        """
        return f"{self.name}{' +ackNoDelay' if self.ackNoDelay else ''}"


def kcpGo(binary: str, window: int, ackNoDelay: bool) -> Contender:
    """
    @param binary: the path of C{gopeer}.
    @param window: segments, for sending and for receiving.
    @return: kcp-go.
    """
    flags = ["-crypt=null", f"-mtu={MTU}", f"-mode={MODE}"]
    flags += [f"-sndwnd={window}", f"-rcvwnd={window}"]
    flags.append(f"-acknodelay={'true' if ackNoDelay else 'false'}")
    return Contender(
        "kcp-go",
        ackNoDelay,
        lambda role: [binary, "-listen=127.0.0.1:0", f"-role={role}", "-stdin", *flags],
        lambda role, address, count: [
            binary,
            f"-dial={address}",
            f"-role={role}",
            f"-bytes={count}",
            f"-timeout={TRANSFER_TIMEOUT}",
            *flags,
        ],
    )


def ours(window: int, ackNoDelay: bool) -> Contender:
    """
    @param window: segments, for sending and for receiving.
    @return: ours.
    """
    command = [sys.executable, str(PEER)]
    options = f"--options=crypt=null:mtu={MTU}:mode={MODE}"
    options += f":sendWindow={window}:receiveWindow={window}"
    options += f":ackNoDelay={'yes' if ackNoDelay else 'no'}"
    return Contender(
        "kcptwisted",
        ackNoDelay,
        lambda role: [*command, "--listen=127.0.0.1:0", f"--role={role}", options],
        lambda role, address, count: [
            *command,
            f"--dial={address}",
            f"--role={role}",
            f"--bytes={count}",
            options,
        ],
    )


@contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[Process, str]]:
    """
    Run a process that says one line when it is ready, and ends when its standard input does.

    @return: it, and the last word of that line.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"did not start: {' '.join(command)}")
        yield process, line.split()[-1]
    finally:
        process.stdin.close()
        try:
            process.wait(START_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@dataclass(frozen=True)
class Measured:
    """
    One transfer.

    @ivar rate: megabytes a second.
    @ivar cpu: CPU seconds for each gigabyte.
    """

    rate: float
    cpu: float


def childSeconds() -> float:
    """
    @return: CPU seconds of all processes that this one has started and that have ended.
    """
    times = os.times()
    return times.children_user + times.children_system


def transfer(contender: Contender, role: str, count: int) -> Measured:
    """
    @param count: bytes to move.
    """
    before = childSeconds()
    with started(contender.server(role)) as (_, address):
        done = subprocess.run(
            contender.client(role, address, count),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            timeout=TRANSFER_TIMEOUT,
            check=True,
        )
    result = json.loads(done.stdout)
    if result["bytes"] != count:
        raise RuntimeError(f"{result['bytes']} bytes instead of {count}")
    return Measured(count / result["seconds"] / 1e6, (childSeconds() - before) / count * 1e9)


def compareRates(contenders: list[Contender], role: str, rounds: int, count: int) -> None:
    """
    Print a table of rates, and their ratio.
    """
    print(f"\n{role}: {count / 1e6:.0f} MB a round, MB/s")
    print("round".ljust(8) + "".join(contender.label.rjust(24) for contender in contenders))
    found: dict[Contender, list[Measured]] = {contender: [] for contender in contenders}
    for number in range(1, rounds + 1):
        # Nobody is always the first, or always after the same one.
        for contender in contenders if number % 2 else reversed(contenders):
            found[contender].append(transfer(contender, role, count))
        print(f"{number:<8}" + "".join(f"{one[-1].rate:24.0f}" for one in found.values()))
    rates = {contender: median(one.rate for one in all) for contender, all in found.items()}
    cpus = [median(one.cpu for one in all) for all in found.values()]
    print("median".ljust(8) + "".join(f"{rate:24.0f}" for rate in rates.values()))
    print("CPU s/GB".ljust(8) + "".join(f"{cpu:24.1f}" for cpu in cpus))
    tellBest(rates)


def tellBest(rates: dict[Contender, float]) -> None:
    """
    Print which setting serves each implementation better, and the ratio of these rates.

    @param rates: medians.
    """
    best: dict[str, Contender] = {}
    for contender, rate in rates.items():
        before = best.get(contender.name)
        if before is None or rate > rates[before]:
            best[contender.name] = contender
    print("taken:  ", ", ".join(f"{one.label} {rates[one]:.0f} MB/s" for one in best.values()))
    if len(best) == 2:
        theirs, own = best.values()
        print(f"ratio:   {own.name} / {theirs.name} = {rates[own] / rates[theirs]:.2f}")


def cpuSeconds(process: Process) -> float:
    """
    @return: what a process has used so far (Linux: proc(5), stat, fields 14 and 15).
    """
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idleShare(contender: Contender, binary: str, sessions: int, seconds: float) -> float:
    """
    @param binary: the path of C{gopeer}, which is the client of all these sessions.
    @return: the share of a core that a server uses while nothing happens.
    """
    with started(contender.server("echo")) as (server, address):
        holding = [binary, f"-dial={address}", "-role=idle", f"-sessions={sessions}"]
        with started([*holding, "-timeout=0", "-mode=fast3"]):
            before = cpuSeconds(server)
            try:
                server.wait(seconds)
            except subprocess.TimeoutExpired:
                return (cpuSeconds(server) - before) / seconds
    raise RuntimeError("the server ended")


def main() -> None:
    """
    Run the parts that the command line asks for.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="sink|echo|idle", help="by default all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=400, help="one way; echo moves a quarter")
    parser.add_argument("--window", type=int, default=1024, help="of both ends, segments")
    parser.add_argument("--sessions", type=int, default=1000, help="idle ones")
    parser.add_argument("--seconds", type=float, default=10, help="how long they are watched")
    arguments = parser.parse_args()
    parts = arguments.parts or ["sink", "echo", "idle"]

    window = arguments.window
    contenders = [ours(window, False), ours(window, True)]
    missing = whyMissing()
    if missing is None:
        binary = buildGoPeer()
        contenders = [kcpGo(binary, window, False), kcpGo(binary, window, True), *contenders]
        bound = window * (MTU - OVERHEAD) / INTERVAL / 1e6
        print(f"window / interval, the bound of kcp-go without ackNoDelay: {bound:.0f} MB/s")
    else:
        print(f"without kcp-go: {missing}")

    count = arguments.megabytes * 1_000_000
    if "sink" in parts:
        compareRates(contenders, "sink", arguments.rounds, count)
    if "echo" in parts:
        compareRates(contenders, "echo", arguments.rounds, count // 4)
    if "idle" in parts and missing is None:
        print(f"\nidle: {arguments.sessions} sessions, share of a core")
        for contender in contenders:
            if not contender.ackNoDelay:
                share = idleShare(contender, binary, arguments.sessions, arguments.seconds)
                print(f"{contender.name.ljust(12)} {share:8.1%}")


if __name__ == "__main__":
    main()
