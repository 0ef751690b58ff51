"""
What is imported when a program starts.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.interpreter import runPython

#: What takes long to import, or only some programs need.
HEAVY = (
    "OpenSSL",
    "_cffi_backend",
    "cffi",
    "cryptography",
    "hypothesis",
    "matplotlib",
    "numpy",
    "reedsolo",
)

#: What Twisted's endpoints import themselves.
TWISTEDS = ("asyncio", "ssl", "twisted.internet.endpoints")

#: What looking for plugins imports of this package.
PLUGIN = {
    "kcptwisted",
    "kcptwisted.endpointstrings",
    "kcptwisted.endpointstrings.parsers",
    "kcptwisted.endpointstrings.smux",
    "kcptwisted.moved",
}

REACTOR = "twisted.internet.reactor"

_LIST = "\nimport json, sys; print(json.dumps(list(sys.modules)))"

# An echo without cipher and FEC.
_ECHO = """
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.wire import Echo
from kcptwisted.testing import SimulatedNetwork

class Client(Protocol):
    def dataReceived(self, data):
        assert data == b"hello", data
        echoed.append(data)

echoed = []
network = SimulatedNetwork()
client, server = network.host("10.0.0.1"), network.host("10.0.0.2")
serverFromString(server, "kcp:4000:crypt=null").listen(Factory.forProtocol(Echo))
endpoint = clientFromString(client, "kcp:10.0.0.2:4000:crypt=null")
connected = connectProtocol(endpoint, Client())
connected.addCallback(lambda client: client.transport.write(b"hello"))
network.runUntil(lambda: echoed)
print(echoed)
"""


def loaded(code: str) -> set[str]:
    """
    @return: the modules that a fresh process has loaded when it has run C{code}.
    """
    return set(json.loads(runPython("-c", code + _LIST).splitlines()[-1]))


class StartTests(SynchronousTestCase):
    """
    A program pays for what it uses.
    """

    def test_package(self) -> None:
        """
        The package by itself brings nothing heavy, nothing of Twisted's that is, and no reactor.
        """
        modules = loaded("import kcptwisted")
        self.assertIn("kcptwisted", modules)
        self.assertEqual(modules.intersection([*HEAVY, *TWISTEDS, REACTOR]), set())

    def test_plugins(self) -> None:
        """
        What Twisted loads to know of the plugins, which it does for every endpoint string and for
        C{twistd --help}, holds neither the endpoints nor the service.
        """
        modules = loaded("import twisted.plugins.kcptwisted_plugins")
        own = {name for name in modules if name.startswith("kcptwisted")}
        self.assertEqual(own, PLUGIN)
        self.assertEqual(modules.intersection([*HEAVY, REACTOR]), set())

    def test_help(self) -> None:
        """
        C{twistd --help} names the service without loading it.
        """
        code = (
            "import sys\n"
            "from twisted.scripts.twistd import ServerOptions\n"
            "try: ServerOptions().parseOptions(['--help'])\n"
            "except SystemExit: pass\n"
            "print()\n"
        )
        printed = runPython("-c", code + _LIST).splitlines()
        self.assertTrue(any("kcp-relay" in line for line in printed[:-1]), printed)
        own = {name for name in json.loads(printed[-1]) if name.startswith("kcptwisted")}
        self.assertEqual(own, PLUGIN)

    def test_reactor(self) -> None:
        """
        The endpoints bring no reactor: the program may still choose one.
        """
        modules = loaded(
            "import kcptwisted.endpoints, kcptwisted.services.relay.tap, kcptwisted.testing"
        )
        self.assertNotIn(REACTOR, modules)

    def test_plain(self) -> None:
        """
        Without cipher and FEC a connection works where nothing heavy can be imported at all, though
        Twisted itself, where it finds OpenSSL, imports some.
        """
        without = f"import sys\nfor name in {HEAVY}: sys.modules[name] = None\n"
        self.assertEqual(runPython("-c", without + _ECHO), "[b'hello']\n")
