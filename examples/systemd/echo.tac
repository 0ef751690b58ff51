"""
A server for twistd that tells systemd when it is ready, stops, and lives.

    ECHO_ENDPOINT=kcp:4007:crypt=null twistd -n --pidfile= --python echo.tac
"""

import os

from twisted.application.service import Application
from twisted.application.strports import service
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from kcptwisted.services.systemd import notifySystemd

application = Application("echo")
service(os.environ["ECHO_ENDPOINT"], Factory.forProtocol(Echo)).setServiceParent(application)
notifySystemd(application)
