"""
Who may look.
"""

from __future__ import annotations

from collections.abc import Collection
from hmac import compare_digest
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from twisted.web.http import FORBIDDEN, SEE_OTHER, UNAUTHORIZED
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from zope.interface import implementer

#: The cookie that a browser keeps the token in.
COOKIE: Final = b"kcptwisted-status"

#: What a browser may do with what it gets: nothing from elsewhere, nothing inside of other pages.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@implementer(IResource)
class Guard:
    """
    Asks before each resource of a site.

    A name of its own, which an attacker may have point to this host (DNS rebinding), and pages of
    other sites get nothing.
    """

    isLeaf = False

    def __init__(self, root: Resource, names: Collection[str], token: str) -> None:
        """
        @param root: of the site.
        @param names: the host's, by which it may be asked for; addresses and C{localhost} are
            always right.
        @param token: who looks must have it; nobody needs one if it is empty.
        """
        self._root = root
        self._names = {"localhost", *(name.lower() for name in names)}
        self._token = token.encode()

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """
        Returns what is asked for, or an answer that refuses it.
        """
        for header, value in HEADERS.items():
            request.setHeader(header, value)
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        child: IResource = self._root.getChildWithDefault(name, request)
        return child

    def putChild(self, path: bytes, child: IResource) -> None:
        """
        Adds a resource.
        """
        self._root.putChild(path, child)

    def render(self, request: Request) -> bytes:
        """
        Never called: it is no leaf.
        """
        raise NotImplementedError

    def _refusal(self, request: Request) -> Resource | None:
        # As bytes: what is no UTF-8 cannot be had as text.
        host = (request.getHeader(b"host") or b"").decode("latin-1").lower()
        if not self._isOurs(host):
            return Answer(
                FORBIDDEN,
                "This host is not asked for by that name. Use its address, or name it with"
                " --status-host.",
            )
        origin = request.getHeader(b"origin")
        if origin is not None and origin.decode("latin-1").lower().partition("://")[2] != host:
            return Answer(FORBIDDEN, "Pages of other sites get nothing here.")
        if not self._token:
            return None
        asked = request.args.get(b"token", [b""])[-1]
        if compare_digest(asked, self._token):
            return TokenTaken(asked)
        bearer = (request.getHeader(b"authorization") or b"").removeprefix(b"Bearer ")
        cookie = request.getCookie(COOKIE) or b""
        if compare_digest(cookie, self._token) or compare_digest(bearer, self._token):
            return None
        return Answer(UNAUTHORIZED, "Add ?token= and the token to the address.")

    def _isOurs(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or _isAddress(name)


def _isAddress(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class Answer(Resource):
    """
    A status and a sentence.
    """

    isLeaf = True

    def __init__(self, status: int, text: str) -> None:
        """
        @param text: for people.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._status = status
        self._text = text

    def render(self, request: Request) -> bytes:
        """
        Answers.
        """
        request.setResponseCode(self._status)
        request.setHeader("content-type", "text/plain; charset=utf-8")
        return f"{self._text}\n".encode()


class TokenTaken(Resource):
    """
    Has the browser keep the token, and forget the address that has it.
    """

    isLeaf = True

    def __init__(self, token: bytes) -> None:
        """
        @param token: the right one.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._token = token

    def render(self, request: Request) -> bytes:
        """
        Answers.
        """
        request.addCookie(COOKIE, self._token, httpOnly=True, sameSite="strict", path=b"/")
        request.setResponseCode(SEE_OTHER)
        request.setHeader("location", b"/")
        return b""
