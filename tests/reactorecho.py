"""
Run by L{tests.test_reactors} in a process of its own: an echo under a given reactor.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def main(name: str) -> int:
    """
    @param name: of a module of twisted.internet that has C{install}.
    @return: the exit status: 0 if all bytes came back.
    """
    import_module(f"twisted.internet.{name}").install()
    from twisted.internet import reactor as installed
    from twisted.internet.defer import inlineCallbacks
    from twisted.internet.endpoints import clientFromString, serverFromString
    from twisted.internet.protocol import Factory

    from kcptwisted.udp.port import BatchPort
    from tests.test_live import LENGTH, Collector, Echo

    reactor: Any = installed
    status = [1]

    @inlineCallbacks
    def run() -> Any:
        options = "key=k:dataShards=4:parityShards=1"
        server = serverFromString(reactor, f"kcp:0:interface=127.0.0.1:{options}")
        port = yield server.listen(Factory.forProtocol(Echo))
        client = clientFromString(reactor, f"kcp:127.0.0.1:{port.getHost().port}:{options}")
        protocol = yield client.connect(Factory.forProtocol(Collector))
        protocol.transport.write(bytes(LENGTH))
        received = yield protocol.complete
        if received == bytes(LENGTH) and isinstance(port._listener.stack._port, BatchPort):
            status[0] = 0
        protocol.transport.loseConnection()
        yield protocol.lost
        yield port.stopListening()

    def begin() -> None:
        run().addErrback(lambda failure: print(failure, file=sys.stderr)).addBoth(
            lambda _: reactor.stop()
        )

    reactor.callLater(30, reactor.stop)
    reactor.callWhenRunning(begin)
    reactor.run()
    return status[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
