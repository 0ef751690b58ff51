"""
What kcptwisted adds to the start of a program: milliseconds beyond Twisted itself, medians of fresh
processes; and what is loaded beside Twisted, kcptwisted and the standard library.  As in an
installed package, everything has been compiled to bytecode before.

With C{--without-openssl} Twisted finds no pyOpenSSL, which it would load C{cryptography} with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: What a program may begin with: how Twisted's own part of it is had, and then ours.
STARTS = {
    "import kcptwisted": ("", "import kcptwisted"),
    "import kcptwisted.endpoints": ("", "import kcptwisted.endpoints"),
    "clientFromString, crypt=null": (
        "from twisted.internet.endpoints import clientFromString\n"
        "clientFromString(object(), 'tcp:127.0.0.1:4000')",
        "clientFromString(object(), 'kcp:127.0.0.1:4000:crypt=null')",
    ),
    "clientFromString, key=": (
        "from twisted.internet.endpoints import clientFromString\n"
        "clientFromString(object(), 'tcp:127.0.0.1:4000')",
        "clientFromString(object(), 'kcp:127.0.0.1:4000:key=sesame')",
    ),
}

#: Runs in a fresh process.  What is loaded already when ours begins is not counted as ours.
PROGRAM = """
import json, sys
from importlib import import_module
from time import perf_counter

hidden, twisted, before, code = json.loads(sys.argv[1])
for name in hidden:
    sys.modules[name] = None
for name in twisted:
    import_module(name)
exec(before)
known = set(sys.modules)
began = perf_counter()
exec(code)
took = perf_counter() - began
print(json.dumps({"seconds": took, "loaded": [name for name in sys.modules if name not in known]}))
"""


@dataclass(frozen=True)
class Startup:
    """
    What one way to begin adds.

    @ivar milliseconds: beyond Twisted itself, the median.
    @ivar others: packages that are loaded beside Twisted's, our own and the standard library.
    """

    milliseconds: float
    others: list[str]


def run(
    bytecode: str, hidden: list[str], twisted: list[str], before: str, code: str
) -> dict[str, Any]:
    """
    @param bytecode: the directory that it is in.
    @param hidden: modules that cannot be imported.
    @param twisted: modules that are imported before.
    @return: how long C{code} took, and what it loaded.
    """
    arguments = json.dumps([hidden, twisted, before, code])
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments],
        env=environment,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def isTwisteds(module: str) -> bool:
    """
    @return: whether a module is Twisted's, or what it is built on.
    """
    return module.partition(".")[0] in ("twisted", "zope", "constantly", "incremental", "automat")


def measure(start: str, rounds: int, openSSL: bool = True) -> Startup:
    """
    Measure one way to begin.

    @param start: one of L{STARTS}.
    @param openSSL: whether Twisted may find pyOpenSSL.
    """
    before, code = STARTS[start]
    hidden = [] if openSSL else ["OpenSSL"]
    with tempfile.TemporaryDirectory() as bytecode:
        # The first run finds out what of Twisted is needed, and has all compiled.
        loaded = run(bytecode, hidden, [], before, code)["loaded"]
        twisted = [name for name in loaded if isTwisteds(name)]
        results = [run(bytecode, hidden, twisted, before, code) for _ in range(rounds)]
    packages = {name.partition(".")[0] for name in results[0]["loaded"]}
    others = packages - set(sys.stdlib_module_names) - {"kcptwisted"}
    return Startup(median(result["seconds"] for result in results) * 1000, sorted(others))


def main() -> None:
    """
    Print a table.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--without-openssl", action="store_true")
    arguments = parser.parse_args()
    print(f"{'start':<32}{'ms':>8}  loaded besides")
    for start in STARTS:
        found = measure(start, arguments.rounds, not arguments.without_openssl)
        print(f"{start:<32}{found.milliseconds:8.1f}  {', '.join(found.others)}")


if __name__ == "__main__":
    main()
