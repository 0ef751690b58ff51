"""
An echo service for twistd that tells Prometheus what it does::

    twistd -noy examples/metrics_service.py

It listens at C{kcp:4000:key=sesame:workers=2}, or at the endpoint in the environment variable
C{ENDPOINT}, and answers C{GET /metrics} at C{tcp:9100:interface=127.0.0.1}, or at the endpoint in
C{METRICS}.  The answer has the counts of both workers.  It needs C{pip install
'kcptwisted[metrics]'}.  C{examples/echo_client.py} is the client.
"""

from __future__ import annotations

import os

from twisted.application import strports
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from kcptwisted.metrics.serving import metricsService
from kcptwisted.workers.role import workerNumber

application = Application("echo")
strports.service(
    os.environ.get("ENDPOINT", "kcp:4000:key=sesame:workers=2"), Factory.forProtocol(Echo)
).setServiceParent(application)
# Each worker runs this file, too.
if workerNumber(reactor) is None:
    metricsService(
        reactor, os.environ.get("METRICS", "tcp:9100:interface=127.0.0.1")
    ).setServiceParent(application)
