"""
Compares the ciphers, CRC-32 and Reed-Solomon with what kcp-go uses for them, one by one.

Packets have 1400 bytes; ours go in batches of 64, as they do in use, kcp-go's one by one, as they
do there.  C{alone} is the cipher without header: for ours the join of the batch and, but for CFB,
the cutting up are included.  C{packet} is all that is done to a packet: for ours C{seal} and
C{open}, for kcp-go the cipher and the CRC-32, its nonce not counted.  An AEAD's packet is, for
kcp-go, the cipher alone.  The implementations alternate; figures are medians of the rounds, ratios
medians of each round's ratio: kcp-go's time by ours, above 1 where ours is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple
from zlib import crc32

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kcptwisted.crypt.cfb import CFBCipher
from kcptwisted.crypt.checksummed import CheckedCipher
from kcptwisted.crypt.registry import CIPHERS
from kcptwisted.fec.reedsolomon import codec
from kcptwisted.native import describe
from tests.interop.gopeer import BuildError, buildGoPeer

PACKET = 1400
BATCH = 64
DATA_SHARDS, PARITY_SHARDS = 10, 3
LOST = 3

#: Seconds for one measurement of a round.
SECONDS = 0.05

Work = Callable[[], object]


class Row(NamedTuple):
    """
    One comparison.

    @ivar name: for people.
    @ivar unit: how many of the unit, packets or groups, one call of C{work} does.
    @ivar theirs: item and figure of C{gopeer -benchmark}.
    @ivar withCrc: whether kcp-go does a CRC-32 besides.
    @ivar target: the least ratio that is aimed at; 0 for none.
    """

    name: str
    work: Work
    unit: int
    theirs: tuple[str, str]
    withCrc: bool = False
    target: float = 0


def _payloads(overhead: int) -> list[bytes]:
    return [os.urandom(PACKET - overhead) for _ in range(BATCH)]


def _targets(name: str) -> tuple[float, float]:
    """
    @return: for encryption and decryption.
    """
    if "gcm" in name:
        return 0.5, 0.5
    if name.startswith("aes"):
        return 1, 5
    return (0, 0) if name in ("none", "chacha20-poly1305") else (0.7, 0.7)


def cipherRows(name: str) -> list[Row]:
    """
    @return: what is measured of one cipher.
    """
    spec = CIPHERS[name]
    cipher = spec.make(os.urandom(spec.keyBytes))
    assert cipher is not None
    payloads = _payloads(cipher.overhead)
    sealed = cipher.seal(payloads)
    seal, unseal = _targets(name)
    checked = isinstance(cipher, (CFBCipher, CheckedCipher))
    rows = []
    if isinstance(cipher, CFBCipher):
        mode = cipher.mode
        framed = b"".join([packet + bytes(-PACKET % mode.block) for packet in sealed])
        lengths = [PACKET] * BATCH
        rows += [
            Row(f"{name} encrypt alone", lambda: mode.encrypt(framed, lengths), BATCH,
                (name, "encrypt"), target=seal),
            Row(f"{name} decrypt alone", lambda: mode.decrypt(framed), BATCH,
                (name, "decrypt"), target=unseal),
        ]  # fmt: skip
        seal = unseal = 0
    elif isinstance(cipher, CheckedCipher):
        transform = cipher.transform
        rows.append(
            Row(f"{name} alone", lambda: transform(sealed), BATCH, (name, "encrypt"), target=seal)
        )
        seal = unseal = 0
    what = ("encrypt packet", "decrypt packet")
    return [
        *rows,
        Row(f"{name} {what[0]}", lambda: cipher.seal(payloads), BATCH, (name, "encrypt"), checked,
            seal),
        Row(f"{name} {what[1]}", lambda: cipher.open(sealed), BATCH, (name, "decrypt"), checked,
            unseal),
    ]  # fmt: skip


def otherRows() -> list[Row]:
    """
    @return: CRC-32 and Reed-Solomon.
    """
    packets = _payloads(0)
    coder = codec(DATA_SHARDS, PARITY_SHARDS)
    data = packets[:DATA_SHARDS]
    shards = dict(enumerate(data + coder.encode(data)))
    for position in (1, 3, 5):
        del shards[position]
    assert len(shards) == DATA_SHARDS + PARITY_SHARDS - LOST
    return [
        Row("CRC-32", lambda: [crc32(packet) for packet in packets], BATCH, ("crc32", ""),
            target=0.1),
        Row("Reed-Solomon 10/3 encode", lambda: coder.encode(data), 1,
            ("reedsolomon", "encode"), target=0.5),
        Row("Reed-Solomon 10/3 reconstruct 3", lambda: coder.reconstruct(shards), 1,
            ("reedsolomon", "reconstruct"), target=0.5),
    ]  # fmt: skip


def measure(work: Work, seconds: float) -> float:
    """
    @return: seconds that one call takes.
    """
    work()
    calls = 1
    while True:
        start = perf_counter()
        for _ in range(calls):
            work()
        taken = perf_counter() - start
        if taken >= seconds:
            return taken / calls
        calls = max(calls * 2, int(calls * seconds / max(taken, 1e-9)))


def allRows() -> list[Row]:
    """
    @return: every comparison.
    """
    return [row for name in CIPHERS if name != "null" for row in cipherRows(name)] + otherRows()


def measureOurs(rows: Iterable[Row]) -> dict[str, float]:
    """
    @return: our figures, nanoseconds of a packet or group, by the name of the row.
    """
    return {row.name: measure(row.work, SECONDS) / row.unit * 1e9 for row in rows}


def measurePure(items: Iterable[str]) -> dict[str, float]:
    """
    @param items: which, by the names that kcp-go's figures have.
    @return: our figures without the accelerator.
    """
    command = [sys.executable, __file__, "--own", "--only", ",".join(items)]
    environment = {**os.environ, "KCPTWISTED_ACCELERATOR": "no"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measureTheirs(binary: str, rows: Sequence[Row]) -> dict[str, float]:
    """
    @param binary: the path of C{gopeer}.
    @return: kcp-go's figures for the same.
    """
    items = {row.theirs[0] for row in rows} | {"crc32"}
    command = [binary, "-benchmark", "-only", ",".join(sorted(items)), "-rounds", "1"]
    command += ["-seconds", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    figures = {}
    for row in rows:
        item, part = row.theirs
        figures[row.name] = (found[item][part] if part else found[item]) + (
            found["crc32"] if row.withCrc else 0
        )
    return figures


def main(arguments: Sequence[str]) -> int:
    """
    @return: the exit status: 1 if a target was missed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("--rounds", type=int, default=7, help="of everything (%(default)s)")
    parser.add_argument("--only", help="items, separated by commas, such as aes,crc32,reedsolomon")
    parser.add_argument(
        "--own", action="store_true", help="one round of ours alone, printed as JSON"
    )
    parsed = parser.parse_args(arguments)
    rows = allRows()
    if parsed.only:
        rows = [row for row in rows if row.theirs[0] in parsed.only.split(",")]
    if parsed.own:
        print(json.dumps(measureOurs(rows)))
        return 0
    try:
        binary = buildGoPeer()
    except BuildError as problem:
        print(problem, file=sys.stderr)
        return 2
    ours: dict[str, list[float]] = defaultdict(list)
    theirs: dict[str, list[float]] = defaultdict(list)
    for number in range(parsed.rounds):
        print(f"round {number + 1} of {parsed.rounds}", file=sys.stderr)
        for item in dict.fromkeys(row.theirs[0] for row in rows):
            some = [row for row in rows if row.theirs[0] == item]
            for found, figures in (
                (theirs, measureTheirs(binary, some)),
                (ours, measureOurs(some)),
            ):
                for name, figure in figures.items():
                    found[name].append(figure)
    return report(rows, ours, theirs)


def report(
    rows: Sequence[Row], ours: dict[str, list[float]], theirs: dict[str, list[float]]
) -> int:
    """
    Print the table.

    @return: 1 if a target was missed.
    """
    print(f"\nkcptwisted: {describe()}; nanoseconds per packet, Reed-Solomon per group\n")
    print("| what | kcp-go | kcptwisted | ratio | target |")
    print("| --- | --- | --- | --- | --- |")
    missed = 0
    for row in rows:
        pairs = zip(theirs[row.name], ours[row.name], strict=True)
        ratio = median([their / our for their, our in pairs])
        below = row.target and ratio < row.target
        missed += bool(below)
        target = f"{row.target:g}{' missed' if below else ''}" if row.target else ""
        print(
            f"| {row.name} | {median(theirs[row.name]):.0f} | {median(ours[row.name]):.0f} "
            f"| {ratio:.2f} | {target} |"
        )
    return 1 if missed else 0


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """
    Keeps the description as it is written.
    """


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
