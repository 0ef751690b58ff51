"""
Keeping a producer in step with the send queue.
"""

from __future__ import annotations

from typing import Any

from kcptwisted.arq.sender import Sender

#: How often a pull producer is asked within one flush.
PULLS = 64


class ProducerGate:
    """
    Pauses a producer when as many bytes are queued as the path needs
    (L{worthQueueing<kcptwisted.arq.limits.SendLimits.worthQueueing>}), resumes it at half of
    that.
    """

    __slots__ = ("_paused", "_producer", "_sender", "_streaming")

    def __init__(self, sender: Sender) -> None:
        """
        @param sender: whose queue is watched.
        """
        self._sender = sender
        self._producer: Any = None
        self._streaming = False
        self._paused = False

    @property
    def _high(self) -> int:
        sender = self._sender
        return sender.limits.worthQueueing(sender.una)

    @property
    def producing(self) -> bool:
        """
        Whether a producer is registered.
        """
        return self._producer is not None

    @property
    def holdsOpen(self) -> bool:
        """
        Whether a producer has yet to be asked for the rest, so that a close waits for it.
        """
        return self._producer is not None and (self._paused or not self._streaming)

    def register(self, producer: Any, streaming: bool) -> None:
        """
        @param streaming: whether the producer goes on by itself until it is paused.
        @raise RuntimeError: if there is one already.
        """
        if self._producer is not None:
            raise RuntimeError(f"{producer!r} cannot be registered: {self._producer!r} still is")
        self._producer = producer
        self._streaming = streaming
        self._paused = False
        self.wrote()

    def unregister(self) -> None:
        """
        Forgets the producer.
        """
        self._producer = None
        self._paused = False

    def release(self) -> tuple[Any, bool] | None:
        """
        Forgets the producer, so that it can be registered elsewhere.

        @return: the producer, if there is one, and whether it is a push producer.
        """
        producer = self._producer
        self.unregister()
        return None if producer is None else (producer, self._streaming)

    def stop(self) -> None:
        """
        Stops the producer: the connection is over.
        """
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()

    def wrote(self) -> None:
        """
        Pauses the producer if enough is queued.
        """
        if (
            self._producer is not None
            and self._streaming
            and not self._paused
            and self._sender.queuedBytes >= self._high
        ):
            self._paused = True
            self._producer.pauseProducing()

    def resume(self) -> bool:
        """
        Lets the producer go on if the queue has become short enough.

        @return: whether there is something new to send.
        """
        if self._producer is None:
            return False
        sender = self._sender
        before, low = sender.queuedBytes, self._high // 2
        if self._streaming:
            if self._paused and before <= low:
                self._paused = False
                self._producer.resumeProducing()
        else:
            for _ in range(PULLS):
                queued = sender.queuedBytes
                if self._producer is None or queued > low:
                    break
                self._producer.resumeProducing()
                if sender.queuedBytes == queued:
                    break
        return sender.queuedBytes > before
