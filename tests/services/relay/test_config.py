"""
Tests for L{kcptwisted.services.relay.config} and L{kcptwisted.services.relay.options}.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.services.relay.config import readConfig
from kcptwisted.services.relay.options import OPTIONS, parseOptions
from kcptwisted.services.relay.routes import Route

ENDS = 'from = "tcp:1"\nto = "tcp:h:1"\n'


class ConfigTests(SynchronousTestCase):
    """
    Files.
    """

    def read(self, text: str) -> tuple[Route, ...]:
        """
        @return: what a file with this text says.
        """
        path = self.path = self.mktemp()
        Path(path).write_text(text)
        return readConfig(path, self.check)

    def check(self, route: Route) -> None:
        """
        As if endpoints at port 0 were wrong.
        """
        if route.source == "tcp:0":
            raise ValueError("from: not there")

    def wrong(self, text: str) -> str:
        """
        @return: what is wrong with a file.
        """
        problem = self.assertRaises(ValueError, self.read, text)
        prefix = f"{self.path}: "
        self.assertTrue(str(problem).startswith(prefix))
        return str(problem).removeprefix(prefix)

    def test_routes(self) -> None:
        """
        Options of the file hold where a route has none of its own.
        """
        routes = self.read(
            f"quiet = true\nstop-timeout = 5\n[[route]]\n{ENDS}"
            '[[route]]\nfrom = "tcp:2"\nto = "tcp:h:2"\nquiet = false\nmax-connections = 7\n'
            "reconnect = 0.5\n"
        )
        self.assertEqual(
            routes,
            (
                Route("tcp:1", "tcp:h:1", stopTimeout=5, quiet=True),
                Route("tcp:2", "tcp:h:2", 5, maxConnections=7, reconnect=0.5, quiet=False),
            ),
        )

    def test_wrong(self) -> None:
        """
        What is wrong is named.
        """
        for text, problem in (
            ("", "there is no [[route]]"),
            ("route = 3", "route must be tables that begin with [[route]]"),
            (f"[route]\n{ENDS}", "route must be tables that begin with [[route]]"),
            (f"fast = 1\n[[route]]\n{ENDS}", "unknown key 'fast'; allowed are route, stop-timeout"),
            (
                f"[[route]]\n{ENDS}[[route]]\nfro = 1",
                "route 2: unknown key 'fro'; allowed are from",
            ),
            ('[[route]]\nto = "x"', "route 1: from is needed: an endpoint string"),
            ('[[route]]\nfrom = "x"', "route 1: to is needed: an endpoint string"),
            ('[[route]]\nfrom = 1\nto = "x"', "route 1: from is needed: an endpoint string"),
            ('[[route]]\nfrom = "tcp:0"\nto = "x"', "route 1: from: not there"),
            (f'quiet = "no"\n[[route]]\n{ENDS}', "quiet must be true or false, not 'no'"),
            (
                f"[[route]]\n{ENDS}reconnect = -1",
                "route 1: reconnect must be seconds, 0 or more, not -1",
            ),
            (
                f"[[route]]\n{ENDS}max-connections = 1.5",
                "route 1: max-connections must be a whole number, 0 or more, not 1.5",
            ),
            (
                f"[[route]]\n{ENDS}max-connections = true",
                "route 1: max-connections must be a whole number, 0 or more, not True",
            ),
            (
                f"[[route]]\n{ENDS}stop-timeout = true",
                "route 1: stop-timeout must be seconds, 0 or more, not True",
            ),
        ):
            self.assertTrue(self.wrong(text).startswith(problem), (text, self.wrong(text)))

    def test_notTOML(self) -> None:
        """
        A file that is no TOML is wrong in some line; one that cannot be read, altogether.
        """
        self.assertIn("line 2", self.wrong("quiet = true\nquiet quiet\n"))
        Path(self.path).write_bytes(b"\xff\xfe")
        self.assertRaises(ValueError, readConfig, self.path, self.check)
        for text in ("[", "{a="):
            self.assertEqual(self.wrong("quiet=" + text * 100_000), "it is too deep")
        for path, why in (("/no/such", "No such file"), ("/", "Is a directory")):
            problem = self.assertRaises(ValueError, readConfig, path, self.check)
            self.assertTrue(str(problem).startswith(f"{path}: {why}"), problem)


class OptionTests(SynchronousTestCase):
    """
    The table of options.
    """

    def test_defaults(self) -> None:
        """
        The defaults of the table are those of a route, and may be given.
        """
        route = Route("a", "b")
        given = {option.name: option.default for option in OPTIONS if option.default != ""}
        self.assertEqual(Route("a", "b", **parseOptions(given)), route)
        self.assertEqual(
            {option.attribute: option.default for option in OPTIONS},
            {option.attribute: getattr(route, option.attribute) for option in OPTIONS},
        )
