"""
Tests for L{kcptwisted.udp.addresses}.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import HostnameAddress, IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from kcptwisted.udp.addresses import ANY_IPV4, ANY_IPV6, isIPv6, parseLiteral, resolve, toAddress
from tests.properties import given, strategies


@implementer(IHostResolution)
class Resolution:
    """
    A look-up under way.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        """
        Note it.
        """
        self.cancelled = True


@implementer(IHostnameResolver)
class Resolver:
    """
    A resolver that the test answers for.
    """

    receiver: Any

    def __init__(self, answer: Callable[[Any], None] = lambda receiver: None) -> None:
        self._answer = answer
        self.asked: list[tuple[str, int, str]] = []

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """
        Note the question.
        """
        self.asked.append((hostName, portNumber, transportSemantics))
        self.receiver = resolutionReceiver
        self.resolution = Resolution(hostName)
        self.receiver.resolutionBegan(self.resolution)
        self._answer(self.receiver)
        return self.resolution


class Reactor(Clock):
    """
    As much of a reactor as it takes.
    """

    def __init__(self, resolver: Resolver) -> None:
        super().__init__()
        self.nameResolver = resolver


class LiteralTests(SynchronousTestCase):
    """
    Tests for L{parseLiteral} and what tells addresses apart.
    """

    def test_ipv4(self) -> None:
        """
        An IPv4 address is taken as it is.
        """
        self.assertEqual(parseLiteral("192.0.2.1", 29900), ("192.0.2.1", 29900))

    def test_ipv6(self) -> None:
        """
        An IPv6 address has flow and scope after it.
        """
        self.assertEqual(parseLiteral("2001:db8::1", 29900), ("2001:db8::1", 29900, 0, 0))
        self.assertEqual(parseLiteral("::", 0), ("::", 0, 0, 0))

    def test_scopeNumber(self) -> None:
        """
        A scope may be a number.
        """
        self.assertEqual(parseLiteral("fe80::1%7", 1), ("fe80::1", 1, 0, 7))

    def test_scopeName(self) -> None:
        """
        A scope may be the name of an interface.
        """
        for index, name in socket.if_nameindex():
            self.assertEqual(parseLiteral(f"fe80::1%{name}", 1), ("fe80::1", 1, 0, index))

    def test_unknownScope(self) -> None:
        """
        An address with the name of no interface is not one.
        """
        self.assertIs(parseLiteral("fe80::1%no-such-interface", 1), None)

    def test_names(self) -> None:
        """
        Names, and what is neither, are no addresses.
        """
        for host in (
            "example.com",
            "localhost",
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "%lo",
            "g::1",
        ):
            self.assertIs(parseLiteral(host, 1), None, host)

    @given(strategies.text(max_size=8))
    def test_anyHost(self, host: str) -> None:
        """
        Whatever the text is, nothing is raised.
        """
        parseLiteral(host, 1)

    @given(strategies.text(max_size=8))
    def test_anyScope(self, scope: str) -> None:
        """
        So it is with any text for a scope.
        """
        found = parseLiteral(f"fe80::1%{scope}", 1)
        self.assertTrue(found is None or len(found) == 4)

    def test_superscriptScope(self) -> None:
        """
        Of the characters that count as digits somewhere only those of numbers make one.
        """
        self.assertIs(parseLiteral("fe80::1%\u00b2", 1), None)

    def test_nullScope(self) -> None:
        """
        A null character does no harm.
        """
        self.assertIs(parseLiteral("fe80::1%\0", 1), None)

    def test_hugeScope(self) -> None:
        """
        A number that is too large for a scope is none.
        """
        self.assertIsNot(parseLiteral(f"fe80::1%{2**32 - 1}", 1), None)
        self.assertIs(parseLiteral(f"fe80::1%{2**32}", 1), None)

    def test_any(self) -> None:
        """
        The addresses that stand for all are those of their families.
        """
        self.assertEqual(parseLiteral("0.0.0.0", 0), ANY_IPV4)
        self.assertEqual(parseLiteral("::", 0), ANY_IPV6)

    def test_family(self) -> None:
        """
        IPv6 is told from IPv4.
        """
        self.assertTrue(isIPv6(("::1", 1, 0, 0)))
        self.assertFalse(isIPv6(("127.0.0.1", 1)))

    def test_toAddress(self) -> None:
        """
        Socket addresses become Twisted's.
        """
        self.assertEqual(toAddress(("127.0.0.1", 1)), IPv4Address("UDP", "127.0.0.1", 1))
        self.assertEqual(toAddress(("fe80::1", 2, 3, 4)), IPv6Address("UDP", "fe80::1", 2, 3, 4))


class ResolveTests(SynchronousTestCase):
    """
    Tests for L{resolve}.
    """

    def test_fakes(self) -> None:
        """
        The resolver here is one.
        """
        verifyObject(IHostnameResolver, Resolver())
        verifyObject(IHostResolution, Resolution("name"))

    def test_literal(self) -> None:
        """
        For an address nobody is asked.
        """
        resolver = Resolver()
        result = self.successResultOf(resolve(Reactor(resolver), "192.0.2.1", 5, 3))
        self.assertEqual(result, [("192.0.2.1", 5)])
        self.assertEqual(resolver.asked, [])

    def test_question(self) -> None:
        """
        The reactor's resolver is asked, for UDP.
        """
        resolver = Resolver()
        self.assertNoResult(resolve(Reactor(resolver), "name.example", 5, 3))
        self.assertEqual(resolver.asked, [("name.example", 5, "UDP")])

    def test_receiver(self) -> None:
        """
        What takes the answer provides the interface.
        """
        resolver = Resolver()
        resolve(Reactor(resolver), "name.example", 5, 3)
        verifyObject(IResolutionReceiver, resolver.receiver)

    def test_answer(self) -> None:
        """
        All addresses are given, of both families, in the resolver's order and with the port that
        was asked for.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "name.example", 5, 3)
        resolver.receiver.addressResolved(IPv6Address("UDP", "fe80::1", 0, 1, 3))
        resolver.receiver.addressResolved(IPv4Address("UDP", "192.0.2.1", 0))
        self.assertNoResult(result)
        resolver.receiver.resolutionComplete()
        self.assertEqual(self.successResultOf(result), [("fe80::1", 5, 1, 3), ("192.0.2.1", 5)])

    def test_answeredAtOnce(self) -> None:
        """
        The answer may come before the question is over.
        """

        def answer(receiver: Any) -> None:
            receiver.addressResolved(IPv4Address("UDP", "192.0.2.1", 0))
            receiver.resolutionComplete()

        result = resolve(Reactor(Resolver(answer)), "name.example", 5, 3)
        self.assertEqual(self.successResultOf(result), [("192.0.2.1", 5)])

    def test_noAddress(self) -> None:
        """
        A name without an address is an error that tells the name.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "name.example", 5, 3)
        resolver.receiver.resolutionComplete()
        failure = self.failureResultOf(result, DNSLookupError)
        self.assertIn("name.example", str(failure.value))

    def test_otherAddresses(self) -> None:
        """
        Addresses that no socket takes are left out.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "name.example", 5, 3)
        resolver.receiver.addressResolved(HostnameAddress(b"other.example", 5))
        resolver.receiver.resolutionComplete()
        self.failureResultOf(result, DNSLookupError)

    def test_cancel(self) -> None:
        """
        Cancelling ends the look-up, and an answer that comes all the same is of no interest.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "name.example", 5, 3)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertTrue(resolver.resolution.cancelled)
        resolver.receiver.addressResolved(IPv4Address("UDP", "192.0.2.1", 0))
        resolver.receiver.resolutionComplete()

    def test_noAnswer(self) -> None:
        """
        A resolver that does not answer in time is an error that tells the name and the time.
        """
        resolver = Resolver()
        reactor = Reactor(resolver)
        result = resolve(reactor, "name.example", 5, 3)
        reactor.advance(2.9)
        self.assertNoResult(result)
        reactor.advance(0.2)
        failure = self.failureResultOf(result, DNSLookupError)
        self.assertEqual(str(failure.value).count("name.example"), 1)
        self.assertIn("within 3 seconds", str(failure.value))
        self.assertTrue(resolver.resolution.cancelled)

    def test_nothingStays(self) -> None:
        """
        An answer leaves no delayed call behind.
        """
        resolver = Resolver()
        reactor = Reactor(resolver)
        result = resolve(reactor, "name.example", 5, 3)
        resolver.receiver.resolutionComplete()
        self.failureResultOf(result, DNSLookupError)
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_resolverRaises(self) -> None:
        """
        A resolver that raises fails the look-up.
        """

        def answer(receiver: Any) -> None:
            raise ZeroDivisionError

        result = resolve(Reactor(Resolver(answer)), "name.example", 5, 3)
        self.failureResultOf(result, ZeroDivisionError)

    def test_scopeOfNoInterface(self) -> None:
        """
        An address whose scope is no interface's name is looked up nowhere.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "fe80::1%no-such-interface", 5, 3)
        failure = self.failureResultOf(result, DNSLookupError)
        self.assertIn("no-such-interface", str(failure.value))
        self.assertEqual(resolver.asked, [])

    def test_twice(self) -> None:
        """
        An address that is named twice is given once.
        """
        resolver = Resolver()
        result = resolve(Reactor(resolver), "name.example", 5, 3)
        for _ in range(2):
            resolver.receiver.addressResolved(IPv4Address("UDP", "192.0.2.1", 0))
        resolver.receiver.resolutionComplete()
        self.assertEqual(self.successResultOf(result), [("192.0.2.1", 5)])
