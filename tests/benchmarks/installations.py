"""
Which kcptwisted is measured: the default installation, whose hot modules are compiled, and the same
sources in plain Python.  Each is installed by pip into a directory of its own, where it is found
again as long as no source changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from shutil import copytree, ignore_patterns

from tests.benchmarks.children import ROOT
from tests.benchmarks.contenders import OURS, PLAIN, Installation, Installations
from tests.interop.gopeer import BuildError, ownDirectory

#: Seconds that one installation may take, what it needs for compiling included.
BUILD_TIMEOUT = 900

#: What an installation is made of.
_SOURCES = ("kcptwisted", "twisted", "setup.py", "setup.cfg", "pyproject.toml", "README.md")
_SUFFIXES = (".py", ".c", ".h", ".cfg", ".toml", ".typed")

#: Says what Python finds, and what that is.
_ASK = (
    "import json, kcptwisted; from kcptwisted.native import describe, isCompiled;"
    " print(json.dumps([kcptwisted.__file__, describe(), isCompiled()]))"
)


def installed() -> Installations:
    """
    Install both, unless that has been done.

    @raise BuildError: if one cannot be installed, or is not what it should be.
    """
    # Of both, so that they are the same sources.
    fingerprint = _fingerprint()
    return Installations(_installed(OURS, True, fingerprint), _installed(PLAIN, False, fingerprint))


def _installed(name: str, compiled: bool, fingerprint: str) -> Installation:
    kind = "compiled" if compiled else "plain"
    place = ownDirectory() / f"kcptwisted-{kind}-{fingerprint}"
    if not place.is_dir():
        with tempfile.TemporaryDirectory(prefix="build-", dir=ownDirectory()) as work:
            # A copy: building leaves files beside the sources, or takes those of an older build.
            sources, made = Path(work) / "sources", Path(work) / "made"
            _copy(sources)
            if _fingerprint() != fingerprint:
                raise BuildError("a source has changed meanwhile")
            command = ["pip", "install", "--quiet", "--no-deps", f"--target={made}", str(sources)]
            _run(command, Path(work), {"KCPTWISTED_COMPILE": "yes" if compiled else "no"})
            os.replace(made, place)
    where, about, isCompiled = json.loads(_run(["-c", _ASK], place, {}))
    if Path(where).parent.parent != place or isCompiled is not compiled:
        raise BuildError(f"{place} should have what is {kind}, but Python finds {where}: {about}")
    return Installation(name, place, {}, about)


def _copy(to: Path) -> None:
    to.mkdir()
    leave = ignore_patterns("*.so", "*.pyd", "__pycache__", "_accelerator.c", "dropin.cache")
    for name in _SOURCES:
        source = ROOT / name
        if source.is_dir():
            copytree(source, to / name, ignore=leave)
        else:
            (to / name).write_bytes(source.read_bytes())


def _fingerprint() -> str:
    """
    Name what an installation depends on: sources and interpreter.
    """
    digest = hashlib.sha256(f"{sys.executable} {sys.version}".encode())
    for name in _SOURCES:
        source = ROOT / name
        paths = sorted(source.rglob("*")) if source.is_dir() else [source]
        for path in paths:
            if path.suffix in _SUFFIXES and path.name != "_accelerator.c":
                digest.update(f"\n{path.relative_to(ROOT)} ".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:20]


def _run(arguments: list[str], directory: Path, environment: Mapping[str, str]) -> str:
    command = [sys.executable, *(arguments if arguments[0] == "-c" else ["-m", *arguments])]
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{arguments[0]} was not done within {BUILD_TIMEOUT} s") from None
    if done.returncode != 0:
        raise BuildError(f"kcptwisted cannot be installed here: {done.stderr.strip()}")
    return done.stdout
