"""
Builds the accelerator where there is a C compiler, and, if C{KCPTWISTED_COMPILE=yes} is in the
environment, compiles the modules that most time is spent in; everything else is in C{setup.cfg}.
"""

import os
import sys
from pathlib import Path
from shutil import rmtree

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

ACCELERATOR = "kcptwisted.native._accelerator"

#: It makes objects of Python, which cffi cannot.
AEAD = "kcptwisted.native._aead"

#: Packages that know nothing of Twisted and zope.interface: what mypyc can take as it is.
PURE = ["arq", "congestion", "connection"]

#: Modules in these that it does not: no compiled class has interpreted ones above or below it, but
#: users derive congestion controls from the class in control, as the others do, and registry, which
#: is for Twisted, from that in spec; events have nothing to gain.
AS_THEY_ARE = [
    "congestion/bbr.py",
    "congestion/control.py",
    "congestion/kcp.py",
    "congestion/registry.py",
    "congestion/spec.py",
    "connection/events.py",
]

HOT = [
    *[
        str(module)
        for package in PURE
        for module in sorted(Path("kcptwisted", package).glob("[!_]*.py"))
        if f"{package}/{module.name}" not in AS_THEY_ARE
    ],
    "kcptwisted/wire/control.py",
    "kcptwisted/fec/decoder.py",
    "kcptwisted/fec/encoder.py",
    "kcptwisted/stats.py",
    "kcptwisted/udp/offload.py",
    "kcptwisted/wire/fec.py",
    "kcptwisted/wire/segment.py",
]

COMPILE = os.environ.get("KCPTWISTED_COMPILE") == "yes"


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
    Goes on without the accelerator if it cannot be compiled: the package works without it. Machine
    code beside sources that may be edited is the accelerator alone, and of this build.
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
            if COMPILE:
                # No exception, which setuptools would take for a fault of editable installs.
                sys.exit(
                    "error: KCPTWISTED_COMPILE=yes is for installing without -e: it would go on to "
                    "run what was compiled of the sources, whatever is changed in them."
                )
            for pattern in ("kcptwisted/**/*", "*__mypyc*"):
                for suffix in (".so", ".pyd"):
                    for old in Path().glob(pattern + suffix):
                        old.unlink()
        super().run()


def compiled() -> list:
    """
    @return: the hot modules as extensions, none if they are not to be compiled.
    """
    # Asked what the build requires, setuptools runs this without it.
    if not COMPILE or "egg_info" in sys.argv:
        return []
    from mypyc.build import mypycify

    # What they import is not checked here: that takes all dependencies.
    flags = ["--config-file=setup.cfg", "--follow-imports=silent", "--ignore-missing-imports"]
    return mypycify([*flags, *HOT], opt_level="3", group_name="kcptwisted")


setup(
    cffi_modules=["kcptwisted/native/build.py:ffibuilder"],
    ext_modules=[
        Extension(
            AEAD,
            ["kcptwisted/native/aead.c"],
            define_macros=[("PY_SSIZE_T_CLEAN", None), ("Py_LIMITED_API", "0x030a0000")],
            py_limited_api=True,
        ),
        *compiled(),
    ],
    cmdclass={"build": BuildFresh, "build_ext": BuildOptional},
    setup_requires=["mypy[mypyc] >= 1.11", "mypy-zope >= 1.0.5"] if COMPILE else [],
)
