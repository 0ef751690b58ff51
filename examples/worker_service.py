"""
An echo service whose port two processes serve, for twistd::

    twistd -noy examples/worker_service.py

It listens at C{kcp:4000:key=sesame:workers=2}, or at what the environment variable C{ENDPOINT}
says.  C{examples/echo_client.py} is the other end; what it is told by which worker is in the log.

twistd runs this file once more in each worker.  What only one process is to do, such as to log how
the service does, is asked of C{workerNumber}.
"""

from __future__ import annotations

import os

from twisted.application import strports
from twisted.application.internet import TimerService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from kcptwisted.session import KCPTransport
from kcptwisted.workers.role import workerNumber

#: Seconds between two lines in the log.
PERIOD = 60


class Echo(Protocol):
    """
    Sends back what it is sent.
    """

    transport: KCPTransport

    def connectionMade(self) -> None:
        """
        Have reading pause while too much waits to be sent.
        """
        print("a client")
        self.transport.registerProducer(self.transport, streaming=True)

    def dataReceived(self, data: bytes) -> None:
        """
        Send back.
        """
        self.transport.write(data)


def tell() -> None:
    """
    Say something that is worth saying once.
    """
    print("the master is there")


application = Application("echo")
strports.service(
    os.environ.get("ENDPOINT", "kcp:4000:key=sesame:workers=2"), Factory.forProtocol(Echo)
).setServiceParent(application)
if workerNumber(reactor) is None:
    TimerService(PERIOD, tell).setServiceParent(application)
