"""
An echo service for twistd whose port is served by two processes::

    twistd -noy examples/worker_service.py

It listens at C{kcp:4000:key=sesame:workers=2}, or at the endpoint in the environment variable
C{ENDPOINT}.  C{examples/echo_client.py} is the client.  The log shows which worker serves it.

twistd runs this file once more in each worker.  Ask C{workerNumber} before you do what only one
process shall do, such as to log the state of the service.
"""

from __future__ import annotations

import os

from twisted.application import strports
from twisted.application.internet import TimerService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from kcptwisted.interfaces import IKCPTransport
from kcptwisted.workers.role import workerNumber

#: Seconds between two lines in the log.
LOG_INTERVAL = 60


class Echo(Protocol):
    """
    Sends back what it receives.
    """

    transport: IKCPTransport

    def connectionMade(self) -> None:
        """
        Makes the transport pause reading while too much waits to be sent.
        """
        print("a client")
        self.transport.registerProducer(self.transport, streaming=True)

    def dataReceived(self, data: bytes) -> None:
        """
        Sends the data back.
        """
        self.transport.write(data)


def logState() -> None:
    """
    Logs a line.  Only the master calls it.
    """
    print("the master is there")


application = Application("echo")
strports.service(
    os.environ.get("ENDPOINT", "kcp:4000:key=sesame:workers=2"), Factory.forProtocol(Echo)
).setServiceParent(application)
if workerNumber(reactor) is None:
    TimerService(LOG_INTERVAL, logState).setServiceParent(application)
