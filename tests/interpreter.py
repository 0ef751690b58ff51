"""
Python in a process of its own, for what has to be seen from a fresh start.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kcptwisted.native import ACCELERATOR_VARIABLE

ROOT = Path(__file__).resolve().parent.parent

#: Seconds after which a process that hangs is killed.
_LIMIT = 120


def runPython(*arguments: str, **environment: str) -> str:
    """
    Run to the end, with the accelerator if there is one.

    @param arguments: of the interpreter.
    @param environment: beside this process's.
    @return: what is printed.
    """
    inherited = {name: value for name, value in os.environ.items() if name != ACCELERATOR_VARIABLE}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=inherited | environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"status {done.returncode}: {done.stderr}{done.stdout}"
    return done.stdout
