"""
On what something was measured: the machine and the versions.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import kcptwisted
from kcptwisted.native import describe
from tests.benchmarks.children import ROOT
from tests.benchmarks.results import Record
from tests.interop.gopeer import SOURCES, findGo

#: Distributions whose versions matter.
PACKAGES = ("Twisted", "cryptography", "pyOpenSSL", "aiokcp", "aioquic")


def where(installations: str = "") -> dict[str, str]:
    """
    @param installations: what those say of themselves that are measured, if it is not what this
        interpreter finds.
    @return: what may change the figures, by what it is of.
    """
    found = {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "system": f"{platform.system()} {_release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "kcptwisted": f"{kcptwisted.__version__}, {installations or describe()}",
        "commit": commit(),
        "kcp-go": _kcpGo(),
        **{name: _package(name) for name in PACKAGES},
    }
    return {name: value for name, value in found.items() if value}


def commits(records: Mapping[str, Record], also: Iterable[str] = ()) -> dict[str, list[str]]:
    """
    @param also: further commits.
    @return: the names of the records by the commit that was measured.
    """
    found: dict[str, list[str]] = {one: [] for one in also}
    for name, record in records.items():
        found.setdefault(record.where.get("commit", ""), []).append(name)
    return found


def merged(places: Iterable[dict[str, str]]) -> dict[str, str]:
    """
    @param places: of several scenarios.
    @return: all values of each item, in order of appearance.
    """
    found: dict[str, dict[str, None]] = {}
    for place in places:
        for name, value in place.items():
            found.setdefault(name, {})[value] = None
    return {name: "; ".join(values) for name, values in found.items()}


def _processor() -> str:
    match = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()


def _release() -> str:
    # What follows the numbers may name the machine's owner.
    match = re.match(r"[\d.]*\d", platform.release())
    return match[0] if match else ""


def commit() -> str:
    """
    @return: the commit of a checkout, marked if it has been changed but for its documents.
    """
    commit = _output("git", "rev-parse", "--short", "HEAD")
    if not commit:
        return ""
    changed = _output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return f"{commit}, changed" if changed else commit


@cache
def _kcpGo() -> str:
    # Asking Go takes a second.
    go = findGo()
    match = re.search(r"xtaci/kcp-go/v5 v(\S+)", (SOURCES / "go.mod").read_text())
    if go is None or match is None:
        return ""
    return f"{match[1]}, {_output(go, 'env', 'GOVERSION')}"


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
