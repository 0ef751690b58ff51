"""
Twisted's protocols that start TLS in the middle of a connection, over KCP.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.mail import imap4, pop3, smtp
from twisted.protocols import amp
from twisted.python.failure import Failure
from twisted.words.protocols.jabber import xmlstream
from zope.interface import implementer

from tests.carrying import CarryingTestCase
from tests.tlscases import NAME, certificate, clientContext, serverContext, skipTLS

MESSAGE = b"Subject: hello\n\n" + b"A line of text.\n" * 5000


class TLSCarryingTestCase(CarryingTestCase):
    """
    The same with TLS.
    """

    skip = skipTLS


class Reverse(amp.Command):
    """
    Turn a text around.
    """

    arguments = [(b"text", amp.String())]
    response = [(b"text", amp.String())]


class Party(amp.AMP):
    """
    Either end.
    """

    @Reverse.responder
    def reverse(self, text: bytes) -> dict[str, bytes]:
        """
        @return: the text turned around.
        """
        assert ISSLTransport.providedBy(self.transport)
        return {"text": text[::-1]}

    @amp.StartTLS.responder
    def tls(self) -> dict[str, Any]:
        """
        @return: this end's certificate, and whom it trusts.
        """
        return {"tls_localCertificate": certificate(), "tls_verifyAuthorities": []}


class AMPTests(TLSCarryingTestCase):
    """
    AMP's StartTLS.
    """

    def join(self) -> tuple[Any, Any, Any]:
        """
        @return: port, and both ends.
        """
        made: list[Any] = []

        class Server(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                made.append(Party())
                return made[0]

        port = self.serve(Server())
        client = self.wait(self.client.connect(Factory.forProtocol(Party)))
        return port, client, made[0]

    def test_clientAsks(self) -> None:
        """
        The client asks for it, and verifies the server's certificate; then both call.
        """
        port, client, server = self.join()

        async def talk() -> None:
            await client.callRemote(amp.StartTLS, tls_verifyAuthorities=[certificate()])
            for caller in (client, server):
                answer = await caller.callRemote(Reverse, text=b"drawer" * 1000)
                self.assertEqual(answer["text"], b"reward" * 1000)
            self.assertEqual(client.peerCertificate, certificate())

        self.wait(talk())
        self.close(port)


@implementer(smtp.IMessageDelivery, smtp.IMessage)
class Mailbox:
    """
    Takes mail, if it comes over TLS.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.secure: list[bool] = []
        self.server: Any = None

    def receivedHeader(self, helo: Any, origin: Any, recipients: Any) -> bytes:
        """
        @return: nothing.
        """
        return b""

    def validateFrom(self, helo: Any, origin: Any) -> Any:
        """
        Everybody may write.
        """
        self.secure.append(ISSLTransport.providedBy(self.server.transport))
        return origin

    def validateTo(self, user: Any) -> Any:
        """
        To anybody.
        """
        return lambda: self

    def lineReceived(self, line: bytes) -> None:
        """
        Note.
        """
        self.lines.append(line)

    def eomReceived(self) -> Any:
        """
        The message is complete.
        """
        return succeed(None)

    def connectionLost(self) -> None:
        """
        It is not.
        """


class SMTPTests(TLSCarryingTestCase):
    """
    SMTP's STARTTLS.
    """

    def test_send(self) -> None:
        """
        A sender that insists on TLS delivers its mail.
        """
        mailbox = Mailbox()
        host = self.serverHost

        class Server(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                server: Any = smtp.ESMTP(contextFactory=serverContext())
                server.delivery = mailbox
                server.host = NAME.encode()
                server.callLater = host.callLater
                mailbox.server = server
                return server

        port = self.serve(Server())
        sent: Deferred[Any] = Deferred()
        client: Any = smtp.ESMTPSenderFactory(
            None,
            None,
            b"a@example.com",
            b"b@example.com",
            BytesIO(MESSAGE),
            sent,
            contextFactory=clientContext(),
            requireAuthentication=False,
            requireTransportSecurity=True,
        )
        client.noisy = False
        self.patch(client.protocol, "callLater", staticmethod(self.clientHost.callLater))
        self.wait(self.client.connect(client))
        count, _ = self.wait(sent)
        self.assertEqual(count, 1)
        self.assertEqual(b"\n".join(mailbox.lines) + b"\n", MESSAGE)
        self.assertEqual(mailbox.secure, [True])
        self.close(port)


@implementer(IRealm)
class OneAccount:
    """
    Gives everybody the same avatar.
    """

    def __init__(self, interface: Any, avatar: Any) -> None:
        self._interface = interface
        self._avatar = avatar

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """
        @return: the avatar.
        """
        return self._interface, self._avatar, lambda: None


def portal(interface: Any, avatar: Any) -> Portal:
    """
    @return: where C{user} is let in with C{secret}.
    """
    return Portal(
        OneAccount(interface, avatar), [InMemoryUsernamePasswordDatabaseDontUse(user=b"secret")]
    )


class IMAP4Tests(TLSCarryingTestCase):
    """
    IMAP4's STARTTLS.
    """

    def test_login(self) -> None:
        """
        A client logs in over TLS, and sees its mailboxes.
        """
        host = self.serverHost
        account: Any = imap4.MemoryAccount(b"user")
        account.mailboxes["INBOX"] = None
        account.isSubscribed = lambda name: True
        account.listMailboxes = lambda ref, wildcard: []

        class Server(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                server: Any = imap4.IMAP4Server(contextFactory=serverContext())
                server.portal = portal(imap4.IAccount, account)
                server.callLater = host.callLater
                return server

        port = self.serve(Server())

        class Client(imap4.IMAP4Client):
            callLater: Any = staticmethod(self.clientHost.callLater)

            def serverGreeting(self, capabilities: Any) -> None:
                greeted.callback(self)

        greeted: Deferred[Any] = Deferred()
        factory = Factory.forProtocol(lambda: Client(contextFactory=clientContext()))
        self.wait(self.client.connect(factory))
        client = self.wait(greeted)

        async def talk() -> None:
            before = await client.getCapabilities()
            self.assertIn(b"STARTTLS", before)
            await client.startTLS()
            self.assertTrue(ISSLTransport.providedBy(client.transport))
            self.assertNotIn(b"STARTTLS", await client.getCapabilities(useCache=False))
            await client.login(b"user", b"secret")
            self.assertEqual(await client.list("", "*"), [])
            await client.logout()

        self.wait(talk())
        self.close(port)


class TLSPOP3(pop3.POP3):
    """
    Twisted's POP3 server, with STLS, which it does not have.
    """

    AUTH_CMDS = [*pop3.POP3.AUTH_CMDS, b"STLS"]
    secure = False

    def listCapabilities(self) -> list[bytes]:
        """
        @return: STLS with the rest.
        """
        listed: list[bytes] = pop3.POP3.listCapabilities(self)
        return listed if self.secure else [*listed, b"STLS"]

    def do_STLS(self) -> None:
        """
        Start TLS.
        """
        self.successResponse(b"Begin TLS negotiation")
        self.secure = True
        transport: Any = self.transport
        transport.startTLS(serverContext())


@implementer(pop3.IMailbox)
class Post(pop3.Mailbox):
    """
    One message.
    """

    def listMessages(self, index: int | None = None) -> Any:
        """
        @return: its size.
        """
        return [len(MESSAGE)] if index is None else len(MESSAGE)

    def getMessage(self, index: int) -> Any:
        """
        @return: the message.
        """
        return BytesIO(MESSAGE)

    def getUidl(self, index: int) -> bytes:
        """
        @return: its name.
        """
        return b"1"


class POP3Tests(TLSCarryingTestCase):
    """
    POP3's STLS.
    """

    def test_retrieve(self) -> None:
        """
        A client that logs in starts TLS by itself, and gets its message.
        """
        host = self.serverHost

        class Server(Factory):
            def buildProtocol(self, addr: Any) -> Any:
                server: Any = TLSPOP3()
                server.portal = portal(pop3.IMailbox, Post())
                server.callLater = host.callLater
                return server

        class Client(pop3.AdvancedPOP3Client):
            callLater: Any = staticmethod(self.clientHost.callLater)

            def serverGreeting(self, greeting: bytes) -> None:
                super().serverGreeting(greeting)
                # By name and password.
                self.serverChallenge = None
                greeted.callback(self)

        port = self.serve(Server())
        greeted: Deferred[Any] = Deferred()
        factory = Factory.forProtocol(Client)
        self.wait(self.client.connect(factory))
        client = self.wait(greeted)

        async def talk() -> None:
            await client.startTLS(clientContext())
            await client.login(b"user", b"secret")
            self.assertTrue(ISSLTransport.providedBy(client.transport))
            lines = await client.retrieve(0)
            self.assertEqual(b"\n".join(lines) + b"\n", MESSAGE)
            await client.quit()

        self.wait(talk())
        self.close(port)


class XMPPServer(Protocol):
    """
    As much of an XMPP server as it takes to start TLS.
    """

    HEAD = (
        b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        b" version='1.0' from='localhost' id='1'>"
    )
    TLS = b"xmlns='urn:ietf:params:xml:ns:xmpp-tls'"

    def __init__(self) -> None:
        self.seen = b""
        self.opened = 0

    def dataReceived(self, data: bytes) -> None:
        """
        Answer.
        """
        transport: Any = self.transport
        self.seen += data
        if b"<stream:stream" in self.seen and self.seen.endswith(b">"):
            self.seen = b""
            self.opened += 1
            offer = b"<starttls " + self.TLS + b"><required/></starttls>"
            offered = b"" if ISSLTransport.providedBy(transport) else offer
            transport.write(self.HEAD + b"<stream:features>" + offered + b"</stream:features>")
        elif b"<starttls" in self.seen:
            self.seen = b""
            transport.write(b"<proceed " + self.TLS + b"/>")
            transport.startTLS(serverContext())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        The client is gone.
        """


class XMPPTests(TLSCarryingTestCase):
    """
    XMPP's starttls.
    """

    def test_initialize(self) -> None:
        """
        A client that requires TLS opens its stream anew over it.
        """
        port = self.serve(Factory.forProtocol(XMPPServer))

        class Authenticator(xmlstream.ConnectAuthenticator):
            def initializeStream(self) -> Any:
                return self.xmlstream and super().initializeStream()

            def associateWithStream(self, stream: Any) -> None:
                super().associateWithStream(stream)
                stream.initializers = [
                    xmlstream.TLSInitiatingInitializer(stream, True, clientContext())
                ]

        stream: Any = xmlstream.XmlStream(Authenticator(NAME))
        ready: Deferred[Any] = Deferred()
        stream.addOnetimeObserver(xmlstream.STREAM_AUTHD_EVENT, ready.callback)
        stream.addOnetimeObserver(xmlstream.INIT_FAILED_EVENT, ready.errback)
        self.wait(self.client.connect(Factory.forProtocol(lambda: stream)))
        self.wait(ready)
        self.assertTrue(ISSLTransport.providedBy(stream.transport))
        stream.transport.loseConnection()
        self.network.run(5)
        self.close(port)
