"""
A client in message mode.
"""

from __future__ import annotations

from tests.interop.roles import Client, session


class MessageClient(Client):
    """
    Sends messages, and keeps what comes back, call by call.

    @ivar received: the data of each call.
    """

    def __init__(self, messages: list[bytes]) -> None:
        """
        @param messages: each is one write.
        """
        super().__init__(sum(map(len, messages)))
        self._messages = messages
        self.received: list[bytes] = []

    def connectionMade(self) -> None:
        """
        Send.
        """
        for message in self._messages:
            session(self).write(message)

    def dataReceived(self, data: bytes) -> None:
        """
        Keep.
        """
        self.received.append(data)
        if sum(map(len, self.received)) >= self.count:
            self.finish()
