"""
Draws the progress of a run on a terminal.
"""

from __future__ import annotations

from typing import Any, TextIO

from twisted.internet.task import LoopingCall

_BAR_WIDTH = 30

#: Seconds between two drawings.
_PAUSE = 0.5


class ProgressBar:
    """
    Draws one line again and again: a bar, what is measured, and the seconds since the start.
    """

    def __init__(self, reactor: Any, output: TextIO) -> None:
        """
        @param reactor: provides L{twisted.internet.interfaces.IReactorTime}.
        @param output: where to draw.  If it is not a terminal, nothing is drawn.
        """
        self._reactor = reactor
        self._output = output
        self._state = (0, 1, "")
        self._shown = 0
        self._drawing = LoopingCall(self._draw)
        self._drawing.clock = reactor

    def start(self) -> None:
        """
        Begins to draw.
        """
        self._began = self._reactor.seconds()
        if self._output.isatty():
            self._drawing.start(_PAUSE, now=False)

    def proceed(self, done: int, rounds: int, title: str) -> None:
        """
        See L{kcptwisted.commands.bench.runner.Watcher}.
        """
        self._state = done, rounds, title
        if self._drawing.running:
            self._draw()

    def stop(self) -> None:
        """
        Stops drawing, and leaves an empty line.
        """
        if self._drawing.running:
            self._drawing.stop()
            self._show("")
            self._output.write("\r")
            self._output.flush()

    def _draw(self) -> None:
        done, rounds, title = self._state
        bar = ("#" * (_BAR_WIDTH * done // rounds)).ljust(_BAR_WIDTH, ".")
        seconds = self._reactor.seconds() - self._began
        self._show(f"[{bar}] {done}/{rounds} {seconds:3.0f} s  {title}")

    def _show(self, text: str) -> None:
        self._output.write("\r" + text.ljust(self._shown))
        self._output.flush()
        self._shown = len(text)
