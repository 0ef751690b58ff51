"""
A relay that cannot listen ends with a status that tells its supervisor so.
"""

from __future__ import annotations

import socket

from tests.services.relay.programs import RelaysCase


class ExitTests(RelaysCase):
    """
    C{twistd kcp-relay} where it cannot listen.
    """

    async def status(self, server: str) -> tuple[int | None, str]:
        """
        @return: with what it exited, and what it has printed.
        """
        program = self.relay(server, "tcp:127.0.0.1:9")
        await program.ended()
        return program.status, program.output

    def taken(self, kind: socket.SocketKind) -> int:
        """
        @return: a port that is in use.
        """
        sock = socket.socket(socket.AF_INET, kind)
        self.addCleanup(sock.close)
        sock.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            sock.listen(1)
        port: int = sock.getsockname()[1]
        return port

    def check(self, status: int | None, output: str, *reasons: str) -> None:
        """
        One line of the log says why.
        """
        self.assertEqual(status, 1, output)
        lines = [line for line in output.splitlines() if "Cannot listen: " in line]
        self.assertEqual(len(lines), 1, output)
        self.assertTrue(any(reason in lines[0] for reason in reasons), lines)

    async def test_inUse(self) -> None:
        """
        A port in use, at an address and at a name.
        """
        port = self.taken(socket.SOCK_DGRAM)
        for interface in ("127.0.0.1", "localhost"):
            server = f"kcp:{port}:crypt=null:interface={interface}"
            self.check(*await self.status(server), "Address already in use")

    async def test_tcpInUse(self) -> None:
        """
        The same with TCP.
        """
        server = f"tcp:{self.taken(socket.SOCK_STREAM)}:interface=127.0.0.1"
        self.check(*await self.status(server), "Address already in use")

    async def test_unknownName(self) -> None:
        """
        A name that has no address.
        """
        self.check(*await self.status("kcp:0:crypt=null:interface=no-such-host.invalid"), "no-such")

    async def test_foreignAddress(self) -> None:
        """
        An address that is not this host's.
        """
        self.check(*await self.status("kcp:0:crypt=null:interface=192.0.2.1"), "assign")

    async def test_workers(self) -> None:
        """
        Workers that cannot listen.
        """
        port = self.taken(socket.SOCK_DGRAM)
        server = f"kcp:{port}:crypt=null:interface=127.0.0.1:workers=2"
        self.check(*await self.status(server), "Address already in use")
