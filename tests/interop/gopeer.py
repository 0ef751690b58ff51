"""
Builds C{gopeer}, the kcp-go peer of the interoperability tests.

It needs Go and Debian's package C{golang-github-xtaci-kcp-dev}. What kcp-go
itself depends on comes as Go modules, at the versions that C{go.mod} names;
where those cannot be had, Debian's own packages of the same do.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "gopeer"
DEBIAN_GOPATH = Path("/usr/share/gocode")
KCP_GO = DEBIAN_GOPATH / "src/github.com/xtaci/kcp-go"

#: The oldest Go that has all of the standard library that we use.
OLDEST_GO = (1, 24)

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


def whyMissing() -> str | None:
    """
    Say why the peer cannot be built here, or return L{None} if it can.
    """
    go = findGo()
    if go is None:
        return "there is no go command"
    version = _goVersion(go)
    match = re.match(r"go(\d+)\.(\d+)", version)
    if match and (int(match[1]), int(match[2])) < OLDEST_GO:
        return f"{version} is older than go{OLDEST_GO[0]}.{OLDEST_GO[1]}"
    if not (KCP_GO / "go.mod").is_file():
        return f"kcp-go is not in {KCP_GO} (Debian: golang-github-xtaci-kcp-dev)"
    return None


def buildGoPeer(directory: str | None = None) -> str:
    """
    Build the peer, unless that has been done already.

    @param directory: where to keep the binary; by default a directory of this
        user's below the system's temporary one.

    @return: the path of the binary.

    @raise BuildError: if something is missing or the build fails.
    """
    missing = whyMissing()
    go = findGo()
    if go is None or missing is not None:
        raise BuildError(missing)
    cache = Path(directory) if directory is not None else _ownDirectory()
    cache.mkdir(parents=True, exist_ok=True)
    binary = cache / f"gopeer-{_fingerprint(go)}"
    if not binary.is_file():
        with tempfile.TemporaryDirectory(prefix="build-", dir=cache) as work:
            built = _build(go, Path(work))
            os.replace(built, binary)
    return str(binary)


def _build(go: str, work: Path) -> Path:
    """
    Build in C{work}: as a module, or else with Debian's packages alone.
    """
    output = work / "gopeer.bin"
    command = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(output)]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}

    asModule = _run([*command, "-mod=readonly", "."], SOURCES, {**environment, "GO111MODULE": "on"})
    if asModule is None:
        return output

    package = work / "src/gopeer"
    shutil.copytree(SOURCES, package)
    inGopath = _run(
        [*command, "."],
        package,
        {**environment, "GO111MODULE": "off", "GOPATH": f"{work}{os.pathsep}{DEBIAN_GOPATH}"},
    )
    if inGopath is None:
        return output
    raise BuildError(f"as a module:\n{asModule}\nin GOPATH mode:\n{inGopath}")


def _run(command: list[str], directory: Path, environment: dict[str, str]) -> str | None:
    """
    Run a command and return L{None}, or what it said if it failed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_TIMEOUT,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {BUILD_TIMEOUT} s"
    return None if done.returncode == 0 else done.stdout or f"exit status {done.returncode}"


def _goVersion(go: str) -> str:
    done = subprocess.run(
        [go, "env", "GOVERSION"],
        cwd=SOURCES,
        env={**os.environ, "GOTOOLCHAIN": "local"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        text=True,
    )
    return done.stdout.strip()


def _fingerprint(go: str) -> str:
    """
    Name what the binary depends on: our sources, kcp-go's and the compiler.
    """
    digest = hashlib.sha256(_goVersion(go).encode())
    for folder in (SOURCES, KCP_GO):
        for path in sorted(folder.glob("*")):
            if path.suffix in (".go", ".mod", ".sum"):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"\n{path.name} {content}".encode())
    return digest.hexdigest()[:20]


def _ownDirectory() -> Path:
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
