"""
Pausing and resuming the producer that writes to a stream.
"""

from __future__ import annotations

from typing import Any

from kcptwisted.smux.stream import Stream

#: Bytes that wait in a stream when its producer is paused; resumed at half of it.
HIGH = 65536

#: Calls of a pull producer in a row.
PULLS = 64


class StreamProducer:
    """
    The producer of a stream, if there is one.
    """

    __slots__ = ("_isPaused", "_isStreaming", "_producer", "_stream")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._producer: Any = None
        self._isStreaming = False
        self._isPaused = False

    @property
    def isThere(self) -> bool:
        """
        Whether one is registered.
        """
        return self._producer is not None

    @property
    def holdsOpen(self) -> bool:
        """
        Whether it has yet to be asked for the rest, so that a close waits for it.
        """
        return self._producer is not None and (self._isPaused or not self._isStreaming)

    def register(self, producer: Any, streaming: bool) -> None:
        """
        @param streaming: whether the producer goes on by itself until it is paused.
        @raise RuntimeError: if there is one already.
        """
        if self._producer is not None:
            raise RuntimeError(f"{producer!r} cannot be registered: {self._producer!r} still is")
        self._producer = producer
        self._isStreaming = streaming
        self._isPaused = False
        self._stream.low = HIGH // 2
        self.wrote()

    def unregister(self) -> None:
        """
        Forgets the producer.
        """
        self._producer = None
        self._isPaused = False

    def stop(self) -> None:
        """
        Stops the producer: the stream is over.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()

    def wrote(self) -> None:
        """
        Pauses the producer if enough waits, and asks to be told when there is room.
        """
        if self._producer is None:
            return
        if not self._isStreaming:
            self._stream.wantsRoom = True
        elif not self._isPaused and self._stream.queued >= HIGH:
            self._stream.wantsRoom = self._isPaused = True
            self._producer.pauseProducing()

    def resume(self) -> bool:
        """
        Lets the producer go on if little enough waits.

        @return: whether it may have more, and is to be called again later.
        """
        stream = self._stream
        if self._isStreaming:
            if self._isPaused and stream.queued <= stream.low:
                self._isPaused = False
                self._producer.resumeProducing()
            return False
        for _ in range(PULLS):
            if self._producer is None or stream.queued > stream.low:
                return False
            before = stream.progress + stream.queued
            self._producer.resumeProducing()
            if stream.progress + stream.queued == before:
                return False
        return self._producer is not None
