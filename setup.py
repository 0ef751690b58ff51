"""
Builds the accelerator where there is a C compiler; everything else is in C{setup.cfg}.
"""

from setuptools import setup
from setuptools.command.build_ext import build_ext


class BuildOptional(build_ext):
    """
    Goes on without the accelerator if it cannot be compiled: the package works without it.
    """

    def finalize_options(self) -> None:
        """
        Mark every extension as one that may fail.
        """
        super().finalize_options()
        for extension in self.extensions:
            extension.optional = True


setup(
    cffi_modules=["kcptwisted/native/build.py:ffibuilder"],
    cmdclass={"build_ext": BuildOptional},
)
