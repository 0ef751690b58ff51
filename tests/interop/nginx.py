"""
Runs nginx as examples/nginx.conf has it, on ports of the test's.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.programs import EXAMPLES, Program, freePort

EXAMPLE = EXAMPLES / "nginx.conf"

#: Where Debian puts it, which not every user's PATH has.
_SYSTEM = "/usr/sbin"

#: So that which worker gets a datagram matters however many processors there are.
_WORKERS = 2


def _binary() -> str | None:
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), _SYSTEM]))


def whyMissing() -> str | None:
    """
    @return: why there is no nginx to test with; None if there is.
    """
    module = re.search(r"^load_module (.*);$", EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert module is not None
    if _binary() is None:
        return "nginx is not installed"
    return None if Path(module[1]).exists() else f"nginx has no {module[1]}"


class Nginx:
    """
    One nginx.

    @ivar port: where it listens on 127.0.0.1.
    """

    def __init__(self, directory: Path, servers: tuple[int, int], **changes: str) -> None:
        """
        @param directory: where it may write; is made.
        @param servers: ports on 127.0.0.1.
        @param changes: what to change in the example's directives: their new parameters.
        """
        directory = directory.absolute()
        self.port = freePort()
        self._directory = directory
        self._program = Program()
        first, second = servers
        text = EXAMPLE.read_text("utf-8")
        text = _replace(text, r"(?<=listen )4000\b", f"127.0.0.1:{self.port}")
        text = _replace(text, r"(?<=127\.0\.0\.1:)4001\b", str(first))
        text = _replace(text, r"(?<=127\.0\.0\.1:)4002\b", str(second))
        changes = {"worker_processes": str(_WORKERS), **changes}
        for directive, parameters in changes.items():
            text = _replace(text, rf"(?<=\b{directive} )[^;]+", parameters)
        directory.mkdir()
        self._configuration = directory / "nginx.conf"
        self._configuration.write_text(text, "utf-8")

    def start(self, reactor: Any) -> Deferred[Any]:
        """
        Start it.

        @return: fires when it listens.
        """
        binary = _binary()
        if binary is None:
            raise AssertionError(whyMissing())
        command = [binary, "-p", str(self._directory), "-c", str(self._configuration)]
        # What it says is to be seen, and the test must not lose sight of it.
        command += ["-e", "stderr", "-g", "daemon off; error_log stderr notice;"]
        reactor.spawnProcess(self._program, binary, command, dict(os.environ))
        return self._workersSay(r"start worker process \d")

    def _workersSay(self, what: str) -> Deferred[Any]:
        return self._program.printed(rf"(?s)({what}.*){{{_WORKERS}}}")

    def reload(self) -> Deferred[Any]:
        """
        Have it read its configuration again, which it may do once.

        @return: fires when new workers have taken over.
        """
        self._program.transport.signalProcess("HUP")
        return self._workersSay("gracefully shutting down")

    def stop(self) -> Deferred[None]:
        """
        @return: fires when it and its workers have ended.
        """
        if self._program.status is None:
            self._program.transport.signalProcess("TERM")
        return self._program.ended()


def _replace(text: str, pattern: str, by: str) -> str:
    replaced, count = re.subn(pattern, lambda _: by, text)
    assert count == 1, f"{pattern} is {count} times in {EXAMPLE.name}"
    return replaced
