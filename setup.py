"""
Builds the accelerator where there is a C compiler, and, if C{KCPTWISTED_COMPILE=yes} is in the
environment, compiles the modules that most time is spent in; everything else is in C{setup.cfg}.
"""

import os
import sys

from setuptools import setup
from setuptools.command.build_ext import build_ext

ACCELERATOR = "kcptwisted.native._accelerator"

#: Modules that know nothing of Twisted and zope.interface: what mypyc can take as they are.
HOT = [
    *[
        f"kcptwisted/arq/{name}.py"
        for name in (
            "conversation",
            "deadlines",
            "launches",
            "overtaken",
            "pacing",
            "probe",
            "receiver",
            "rtt",
            "segment",
            "sender",
            "settings",
            "staleness",
        )
    ],
    "kcptwisted/fec/decoder.py",
    "kcptwisted/fec/encoder.py",
    "kcptwisted/fec/packet.py",
    "kcptwisted/udp/offload.py",
]

COMPILE = os.environ.get("KCPTWISTED_COMPILE") == "yes"


class BuildOptional(build_ext):
    """
    Goes on without the accelerator if it cannot be compiled: the package works without it.
    """

    def finalize_options(self) -> None:
        """
        Mark the accelerator as an extension that may fail.
        """
        super().finalize_options()
        for extension in self.extensions:
            extension.optional = extension.name == ACCELERATOR


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
    ext_modules=compiled(),
    cmdclass={"build_ext": BuildOptional},
    setup_requires=["mypy[mypyc] >= 1.11", "mypy-zope >= 1.0.5"] if COMPILE else [],
)
