"""
Tests for L{kcptwisted.udp.offload}.
"""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp.offload import (
    MAXIMUM_BYTES,
    MAXIMUM_SEGMENTS,
    UDP_GRO,
    coalescedSize,
    runs,
    segmentMessage,
    split,
)


class RunsTests(SynchronousTestCase):
    """
    Cutting a list of datagrams into what one call can send.
    """

    def lengths(self, *lengths: int) -> list[list[int]]:
        """
        @return: the runs that datagrams of these lengths make, as lengths.
        """
        datagrams = [bytes(length) for length in lengths]
        return [[len(datagram) for datagram in run] for run in runs(datagrams)]

    def test_none(self) -> None:
        """
        No datagrams make no runs.
        """
        self.assertEqual(self.lengths(), [])

    def test_equal(self) -> None:
        """
        Datagrams of one length make one run.
        """
        self.assertEqual(self.lengths(9, 9, 9), [[9, 9, 9]])

    def test_shorterEndsRun(self) -> None:
        """
        A shorter datagram is the last of its run.
        """
        self.assertEqual(self.lengths(9, 9, 5, 5, 9), [[9, 9, 5], [5], [9]])

    def test_longerBeginsRun(self) -> None:
        """
        A longer datagram begins a run.
        """
        self.assertEqual(self.lengths(5, 9, 9), [[5], [9, 9]])

    def test_empty(self) -> None:
        """
        An empty datagram goes alone: no kernel can cut a buffer into nothing.
        """
        self.assertEqual(self.lengths(0, 0, 9, 0), [[0], [0], [9], [0]])

    def test_segmentLimit(self) -> None:
        """
        A run has no more datagrams than the kernel takes.
        """
        found = self.lengths(*[10] * (2 * MAXIMUM_SEGMENTS + 1))
        self.assertEqual([len(run) for run in found], [MAXIMUM_SEGMENTS, MAXIMUM_SEGMENTS, 1])

    def test_byteLimit(self) -> None:
        """
        A run has no more bytes than the kernel takes.
        """
        for size in (1400, 1500, 30000, MAXIMUM_BYTES):
            for run in self.lengths(*[size] * 100):
                self.assertLessEqual(sum(run), MAXIMUM_BYTES)


class ControlMessageTests(SynchronousTestCase):
    """
    The control messages of segmentation and coalescing.
    """

    def test_segmentMessage(self) -> None:
        """
        The segment size goes as a 16-bit number at level UDP, type 103.
        """
        self.assertEqual(segmentMessage(1400), [(17, 103, struct.pack("H", 1400))])

    def test_coalescedSize(self) -> None:
        """
        The datagram size comes as an int of type 104; other messages are passed over.
        """
        message = (socket.IPPROTO_UDP, UDP_GRO, struct.pack("i", 1200))
        self.assertEqual(coalescedSize([(0, 8, b"1234"), message]), 1200)
        self.assertIsNone(coalescedSize([(0, 8, b"1234")]))
        self.assertIsNone(coalescedSize([(socket.IPPROTO_UDP, UDP_GRO, b"12")]))

    def test_split(self) -> None:
        """
        A buffer is cut at the size; the last datagram may be shorter.
        """
        self.assertEqual(split(b"aabbc", 2), [b"aa", b"bb", b"c"])
        self.assertEqual(split(b"aabb", 2), [b"aa", b"bb"])
        self.assertEqual(split(b"aabbc", None), [b"aabbc"])
        self.assertEqual(split(b"aa", 5), [b"aa"])
        self.assertEqual(split(b"", 5), [b""])
