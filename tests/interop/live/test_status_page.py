"""
Tests for examples/status_page.py: the page in a browser.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from operator import eq
from shutil import which
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.interop.peers import skipReason
from tests.programs import EXAMPLES, Program, freePort, reactor
from tests.workers.clients import WorkersCase

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM, DRIVER = which("chromium"), which("chromedriver")

#: How often something is looked for, and how many seconds apart.
LOOKS, PAUSE = 150, 0.2


def whyMissing() -> str | None:
    """
    @return: why no browser can be driven here, or None if one can.
    """
    if CHROMIUM is None or DRIVER is None:
        return "there is no chromium, or no chromedriver"
    return None if find_spec("selenium") else "there is no Python package selenium"


def openBrowser() -> Chrome:
    """
    @return: a new one, without a window.
    """
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options, ChromeService(DRIVER))


class BrowserTests(WorkersCase):
    """
    A service with sessions, and a browser that shows them.
    """

    skip = skipReason(whyMissing())

    def runScript(self, script: str, *arguments: object) -> Deferred[Any]:
        """
        Run JavaScript in the page.
        """
        return deferToThread(self.browser.execute_script, script, *arguments)

    async def seen(self, script: str, right: Callable[[Any], bool]) -> Any:
        """
        @return: what a script gives, once that is right.
        """
        for _ in range(LOOKS):
            found = await self.runScript(f"return {script}")
            if right(found):
                return found
            await deferLater(reactor, PAUSE)
        raise AssertionError(f"{script} gives {found}")

    def column(self, number: int) -> str:
        """
        @return: a script that gives the texts of one column of the sessions.
        """
        return f"[...$('sessions').tBodies[0].rows].map(row => row.cells[{number}].textContent)"

    def serve(self) -> Program:
        """
        Start the service.
        """
        return self.twistd("-noy", str(EXAMPLES / "status_page.py"))

    async def test_page(self) -> None:
        """
        The page loads, shows the sessions, sorts, filters, watches one, survives a restart of the
        program, and has nothing to complain of but that.
        """
        port, self.web = freePort(), freePort()
        settings = {
            "ENDPOINT": f"kcp:{port}:interface=127.0.0.1:key=sesame",
            "STATUS": f"tcp:{self.web}:interface=127.0.0.1",
        }
        self.patch(os, "environ", {**os.environ, **settings})
        program = self.serve()
        await program.printed("KCPListeningPort|starting on")
        self.browser = await deferToThread(openBrowser)
        self.addCleanup(deferToThread, self.browser.quit)
        await deferToThread(self.browser.get, f"http://127.0.0.1:{self.web}/")
        await self.seen("$('connection').textContent", lambda text: text == "Live")
        clients = [await self.connect(port) for _ in range(5)]
        for size, client in enumerate(clients):
            await client.ask(b"x" * 3000 * size)
        peers = {f"127.0.0.1:{client.session.getHost().port}" for client in clients}
        await self.seen(self.column(0), lambda texts: set(texts) == peers)
        await self.seen("$('count').textContent", lambda text: text == "5 sessions")

        peer = "document.querySelector('#sessions th button[data-key=peer]')"
        for order, isDown in (("ascending", False), ("descending", True)):
            await self.runScript(f"{peer}.click()")
            sort = await self.runScript(f"return {peer}.parentNode.getAttribute('aria-sort')")
            self.assertEqual(sort, order)
            expected = sorted(peers, reverse=isDown)
            await self.seen(self.column(0), partial(eq, expected))

        one = min(peers)
        await self.runScript(
            "$('find').value = arguments[0]; $('find').dispatchEvent(new Event('input'))", one
        )
        await self.seen(self.column(0), lambda texts: texts == [one])
        await self.runScript("$('find').value = ''; $('find').dispatchEvent(new Event('input'))")
        await self.seen(self.column(0), lambda texts: len(texts) == 5)

        await self.runScript("document.querySelector('#sessions tbody button').click()")
        await self.seen("document.querySelectorAll('#charts canvas').length", lambda n: n == 4)
        captions = "[...document.querySelectorAll('#charts figcaption')].map(c => c.textContent)"
        shown = await self.seen(captions, lambda texts: "RTT" in texts[0] and "/s" in texts[1])
        self.assertIn("window", shown[3])
        await self.seen("history.times.length", lambda length: length >= 3)

        clients[0].session.abortConnection()
        ends = "$('ends').tBodies[0].textContent"
        await self.seen(ends, lambda text: "PeerReset" in text)

        log = await deferToThread(self.browser.get_log, "browser")
        self.assertEqual(log, [])
        program.transport.signalProcess("KILL")
        await program.ended()
        await self.seen("$('connection').className", lambda kind: kind == "bad")
        again = self.serve()
        await self.seen("$('connection').className", lambda kind: kind == "good")
        await self.seen("$('count').textContent", lambda text: text == "0 sessions")
        again.transport.signalProcess("KILL")
        await again.ended()
        log = await deferToThread(self.browser.get_log, "browser")
        self.assertEqual([each for each in log if "ERR_" not in each["message"]], [])
