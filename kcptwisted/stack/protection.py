"""
The warning that nothing is encrypted.
"""

from __future__ import annotations

from twisted.logger import Logger

from kcptwisted.options import DEFAULT_CIPHER, KEY_VARIABLE, KCPOptions

_log = Logger()

_UNUSED = (
    f" {KEY_VARIABLE} is set, but looked at only when crypt= names a cipher that takes a key,"
    f" such as crypt={DEFAULT_CIPHER}."
)


def warnIfUnprotected(options: KCPOptions, what: str) -> None:
    """
    Logs a warning if nothing is encrypted.

    @param what: what goes without encryption, if C{options} ask for none.
    """
    if options.unprotected:
        _log.warn(
            "{what} goes without encryption: anybody on the path can read and change it."
            " Give key=, or crypt=null if that is meant.{unused}",
            what=what,
            unused=_UNUSED if options.keyUnused else "",
        )
