"""
Child processes of a measurement: what they print, and what they use (Linux, proc(5)).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import clock_gettime, monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: Seconds that a process may take to start, and to end when it has been asked to.
PATIENCE = 30

#: Linux's CPUCLOCK_SCHED.
_SCHEDULED = 2
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ChildFailed(Exception):
    """
    A process did not do what it was started for.
    """


class Child:
    """
    A process that tells what happens line by line, and ends when its standard input does.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        directory: Path = ROOT,
    ) -> None:
        """
        Start it.

        @param environment: additions to this process's own.
        @param directory: where it runs.
        """
        self._name = " ".join(command)
        self._pending = b""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=directory,
            env={**os.environ, **(environment or {})},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input = self._process.stdin
        self._output = self._process.stdout

    def line(self, patience: float = PATIENCE) -> str:
        """
        @param patience: seconds to wait.
        @return: the next line that it prints.
        @raise ChildFailed: if there is none.
        """
        deadline = monotonic() + patience
        while b"\n" not in self._pending:
            ready, _, _ = select.select([self._output], [], [], max(deadline - monotonic(), 0))
            if not ready:
                raise ChildFailed(f"nothing within {patience:g} s: {self._name}")
            data = os.read(self._output.fileno(), 65536)
            if not data:
                raise ChildFailed(f"ended with status {self._process.wait()}: {self._name}")
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode()

    def expect(self, word: str, patience: float = PATIENCE) -> str:
        """
        @param patience: seconds to wait.
        @return: what the next line has after C{word}, with which it begins.
        @raise ChildFailed: if it does not.
        """
        line = self.line(patience)
        if not line.startswith(word):
            raise ChildFailed(f"{line!r} instead of {word!r}: {self._name}")
        return line[len(word) :].strip()

    def result(self, patience: float = PATIENCE) -> dict[str, Any]:
        """
        @param patience: seconds to wait.
        @return: the next line, which is an object in JSON.
        @raise ChildFailed: if it is not, or there is none.
        """
        return self.parsed(self.line(patience))

    def parsed(self, line: str) -> dict[str, Any]:
        """
        @return: a line as an object in JSON.
        @raise ChildFailed: if it is not.
        """
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            raise ChildFailed(f"{line!r} is no result: {self._name}") from None
        return found

    @property
    def cpu(self) -> float:
        """
        CPU seconds so far; also of a process that has ended and has not been waited for.
        """
        # What clock_getcpuclockid(3) gives on Linux: that of getrusage, to the nanosecond.
        return clock_gettime(~self._process.pid << 3 | _SCHEDULED)

    @property
    def memory(self) -> int:
        """
        Resident bytes.
        """
        return int(self._about("statm").split()[1]) * _PAGE

    def _about(self, what: str) -> str:
        return Path(f"/proc/{self._process.pid}/{what}").read_text()

    @property
    def ended(self) -> bool:
        """
        Whether it is over.
        """
        return self._process.poll() is not None

    def tell(self) -> None:
        """
        Give it a line of standard input.
        """
        self._input.write(b"\n")
        self._input.flush()

    def finish(self) -> None:
        """
        End its standard input; what it then prints can still be read.
        """
        self._input.close()

    def end(self, patience: float = PATIENCE) -> None:
        """
        End its standard input, and kill it if that does not end it.

        @param patience: seconds to wait.
        """
        self._input.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
        self._output.close()

    def kill(self) -> None:
        """
        End it at once.
        """
        self._process.kill()
        self._process.wait()


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    directory: Path = ROOT,
) -> Iterator[Child]:
    """
    @param environment: additions to this process's own.
    @param directory: where it runs.
    @return: a process, which ends with the context: by itself when all went well, else at once.
    """
    child = Child(command, environment, directory)
    try:
        yield child
    except BaseException:
        child.kill()
        raise
    finally:
        child.end()
