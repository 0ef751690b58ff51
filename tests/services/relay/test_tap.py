"""
Tests for L{kcptwisted.services.relay.tap}.
"""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.internet import error
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.plugin import getPlugins
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from kcptwisted.services.relay.tap import Options, RelayFactory, makeService
from tests.test_live import LENGTH, Collector, Echo


class OptionTests(SynchronousTestCase):
    """
    The command line.
    """

    def parse(self, *arguments: str) -> Options:
        """
        @return: parsed options.
        """
        options = Options()
        options.parseOptions(list(arguments))
        return options

    def test_both(self) -> None:
        """
        Both endpoints make a service.
        """
        options = self.parse("--from", "tcp:8080", "--to", "kcp:example.com:4000:key=k")
        verifyObject(IService, makeService(options))

    def test_missing(self) -> None:
        """
        A missing endpoint is a usage error that names it.
        """
        for given, missing in (("--from", "--to"), ("--to", "--from")):
            problem = self.assertRaises(usage.UsageError, self.parse, given, "tcp:localhost:80")
            self.assertTrue(missing in str(problem) or given in str(problem))

    def test_wrong(self) -> None:
        """
        A wrong endpoint is a usage error that names the option and what is allowed.
        """
        problem = self.assertRaises(
            usage.UsageError, self.parse, "--from", "tcp:1", "--to", "kcp:h:1:mode=warp"
        )
        self.assertIn("--to: mode must be one of normal, fast", str(problem))

    def test_stopTimeout(self) -> None:
        """
        The seconds of a stop are a number that is not negative.
        """
        ends = ("--from", "tcp:1", "--to", "tcp:h:1")
        self.assertEqual(self.parse(*ends)["stop-timeout"], 30)
        self.assertEqual(self.parse(*ends, "--stop-timeout", "0.5")["stop-timeout"], 0.5)
        for wrong in ("-1", "soon", "nan", "inf"):
            problem = self.assertRaises(
                usage.UsageError, self.parse, *ends, "--stop-timeout", wrong
            )
            self.assertIn("--stop-timeout must be seconds, 0 or more", str(problem))

    def test_plugin(self) -> None:
        """
        twistd finds the service.
        """
        found = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "kcp-relay"]
        self.assertEqual(
            [getattr(maker, "module", None) for maker in found], ["kcptwisted.services.relay.tap"]
        )


class Silent(Collector):
    """
    Takes the connection and reads nothing until told.
    """

    def connectionMade(self) -> None:
        """
        Stop reading.
        """
        self.transport.pauseProducing()


class RelayTests(TestCase):
    """
    TCP to KCP to TCP on loopback.
    """

    timeout = 60

    def setUp(self) -> None:
        """
        Use trial's reactor.
        """
        from twisted.internet import reactor

        self.reactor: Any = reactor

    @inlineCallbacks
    def listen(self, string: str, factory: Any) -> Any:
        """
        @return: a Deferred of the port's number.
        """
        factory.noisy = False
        port = yield serverFromString(self.reactor, string).listen(factory)

        def stop() -> Deferred[Any]:
            for session in getattr(port, "sessions", ()):
                session.abortConnection()
            return maybeDeferred(port.stopListening)

        self.addCleanup(stop)
        return port.getHost().port

    @inlineCallbacks
    def join(self, target: Factory) -> Any:
        """
        Have a tunnel of two relays to a TCP server.

        @return: a Deferred of the port to connect to.
        """
        number = yield self.listen("tcp:0:interface=127.0.0.1", target)
        for server, client in (
            ("kcp:0:interface=127.0.0.1:key=k", f"tcp:127.0.0.1:{number}"),
            ("tcp:0:interface=127.0.0.1", "kcp:127.0.0.1:{}:key=k"),
        ):
            endpoint = clientFromString(self.reactor, client.format(number))
            number = yield self.listen(server, RelayFactory(endpoint))
        return number

    @inlineCallbacks
    def connect(self, number: int) -> Any:
        """
        @return: a Deferred of a protocol connected to that TCP port.
        """
        endpoint = clientFromString(self.reactor, f"tcp:127.0.0.1:{number}")
        protocol = yield endpoint.connect(Factory.forProtocol(Collector))
        self.addCleanup(protocol.transport.abortConnection)
        return protocol

    @inlineCallbacks
    def test_echo(self) -> Any:
        """
        Bytes go through both ways, unchanged, the early ones too.
        """
        number = yield self.join(Factory.forProtocol(Echo))
        client = yield self.connect(number)
        data = Random(1).randbytes(LENGTH)
        client.transport.write(data)
        received = yield client.complete
        self.assertEqual(received, data)

    @inlineCallbacks
    def test_backpressure(self) -> Any:
        """
        If the far end reads nothing, the near end cannot write without bound; what it wrote is not
        lost.
        """
        made: list[Silent] = []

        def make() -> Silent:
            made.append(Silent())
            return made[-1]

        number = yield self.join(Factory.forProtocol(make))
        client = yield self.connect(number)
        taken = [0]

        class Source:
            """
            Writes while it may.
            """

            paused = False

            def resumeProducing(self) -> None:
                """
                Write until paused.
                """
                self.paused = False
                while not self.paused and taken[0] < 200_000_000:
                    taken[0] += 100_000
                    client.transport.write(bytes(100_000))

            def pauseProducing(self) -> None:
                """
                Write no more.
                """
                self.paused = True

            def stopProducing(self) -> None:
                """
                Write no more.
                """
                self.paused = True

        source = Source()
        client.transport.registerProducer(source, True)
        source.resumeProducing()
        before = -1
        while before != taken[0]:
            before = taken[0]
            yield deferLater(self.reactor, 0.3, lambda: None)
        self.assertLess(taken[0], 60_000_000)
        client.transport.unregisterProducer()
        (silent,) = made
        silent.missing = taken[0]
        silent.transport.resumeProducing()
        received = yield silent.complete
        self.assertEqual(len(received), taken[0])
        # Until the relay's KCP client has the last ACK, so that its close has not to linger.
        yield deferLater(self.reactor, 0.2, lambda: None)

    @inlineCallbacks
    def test_targetRefuses(self) -> Any:
        """
        If the target cannot be reached, the connection is closed and a warning logged.
        """
        endpoint = clientFromString(self.reactor, "tcp:127.0.0.1:1")
        number = yield self.listen("tcp:0:interface=127.0.0.1", RelayFactory(endpoint))
        client = yield self.connect(number)
        reason = yield client.lost
        self.assertIsInstance(reason, (error.ConnectionLost, error.ConnectionDone))

    @inlineCallbacks
    def test_closePassesOn(self) -> Any:
        """
        When one half ends, so does the other one, after all was delivered.
        """
        factory = Factory.forProtocol(Collector)
        made: list[Any] = []
        build = factory.buildProtocol

        def remember(addr: Any) -> Any:
            made.append(build(addr))
            return made[-1]

        factory.buildProtocol = remember  # type: ignore[method-assign]
        target = yield self.listen("tcp:0:interface=127.0.0.1", factory)
        endpoint = clientFromString(self.reactor, f"tcp:127.0.0.1:{target}")
        number = yield self.listen("tcp:0:interface=127.0.0.1", RelayFactory(endpoint))
        client = yield self.connect(number)
        client.transport.write(bytes(LENGTH))
        client.transport.loseConnection()
        yield client.lost
        while not made:
            yield deferLater(self.reactor, 0.01, lambda: None)
        received = yield made[0].complete
        self.assertEqual(len(received), LENGTH)
        yield made[0].lost
