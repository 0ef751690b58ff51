"""
Two connections that talk over a bad path, while somebody makes up datagrams.
"""

from __future__ import annotations

from enum import IntEnum
from random import Random

from kcptwisted.arq.incoming import MAXIMUM_CONTROLS
from kcptwisted.arq.settings import ARQSettings
from kcptwisted.congestion.registry import CONTROLS
from kcptwisted.connection.events import Cause, End
from kcptwisted.connection.settings import ConnectionSettings
from kcptwisted.connection.states import State
from kcptwisted.testing.link import Link
from kcptwisted.wire.control import (
    LONGEST_BLOCK,
    Feature,
)
from kcptwisted.wire.segment import OVERHEAD
from tests.fuzz.applications import LONGEST, Application
from tests.fuzz.choices import Choices
from tests.fuzz.ends import SOCKET, Ends
from tests.fuzz.forging import Forger

#: What an application or the path does in one story.
ACTIONS = 60

#: Milliseconds that a client waits for an answer.
PATIENCE = 20_000

#: Milliseconds after which two ends that have closed must be over, whatever happens.
LIMIT = 3_600_000


class Enemy(IntEnum):
    """
    What somebody does who wants to harm two ends.
    """

    #: Nothing.  The path alone loses, changes, doubles and reorders.
    NONE = 0
    #: He knows the conversation id, and what an earlier connection said.
    BLIND = 1
    #: He knows the tokens and sns as well; but no data that the receiver would take.
    READING = 2
    #: That, too.
    WRITING = 3


class Totals:
    """
    What all stories of a process have done.

    @ivar passed: datagrams that were received.
    @ivar ended: how many connections ended for each cause.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.ended: dict[Cause, int] = {}

    def count(self, end: End) -> None:
        """
        Counts an end.
        """
        self.ended[end.cause] = self.ended.get(end.cause, 0) + 1

    def show(self) -> str:
        """
        @return: all that, for people.
        """
        causes = ", ".join(f"{count} {cause.name}" for cause, count in sorted(
            self.ended.items(), key=lambda item: -item[1]
        ))  # fmt: skip
        return f"{self.passed} datagrams; ends: {causes}"


TOTALS = Totals()


class Story:
    """
    One connection from its beginning to its end.
    """

    def __init__(self, data: bytes, enemy: Enemy | None = None) -> None:
        """
        @param data: decides what happens; what it leaves open is random, and the same each time.
        """
        self.choices = Choices(data)
        self.random = Random(data)
        self.enemy = Enemy(self.pick(len(Enemy))) if enemy is None else enemy
        stream = self.pick(4) > 0
        plain = self.pick(8)
        client, server = (self.settings(stream, plain == number) for number in range(2))
        self.ends = Ends(client, server, self.link(), self.random.getrandbits(32))
        self.ends.unproven = self.enemy is Enemy.NONE and self.pick(3) == 0
        self.ends.retries = self.enemy is Enemy.NONE and self.pick(4) == 0
        self.applications = [Application(party) for party in self.ends.ends]
        for number, application in enumerate(self.applications):
            application.getsAll = not self.enemy
            if self.enemy <= Enemy.BLIND:
                application.peer = self.applications[1 - number]
        self.forger = Forger(self.random, self.ends, self.enemy >= Enemy.READING,
                             self.enemy >= Enemy.WRITING)  # fmt: skip
        self.ends.taps.append(self.forger.record)

    def pick(self, count: int) -> int:
        """
        @return: a number below C{count}.
        """
        if self.choices.left:
            return self.choices.number() % count
        return self.random.randrange(count)

    def settings(self, stream: bool, plain: bool) -> ConnectionSettings:
        """
        @return: those of one end.
        """
        flags = self.pick(256)
        window = [1, 4, 32, 256][self.pick(4)]
        arq = ARQSettings(
            mtu=OVERHEAD + LONGEST_BLOCK - 1 if plain else [60, 124, 1400, 1400][self.pick(4)],
            sendWindow=[1, 4, 32, 256][self.pick(4)],
            receiveWindow=window,
            nodelay=bool(flags & 1),
            resend=flags >> 1 & 3 if flags & 8 else 2,
            stream=stream,
            ackNoDelay=bool(flags & 16),
            rateLimit=20_000 if self.pick(8) == 0 else 0,
            pacing=bool(flags & 32),
            congestion=[None, CONTROLS["kcp"], CONTROLS["bbr"]][self.pick(3)],
            detectsLossByTime=bool(flags & 64),
        )
        return ConnectionSettings(
            arq=arq,
            keepAlive=[0.0, 0.5, 10.0][self.pick(3)],
            deadAfter=[2.0, 30.0][self.pick(2)],
            idleTimeout=[0.0, 0.0, 0.0, 20.0][self.pick(4)],
            linger=[0.0, 0.5, 5.0, 30.0][self.pick(4)],
            handshake=not flags & 128,
            features=Feature.ROAMING if self.pick(2) else Feature.NONE,
        )

    def link(self) -> Link:
        """
        @return: a path, most often a bad one.
        """
        return Link(
            delay=[0.0, 0.001, 0.02, 0.2][self.pick(4)],
            jitter=[0.0, 0.0, 0.01][self.pick(3)],
            loss=[0.0, 0.0, 0.05, 0.2, 0.4][self.pick(5)],
            reorder=[0.0, 0.1][self.pick(2)],
            reorderDelay=0.03,
            duplicate=[0.0, 0.1][self.pick(2)],
        )

    def tell(self) -> None:
        """
        Lets all happen, and sees whether everything is as it must be.
        """
        ends = self.ends
        try:
            if self.enemy:
                self.forger.remember()
            ends.client.call()
            for _ in range(ACTIONS):
                self.act()
                ends.run([0, 1, 5, 30, 200, 3000][self.pick(6)])
                self.check()
                if all(party.ended for party in ends.ends):
                    break
            self.finish()
        finally:
            TOTALS.passed += ends.passed
        for application in self.applications:
            self.judge(application)

    def act(self) -> None:
        """
        Lets one thing happen.
        """
        kind = self.pick(100)
        number = self.pick(2)
        application, party = self.applications[number], self.ends.ends[number]
        if not self.ends.awake(number) or party.state is State.CONNECTING:
            kind = kind if kind >= 70 else 69
        if kind < 40:
            for _ in range(self.pick(4) + 1):
                application.write(self.pick(LONGEST))
        elif kind < 46:
            party.pause()
        elif kind < 54:
            party.resume()
        elif kind < 57:
            application.close()
        elif kind < 60:
            application.goesOn = True
            party.closeOutput()
        elif kind < 61:
            application.abort()
        elif kind < 62:
            application.leave()
        elif kind < 63:
            # The driver has its doubts, or has moved, or the application asks for more of them.
            party.connection.question(party.now)
            party.connection.pathChanged(party.now, True)
            party.connection.liveness.setKeepAlive(self.pick(3))
        elif kind < 64:
            application.goesOn = not application.goesOn
        elif kind < 67:
            party.producing = not party.producing
        elif kind < 70:
            self.ends.suspend(number, self.pick(2) * 60_000 + self.pick(3000))
        elif kind < 74:
            self.ends.setLink(self.link() if kind < 73 else Link(loss=1.0))
        elif self.enemy:
            for _ in range(self.pick(8) + 1):
                self.forge(number)

    def forge(self, number: int) -> None:
        """
        Gives an end a datagram that is not from its peer.
        """
        party = self.ends.ends[number]
        if self.ends.awake(number) and (number == 0 or self.ends.accepted):
            datagram = self.forger.datagram(party, self.ends.ends[1 - number])
            self.ends.hand(party, [datagram])

    def check(self) -> None:
        """
        Nothing has grown too large, and what was read is what was written.
        """
        for number, party in enumerate(self.ends.ends):
            connection = party.connection
            conversation = connection.conversation
            receiver, sender = conversation.receiver, conversation.sender
            arq = connection.settings.arq
            assert not connection.events and not connection.outbox
            assert len(conversation.controls) == 0
            assert len(conversation._controlsToSend or ()) <= 4 * MAXIMUM_CONTROLS
            assert 0 <= sender.next - sender.una <= arq.sendWindow
            assert len(sender.inFlight) <= arq.sendWindow
            assert len(receiver._reordered) <= arq.receiveWindow
            assert len(receiver._selective or ()) <= 2 * arq.receiveWindow + SOCKET
            assert len(receiver._partial or ()) <= 256
            if self.enemy < Enemy.WRITING:
                written = self.applications[1 - number].text
                assert written.startswith(party.data), "what was read was not written"

    def finish(self) -> None:
        """
        Closes both ends, one after the other, and waits for the end.
        """
        ends, first = self.ends, self.pick(2)
        if self.pick(4):
            ends.setLink(Link(delay=0.01))
        self._wake()
        start = ends.now
        while ends.client.state is State.CONNECTING and ends.now < start + PATIENCE:
            ends.run(1000)
        for number in (first, 1 - first):
            self.ends.ends[number].resume()
            self.ends.ends[number].producing = False
        ends.run(10)
        for number in (first, 1 - first):
            self.applications[number].close()
            if self.pick(3):
                self._await(number)
        for number in range(2):
            self._await(number)
        ends.run(1_000_000)
        self.check()

    def _wake(self) -> None:
        while not (self.ends.awake(0) and self.ends.awake(1)):
            self.ends.run(1000)

    def _await(self, number: int) -> None:
        ends, start = self.ends, self.ends.now
        while ends.ends[number].ended is None and (due := ends.due()) is not None:
            if due > start + LIMIT:
                break
            ends.step(due)
        if number == 1 and not ends.accepted:
            return
        party = ends.ends[number]
        shut = party.connection.conversation.sender.remoteWindow == 0
        if party.ended is None and shut and self.enemy >= Enemy.READING:
            # The last word of an end that was made to forget its peer says so for ever.
            party.abort()
            ends.run(1000)
        assert party.ended is not None, f"{number} does not end"

    def judge(self, application: Application) -> None:
        """
        Sees how an end has ended.
        """
        party = application.party
        if party.ended is None:
            assert party is self.ends.server and not self.ends.accepted
            return
        TOTALS.count(party.ended)
        if self.enemy > Enemy.BLIND:
            return
        cause = party.ended.cause
        if party.closesWell and cause is not Cause.ABORTED:
            assert cause is Cause.CLOSED, f"all was acknowledged, but {cause}"
        if self.enemy:
            # ACKs of an earlier connection take data from the sender that have not arrived.
            return
        peer = self.applications[1 - self.applications.index(application)]
        heard = peer.party.ended is not None and (
            peer.party.ended.cause is Cause.CLOSED or peer.party.ended.cause.isPeers
        )
        if cause is Cause.CLOSED and heard and not peer.left:
            assert peer.party.data == application.text, "something was not delivered"


def fuzzConnections(data: bytes) -> None:
    """
    Whatever the path, the applications and an enemy do: what is read was written, both ends end,
    and nothing grows.
    """
    Story(data).tell()
