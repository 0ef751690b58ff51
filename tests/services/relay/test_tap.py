"""
Tests for L{kcptwisted.services.relay.tap}.
"""

from __future__ import annotations

import os
import sys
from io import StringIO
from random import Random
from typing import Any

from twisted.application.service import IService, IServiceMaker
from twisted.internet import error
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.plugin import getPlugins
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from kcptwisted.services.relay.routes import Route
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

    def refused(self, *arguments: str) -> str:
        """
        @return: the only line that a wrong command line prints.
        """
        errors = StringIO()
        self.patch(sys, "stderr", errors)
        self.assertEqual(self.assertRaises(SystemExit, self.parse, *arguments).code, 2)
        (line,) = errors.getvalue().splitlines()
        return line.removeprefix("kcp-relay: ")

    def test_missing(self) -> None:
        """
        Each --from needs a --to.
        """
        self.assertEqual(self.refused(), "--from and --to are needed, or --config")
        for given, counted in ((["--from"], "1 --from and 0 --to"), (["--to"], "0 --from and 1")):
            self.assertIn(counted, self.refused(*given, "tcp:localhost:80"))
        problem = self.refused("-f", "tcp:1", "-t", "tcp:h:1", "-f", "tcp:2")
        self.assertEqual(problem, "2 --from and 1 --to: each --from needs one --to")

    def test_parserRaises(self) -> None:
        """
        Twisted's parsers raise all kinds of errors.
        """
        for wrong in ("tcp:80\\", "\\", "systemd:domain=INET:name=x", "ssl:443:privateKey=/no"):
            self.assertIn("--from: ", self.refused("--from", wrong, "--to", "tcp:h:1"))
        line = self.refused("--from", "tcp:1", "--to", "tls:h:443:trustRoots=/no")
        self.assertRegex(line, "--to: .")

    def test_several(self) -> None:
        """
        The first --to belongs to the first --from, and options to all.
        """
        routes = self.parse(
            *("--from", "tcp:1", "--to", "tcp:h:1", "-f", "tcp:2", "-t", "tcp:h:2"),
            *("--max-connections", "3", "--reconnect", "1.5", "--quiet", "--stop-timeout", "0"),
        ).routes
        options: Any = {
            "maxConnections": 3,
            "reconnect": 1.5,
            "quiet": True,
            "stopTimeout": 0.0,
        }
        self.assertEqual(
            routes, [Route("tcp:1", "tcp:h:1", **options), Route("tcp:2", "tcp:h:2", **options)]
        )

    def test_wrong(self) -> None:
        """
        A wrong endpoint is an error that names the option and what is allowed.
        """
        for end, problem in (
            ("kcp:h:1:mode=warp", "--to: mode must be one of normal, fast"),
            ("nothing:h", "--to: Unknown endpoint type: 'nothing'"),
            ("tcp:h", "--to: missing 1 required positional argument: 'port'"),
            ("tcp:h:x", "--to: "),
        ):
            self.assertTrue(self.refused("--from", "tcp:1", "--to", end).startswith(problem))
        self.assertIn("--from: ", self.refused("--from", "tcp:x", "--to", "tcp:h:1"))

    def test_twice(self) -> None:
        """
        Two routes cannot begin at the same place.
        """
        ends = ("-f", "tcp:1", "-t", "tcp:h:1") * 2
        self.assertEqual(self.refused(*ends), "--from: tcp:1 is given 2 times")
        ends = ("-f", "kcp:1:key=secret", "-t", "tcp:h:1") * 2
        self.assertEqual(self.refused(*ends), "--from: kcp:1:key=*** is given 2 times")

    def test_numbers(self) -> None:
        """
        Seconds and numbers are not negative.
        """
        ends = ("--from", "tcp:1", "--to", "tcp:h:1")
        self.assertEqual(self.parse(*ends).routes, [Route("tcp:1", "tcp:h:1", stopTimeout=30)])
        for name in ("stop-timeout", "reconnect"):
            for wrong in ("-1", "soon", "nan", "inf"):
                problem = f"--{name} must be seconds, 0 or more, not '{wrong}'"
                self.assertEqual(self.refused(*ends, f"--{name}", wrong), problem)
        for wrong in ("-1", "many", "1.5"):
            self.assertIn(
                "--max-connections must be a whole number, 0 or more",
                self.refused(*ends, "--max-connections", wrong),
            )

    def test_unknown(self) -> None:
        """
        So is an unknown option, an argument too many, and a value that is missing.
        """
        ends = ("--from", "tcp:1", "--to", "tcp:h:1")
        self.assertEqual(self.refused(*ends, "--fast"), "option --fast not recognized")
        self.assertIn("--reconnect requires argument", self.refused(*ends, "--reconnect"))
        self.assertIn("'more'", self.refused(*ends, "more"))

    def test_stdio(self) -> None:
        """
        Standard input goes with no other route.
        """
        ends = ("--from", "stdio:", "--to", "tcp:h:1")
        verifyObject(IService, makeService(self.parse(*ends)))
        problem = self.refused(*ends, "-f", "tcp:1", "-t", "tcp:h:1")
        self.assertEqual(problem, "--from: stdio: must be the only route of its process")
        self.assertIn("--logfile", self.refused(*ends, "--log-format", "json"))

    def test_config(self) -> None:
        """
        A file has routes and options; then there are no others.
        """
        path = self.mktemp()
        with open(path, "w") as file:
            file.write('quiet = true\n[[route]]\nfrom = "tcp:1"\nto = "tcp:h:1"\n')
        options = self.parse("--config", path)
        self.assertEqual(list(options.routes), [Route("tcp:1", "tcp:h:1", quiet=True)])
        assert options.reread is not None
        self.assertEqual(options.reread(), options.routes)
        verifyObject(IService, makeService(options))
        for more in (["--quiet"], ["--from", "tcp:1"], ["--stop-timeout", "3"]):
            self.assertEqual(
                self.refused("--config", path, *more),
                f"--config has all options: give no {more[0]} with it",
            )
        absent = os.path.abspath("none")
        self.assertEqual(self.refused("-c", "none"), f"{absent}: No such file or directory")

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
