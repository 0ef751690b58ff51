"""
Sends a text to C{examples/echo_server.py} and prints what comes back.

Run it with the endpoint to connect to and the text; the defaults fit the server's::

    python examples/echo_client.py "kcp:127.0.0.1:4000:key=sesame" "hello"

It exits with 0 if the same text came back, and with 1 if it could not connect.
"""

from __future__ import annotations

import sys

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import react
from twisted.python.failure import Failure

from kcptwisted.interfaces import IKCPTransport


class Asker(Protocol):
    """
    Sends one text and waits for as many bytes.

    @ivar answered: fires with the bytes that came back.
    @ivar closed: fires when the connection has ended.
    """

    transport: IKCPTransport

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred()
        self.closed: Deferred[None] = Deferred()
        self._answer = b""
        self._length = 0

    def ask(self, question: bytes) -> Deferred[bytes]:
        """
        Sends the text.

        @return: fires with the answer.
        """
        self._length = len(question)
        self.transport.write(question)
        return self.answered

    def dataReceived(self, data: bytes) -> None:
        """
        Collects the answer.  A write may arrive in pieces, as over TCP.
        """
        self._answer += data
        if len(self._answer) >= self._length and not self.answered.called:
            self.answered.callback(self._answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Fails C{answered} if there was no answer, and fires C{closed}.
        """
        if not self.answered.called:
            self.answered.errback(reason)
        self.closed.callback(None)


async def main(
    reactor: IReactorTime, endpoint: str = "kcp:127.0.0.1:4000:key=sesame", text: str = "hello"
) -> None:
    """
    Connects, sends the text, prints the answer, and closes.
    """
    asker = await clientFromString(reactor, endpoint).connect(Factory.forProtocol(Asker))
    assert isinstance(asker, Asker)
    began = reactor.seconds()
    answer = await asker.ask(text.encode())
    milliseconds = (reactor.seconds() - began) * 1000
    print(f"{answer.decode()} ({milliseconds:.1f} ms)", flush=True)
    asker.transport.loseConnection()
    # The last ACK is sent with the close: the reactor must not stop before.
    await asker.closed
    if answer != text.encode():
        raise SystemExit("that is not what was sent")


if __name__ == "__main__":
    react(main, sys.argv[1:])
