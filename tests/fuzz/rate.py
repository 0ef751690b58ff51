"""
C{python -m tests.fuzz.rate [SECONDS]}: how many datagrams a second one connection can be fuzzed
with.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import cycle
from random import Random
from time import process_time

from kcptwisted.connection.connection import Connection
from kcptwisted.stats import SessionStats
from kcptwisted.wire.control import Frame, encodeBlock
from kcptwisted.wire.segment import ACK, PUSH, WASK, WINS
from tests.connection.datagrams import CONV, segment, tokens
from tests.connection.driving import SETTINGS
from tests.fuzz.mutants import mutant

#: Datagrams of a batch, and batches that one connection takes.
BATCH = 64
BATCHES = 20

#: Datagrams that are made in advance.
MADE = 20_000


def datagrams(random: Random) -> list[bytes]:
    """
    @return: segments of a conversation, and mutants of them.
    """
    some: list[bytes] = []
    for number in range(100):
        data = random.randbytes(random.randrange(60))
        frames: list[Frame] = []
        block = encodeBlock(random.randbytes(8), random.randbytes(8), frames)
        cmd = [PUSH, ACK, WASK, WINS][number % 4]
        some.append(segment(cmd, number % 40, 0, block if number % 8 > 5 else data))
    return [mutant(some, random) if number % 2 else some[number % 100] for number in range(MADE)]


def engine() -> Connection:
    """
    @return: one that has been called.
    """
    connection = Connection(CONV, SETTINGS, SessionStats(), tokens(1))
    connection.accept(0, False, 0, 0, 0)
    connection.events.clear()
    return connection


def run(batches: Sequence[list[bytes]], seconds: float) -> float:
    """
    @return: how many datagrams a second are taken and answered.
    """
    count, start = 0, process_time()
    connection, left, now = engine(), BATCHES, 0
    for batch in cycle(batches):
        connection.receive(batch, now)
        while connection.read() is not None:
            pass
        connection.settle(now)
        connection.events.clear()
        connection.outbox = ()
        connection.datagramsToSend(now)
        now += 10
        count += len(batch)
        left -= 1
        if not left:
            assert not connection.lifecycle.isOver
            if process_time() - start > seconds:
                return count / (process_time() - start)
            connection, left = engine(), BATCHES
    return 0.0


def main(arguments: Sequence[str]) -> None:
    """
    Print the rates.
    """
    seconds = float(arguments[0]) if arguments else 5.0
    made = datagrams(Random(1))
    for size in (1, 8, BATCH):
        batches = [made[start : start + size] for start in range(0, len(made), size)]
        print(f"{run(batches, seconds):,.0f} datagrams a second, {size} a batch")


if __name__ == "__main__":
    main(sys.argv[1:])
