"""
Tests for L{kcptwisted.udp.activation}.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.udp import activation
from kcptwisted.udp.activation import activatedDescriptor


def given(count: str = "3", names: str = "one:two:two", process: int = 0) -> dict[str, str]:
    """
    @return: variables as systemd sets them.
    """
    return {
        "LISTEN_FDS": count,
        "LISTEN_FDNAMES": names,
        "LISTEN_PID": str(process or os.getpid()),
    }


class ActivationTests(SynchronousTestCase):
    """
    From a number or a name to a descriptor.
    """

    def test_found(self) -> None:
        """
        They are numbered from 3 on.
        """
        self.assertEqual(activatedDescriptor("0", given()), 3)
        self.assertEqual(activatedDescriptor("2", given()), 5)
        self.assertEqual(activatedDescriptor("one", given()), 3)
        self.assertEqual(activatedDescriptor("1", given(names="")), 4)

    def test_wrong(self) -> None:
        """
        What is wrong is said, with what there is.
        """
        for which, variables, expected in (
            ("3", given(), "systemd must be less than 3, the number of sockets"),
            ("two", given(), "systemd=two is the name of 2 sockets: give a number"),
            ("three", given(), "systemd must be a number or one of one, two, not 'three'"),
            ("0", {}, "systemd has given this process no socket (LISTEN_FDS)"),
            ("0", given("0", ""), "systemd has given this process no socket"),
            ("0", given("x"), "systemd has given this process no socket"),
            (
                "0",
                given(process=1),
                "to process 1, not to this one (LISTEN_PID): run twistd with -n",
            ),
            ("one", given(names="one"), "systemd must be a number or one of unknown"),
        ):
            error = self.assertRaises(ValueError, activatedDescriptor, which, variables)
            self.assertIn(expected, str(error))

    def test_initial(self) -> None:
        """
        The variables count that the process began with: Twisted takes them out when imported.
        """
        path = Path(self.mktemp())
        text = "\0".join(f"{name}={value}" for name, value in given().items())
        path.write_bytes(text.encode() + b"\0")
        self.patch(activation, "_INITIAL", path)
        self.patch(os, "environ", {})
        self.assertEqual(activatedDescriptor("one"), 3)
        self.patch(os, "environ", given(names="three:four:five"))
        self.assertEqual(activatedDescriptor("four"), 4)
        self.patch(os, "environ", {})
        self.patch(activation, "_INITIAL", Path(self.mktemp()))
        self.assertRaises(ValueError, activatedDescriptor, "one")
