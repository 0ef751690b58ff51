"""
An echo service for twistd with a page that shows its sessions::

    twistd -noy examples/status_page.py

It listens at C{kcp:4000:key=sesame}, or at the endpoint in the environment variable C{ENDPOINT}.
The page is at C{http://127.0.0.1:8081/}: it listens at C{tcp:8081:interface=127.0.0.1}, or at the
endpoint in C{STATUS}.  C{examples/echo_client.py} is a client.
"""

from __future__ import annotations

import os

from twisted.application import strports
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from kcptwisted.status.site import statusService

application = Application("echo")
strports.service(
    os.environ.get("ENDPOINT", "kcp:4000:key=sesame"), Factory.forProtocol(Echo)
).setServiceParent(application)
statusService(reactor, os.environ.get("STATUS", "tcp:8081:interface=127.0.0.1")).setServiceParent(
    application
)
