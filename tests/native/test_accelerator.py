"""
Tests for L{kcptwisted.native}: when there is an accelerator, and what is said of it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted import __version__, native
from kcptwisted.arq import conversation
from kcptwisted.native import (
    ACCELERATOR_VARIABLE,
    INTERFACE,
    Accelerator,
    Scratch,
    accelerator,
    describe,
    isCompiled,
)
from tests.interpreter import runPython

_LIBRARY = "kcptwisted.native._accelerator"

#: Names of the vector kernels, the fastest last.
_KERNELS = ("PORTABLE", "SSSE3", "AVX2", "GFNI", "NEON")


class FakeLibrary:
    """
    Stands in for compiled functions.

    @ivar KCP_INTERFACE: what they were compiled from.
    """

    KCP_PORTABLE, KCP_SSSE3, KCP_AVX2, KCP_GFNI, KCP_NEON = range(5)

    def __init__(self, interface: int, *kernels: str) -> None:
        """
        @param kernels: those that this processor has.
        """
        self.KCP_INTERFACE = interface
        self._available = {_KERNELS.index(kernel) for kernel in kernels}

    def kcp_gf_available(self, kernel: int) -> int:
        """
        @return: 1 or 0, as C does.
        """
        return int(kernel in self._available)


class NativeTestCase(SynchronousTestCase):
    """
    Looks for the accelerator anew.
    """

    def setUp(self) -> None:
        """
        Forget what was found.
        """
        self.addCleanup(accelerator.cache_clear)
        accelerator.cache_clear()
        self.patch(os, "environ", {})

    def install(self, library: Any) -> ModuleType:
        """
        Have a library found in the place of what is installed.

        @return: its module.
        """
        module = ModuleType(_LIBRARY)
        module.ffi = object()  # type: ignore[attr-defined]
        module.lib = library  # type: ignore[attr-defined]
        self.replace(module)
        return module

    def replace(self, module: ModuleType | None) -> None:
        """
        @param module: what is imported; None if nothing can be.
        """
        modules: Any = sys.modules
        before = modules.get(_LIBRARY)

        def putBack() -> None:
            if before is None:
                modules.pop(_LIBRARY, None)
            else:
                modules[_LIBRARY] = before

        self.addCleanup(putBack)
        modules[_LIBRARY] = module


class AcceleratorTests(NativeTestCase):
    """
    Tests for L{accelerator}.
    """

    def test_found(self) -> None:
        """
        A library of the right interface is used, and looked for once.
        """
        module = self.install(FakeLibrary(INTERFACE, "PORTABLE"))
        found = accelerator()
        assert found is not None
        self.assertIs(found.lib, module.lib)
        self.assertIs(found.ffi, module.ffi)
        self.replace(None)
        self.assertIs(accelerator(), found)

    def test_otherInterface(self) -> None:
        """
        One that was built from other sources is not, older or newer; nor one that does not tell.
        """
        for library in (
            FakeLibrary(INTERFACE - 1, "PORTABLE"),
            FakeLibrary(INTERFACE + 1, "PORTABLE"),
            object(),
        ):
            accelerator.cache_clear()
            self.install(library)
            self.assertIs(accelerator(), None)

    def test_missing(self) -> None:
        """
        Where none was built there is none.
        """
        self.replace(None)
        self.assertIs(accelerator(), None)

    def test_switchedOff(self) -> None:
        """
        It is left alone if the environment says no, and only then.
        """
        self.install(FakeLibrary(INTERFACE, "PORTABLE"))
        for value, used in (("no", False), ("yes", True), ("", True), ("NO", True)):
            accelerator.cache_clear()
            self.patch(os, "environ", {ACCELERATOR_VARIABLE: value})
            self.assertEqual(accelerator() is not None, used, value)

    def test_kernels(self) -> None:
        """
        The kernels are those that the processor has, each with its number, the fastest last.
        """
        self.install(FakeLibrary(INTERFACE, "AVX2", "PORTABLE", "SSSE3"))
        found = accelerator()
        assert found is not None
        self.assertEqual(list(found.kernels.items()), [("PORTABLE", 0), ("SSSE3", 1), ("AVX2", 2)])


class DescribeTests(NativeTestCase):
    """
    Tests for L{describe}.
    """

    def test_none(self) -> None:
        """
        Without accelerator it is Python.
        """
        self.patch(native, "isCompiled", lambda: False)
        self.replace(None)
        self.assertEqual(describe(), "pure Python")

    def test_compiled(self) -> None:
        """
        It is said whether the modules are compiled, with an accelerator or without one.
        """
        self.patch(native, "isCompiled", lambda: True)
        self.install(FakeLibrary(INTERFACE, "PORTABLE"))
        self.assertEqual(describe(), "accelerated, PORTABLE, compiled")
        accelerator.cache_clear()
        self.replace(None)
        self.assertEqual(describe(), "compiled")

    def test_isCompiled(self) -> None:
        """
        Whether they are is seen from the file that is imported.
        """
        self.assertEqual(isCompiled(), not str(conversation.__file__).endswith(".py"))

    def test_kernel(self) -> None:
        """
        With one, the fastest kernel is named.
        """
        for kernels in (("PORTABLE",), ("PORTABLE", "SSSE3", "AVX2", "GFNI"), ("PORTABLE", "NEON")):
            accelerator.cache_clear()
            self.patch(native, "isCompiled", lambda: False)
            self.install(FakeLibrary(INTERFACE, *kernels))
            self.assertEqual(describe(), f"accelerated, {kernels[-1]}")


class InterfaceTests(SynchronousTestCase):
    """
    The number that tells one interface from another.
    """

    def test_header(self) -> None:
        """
        Python and C have the same, where C's declarations are at hand.
        """
        header = Path(native.__file__).with_name("accelerator.h")
        # What is installed from a wheel holds no sources.
        text = header.read_text("ascii") if header.exists() else f"KCP_INTERFACE = {INTERFACE} "
        self.assertEqual(re.findall(r"KCP_INTERFACE = (\d+)\b", text), [str(INTERFACE)])

    def test_library(self) -> None:
        """
        What was compiled is used: it has that number, and a kernel that runs anywhere.
        """
        found = accelerator()
        if found is not None:
            self.assertEqual(found.lib.KCP_INTERFACE, INTERFACE)
            self.assertIn("PORTABLE", found.kernels)


class FakeInterface:
    """
    Stands in for cffi, and may have no memory left.
    """

    exhausted = False

    def new(self, kind: str, size: int) -> bytearray:
        """
        @return: memory.
        """
        if self.exhausted:
            raise MemoryError
        return bytearray(size)

    def buffer(self, memory: bytearray) -> memoryview:
        """
        @return: a view of it.
        """
        return memoryview(memory)


class ScratchTests(SynchronousTestCase):
    """
    Tests for L{Scratch}.
    """

    def setUp(self) -> None:
        """
        Begin without memory.
        """
        self.interface = FakeInterface()
        self.scratch = Scratch(Accelerator(self.interface, None))

    def test_kept(self) -> None:
        """
        The memory is the same as long as it is large enough.
        """
        memory, view = self.scratch.reserve(100)
        self.assertEqual((len(memory), len(view)), (100, 100))
        self.assertIs(self.scratch.reserve(50)[0], memory)
        self.assertEqual(len(self.scratch.reserve(101)[0]), 101)
        self.assertEqual(len(self.scratch.reserve(0)[0]), 101)

    def test_noMemory(self) -> None:
        """
        If there is none to be had, it is not taken to be there the next time.
        """
        self.scratch.reserve(100)
        self.interface.exhausted = True
        for _ in range(2):
            self.assertRaises(MemoryError, self.scratch.reserve, 5000)
        self.assertEqual(len(self.scratch.reserve(100)[0]), 100)


class ProcessTests(SynchronousTestCase):
    """
    In a process of its own.
    """

    def test_variable(self) -> None:
        """
        The variable keeps the library from being loaded at all.
        """
        script = (
            "import sys; from kcptwisted.native import accelerator, describe;"
            f"print(accelerator(), 'accelerated' in describe(), '{_LIBRARY}' in sys.modules)"
        )
        printed = runPython("-c", script, **{ACCELERATOR_VARIABLE: "no"})
        self.assertEqual(printed.strip(), "None False False")

    def test_version(self) -> None:
        """
        C{python -m kcptwisted --version} says what is active.
        """
        for value in ("no", ""):
            script = "from kcptwisted.native import describe; print(describe())"
            found = runPython("-c", script, **{ACCELERATOR_VARIABLE: value})
            shown = runPython("-m", "kcptwisted", "--version", **{ACCELERATOR_VARIABLE: value})
            self.assertEqual(shown.strip(), f"kcptwisted {__version__} ({found.strip()})")
