"""
Tests for L{kcptwisted.udp.heap}.
"""

from __future__ import annotations

import platform

from twisted.trial.unittest import SynchronousTestCase

from tests.interpreter import runPython

#: Takes and gives back a window's worth of memory, after some preparation, and tells how many pages
#: the system had to clear for that.
PROGRAM = """
import resource
from kcptwisted.udp.heap import keepFreedMemory

def cleared():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

{preparation}
before = cleared()
for batch in range(20):
    datagrams = [bytes(1400) for _ in range(1000)]
    del datagrams
print(cleared() - before)
"""


class KeepFreedMemoryTests(SynchronousTestCase):
    """
    Tests for L{keepFreedMemory}.
    """

    if platform.libc_ver()[0] != "glibc":
        skip = "only glibc gives memory back at once"

    def test_keeps(self) -> None:
        """
        Batches that follow each other use the same memory again.
        """
        unprepared = runPython("-c", PROGRAM.format(preparation=""))
        prepared = runPython("-c", PROGRAM.format(preparation="keepFreedMemory()"))
        self.assertLess(int(prepared), int(unprepared) / 4)
