"""
Builds C{gopeer}, the kcp-go peer of the interoperability tests.

It needs Go, which fetches kcp-go and what that depends on as modules, at the versions that
C{go.mod} names, unless it has them already.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "gopeer"

#: Seconds that one build may take, downloads included.
BUILD_TIMEOUT = 300


class BuildError(Exception):
    """
    The program could not be built.
    """


def findGo() -> str | None:
    """
    Return the path of the C{go} command, or L{None}.
    """
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")


def buildGoPeer() -> str:
    """
    Build the peer, unless that has been done already, for a directory of this user's below the
    system's temporary one. A build that failed is not tried again by this process.

    @return: the path of the binary.

    @raise BuildError: if something is missing or the build fails.
    """
    built = _buildOnce()
    if isinstance(built, BuildError):
        raise built
    return built


@cache
def _buildOnce() -> str | BuildError:
    try:
        return _build()
    except BuildError as problem:
        return problem


def buildGoBenchmark() -> str:
    """
    Build kcp-go's own tests and benchmarks, unless that has been done already, in the same place.

    @return: the path of the binary, which takes the flags of C{go test} with C{-test.} before them.

    @raise BuildError: if something is missing or the build fails.
    """
    go = findGo()
    if go is None:
        raise BuildError("there is no go command")
    directory = ownDirectory()
    binary = directory / f"kcpgo-{_fingerprint(go)}"
    if not binary.is_file():
        module = _run([go, "list", "-m", "-f={{.Dir}}", "github.com/xtaci/kcp-go/v5"]).strip()
        with tempfile.TemporaryDirectory(prefix="build-", dir=directory) as work:
            built = Path(work) / "kcpgo"
            _run([go, "test", "-c", "-o", str(built), "."], Path(module))
            os.replace(built, binary)
    return str(binary)


def _build() -> str:
    go = findGo()
    if go is None:
        raise BuildError("there is no go command")
    directory = ownDirectory()
    binary = directory / f"gopeer-{_fingerprint(go)}"
    if not binary.is_file():
        with tempfile.TemporaryDirectory(prefix="build-", dir=directory) as work:
            built = Path(work) / "gopeer"
            _run([go, "build", "-trimpath", "-buildvcs=false", "-o", str(built), "."])
            os.replace(built, binary)
    return str(binary)


def _run(command: list[str], directory: Path = SOURCES) -> str:
    """
    Run a command of Go.

    @param directory: of the module.

    @return: what it printed.

    @raise BuildError: with what it said, if it failed.
    """
    own = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly", "GO111MODULE": "on"}
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_TIMEOUT,
            text=True,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[1]} was not done within {BUILD_TIMEOUT} s") from None
    if done.returncode != 0:
        said = done.stdout.strip() or f"exit status {done.returncode}"
        raise BuildError(f"kcp-go cannot be built here: {said}")
    return done.stdout


def _fingerprint(go: str) -> str:
    """
    Name what the binary depends on: our sources, the versions of the modules and the compiler's.
    """
    digest = hashlib.sha256(_run([go, "version"]).encode())
    for path in sorted(SOURCES.iterdir()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"\n{path.name} {content}".encode())
    return digest.hexdigest()[:20]


def ownDirectory() -> Path:
    """
    Return this user's cache directory, which nobody else may write to.
    """
    path = Path(tempfile.gettempdir()) / f"kcptwisted-gopeer-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise BuildError(f"{path} is not a directory of this user's alone")
    return path


if __name__ == "__main__":
    print(buildGoPeer())
