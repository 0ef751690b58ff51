"""
Builds the accelerator where there is a C compiler, and then has mypyc compile the modules that a
message passes through.  C{KCPTWISTED_COMPILE=no} in the environment leaves them as they are.
Everything else is in C{setup.cfg}.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

ACCELERATOR = "kcptwisted.native._accelerator"

#: It makes objects of Python, which cffi cannot.
AEAD = "kcptwisted.native._aead"

#: Packages that a message passes through.
COMPILED = [
    "arq",
    "client",
    "congestion",
    "connection",
    "fec",
    "server",
    "session",
    "stack",
    "timing",
    "udp",
    "wire",
]

#: Modules in these that stay as they are.  No compiled class has interpreted ones above or below
#: it, but users derive congestion controls from the class in control, as the others do.  Transports
#: and ports are for applications, which may set any attribute of them.  zope's interfaces and
#: classes with its decorators are not for mypyc, nor are subclasses of tuple.  The rest is not
#: called for each message.
AS_THEY_ARE = [
    "client/rebinding.py",
    "client/suspicion.py",
    "congestion/bbr.py",
    "congestion/control.py",
    "congestion/kcp.py",
    "congestion/registry.py",
    "congestion/spec.py",
    "connection/events.py",
    "fec/arithmetic.py",
    "fec/autotune.py",
    "fec/galois.py",
    "fec/reedsolomon.py",
    "server/listening.py",
    "server/newcomers.py",
    "server/routing.py",
    "server/secondsignal.py",
    "session/figures.py",
    "session/outofband.py",
    "session/tls.py",
    "session/trace.py",
    "session/transport.py",
    "stack/protection.py",
    "timing/shared.py",
    "udp/addresses.py",
    "udp/adopted.py",
    "udp/asked.py",
    "udp/buffers.py",
    "udp/fallback.py",
    "udp/fragmentation.py",
    "udp/heap.py",
    "udp/interfaces.py",
    "udp/opening.py",
    "udp/pktinfo.py",
]

HOT = [
    *[
        str(module)
        for package in COMPILED
        for module in sorted(Path("kcptwisted", package).glob("[!_]*.py"))
        if f"{package}/{module.name}" not in AS_THEY_ARE
    ],
    "kcptwisted/crypt/cfb.py",
    "kcptwisted/crypt/framing.py",
    "kcptwisted/crypt/layer.py",
    "kcptwisted/layer.py",
    "kcptwisted/stats.py",
]

#: The level of the C compiler; the next one takes longer.
OPTIMISATION = "2"


class BuildFresh(build):
    """
    Leaves nothing of an earlier build to be shipped with this one, such as machine code of older
    sources: setuptools only adds to what it finds.
    """

    def run(self) -> None:
        """
        Empty the directory first, if it is setuptools' own.
        """
        library = Path(self.build_lib).resolve()
        if Path(self.build_base).resolve() in library.parents:
            rmtree(library, ignore_errors=True)
        super().run()


class BuildOptional(build_ext):
    """
    Goes on without the accelerator, and without compiled modules, if they cannot be had: the
    package works without them.  Machine code beside sources that may be edited is the accelerator
    alone, and of this build.
    """

    def finalize_options(self) -> None:
        """
        Mark the accelerator as extensions that may fail.
        """
        super().finalize_options()
        self.force = True
        for extension in self.extensions:
            extension.optional = extension.name in (ACCELERATOR, AEAD)

    def run(self) -> None:
        """
        Build.
        """
        if self.inplace:
            for pattern in ("kcptwisted/**/*", "*__mypyc*"):
                for suffix in (".so", ".pyd"):
                    for old in Path().glob(pattern + suffix):
                        old.unlink()
        super().run()
        if self.inplace or os.environ.get("KCPTWISTED_COMPILE") == "no":
            return
        problem = self._compileModules()
        if problem:
            print(f"kcptwisted: nothing is compiled, all works as plain Python: {problem}")

    def _compileModules(self) -> str:
        """
        Has mypyc compile the modules: all, or none.

        @return: why there are none.
        """
        if sys.implementation.name != "cpython":
            return "mypyc is for CPython"
        if not Path(self.get_ext_fullpath(ACCELERATOR)).exists():
            return "there is no C compiler, or no Python.h"
        try:
            from mypyc.build import mypycify
        except ImportError as problem:
            return f"{problem}"
        # What they import is not checked here: that takes all dependencies.
        flags = ["--config-file=setup.cfg", "--follow-imports=silent", "--ignore-missing-imports"]
        built = []
        try:
            modules = mypycify(
                [*flags, *HOT],
                opt_level=OPTIMISATION,
                multi_file=True,
                target_dir=self.build_temp,
                group_name="kcptwisted",
                debug_level="0",
            )
            self._compileInParallel()
            for module in modules:
                built.append(Path(self.get_ext_fullpath(module.name)))
                module._needs_stub = module._links_to_dynamic = False
                if len(module.sources) == 1:
                    # It only finds the module in the common library.
                    module.extra_compile_args = [*module.extra_compile_args, "-O0"]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(self.build_extension, modules))
        except SystemExit:
            return "mypyc does not take the sources"
        except Exception as problem:
            for file in built:
                file.unlink(missing_ok=True)
            return f"{problem}"
        return ""

    def _compileInParallel(self) -> None:
        """
        Compile the files of a module on all cores, the largest first.
        """
        compileAll = self.compiler.compile

        def compileEach(sources, **options):
            largest = sorted(sources, key=lambda source: -Path(source).stat().st_size)
            pool = ThreadPoolExecutor(os.cpu_count())
            try:
                objects = pool.map(lambda source: compileAll([source], **options), largest)
                return [file for files in objects for file in files]
            finally:
                pool.shutdown(cancel_futures=True)

        self.compiler.compile = compileEach


setup(
    cffi_modules=["kcptwisted/native/build.py:ffibuilder"],
    ext_modules=[
        Extension(
            AEAD,
            ["kcptwisted/native/aead.c"],
            define_macros=[("PY_SSIZE_T_CLEAN", None), ("Py_LIMITED_API", "0x030a0000")],
            py_limited_api=True,
        ),
    ],
    cmdclass={"build": BuildFresh, "build_ext": BuildOptional},
)
