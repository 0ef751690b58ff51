"""
Twisted plugins of others, for the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted import plugins


def plugIn(case: SynchronousTestCase, module: str, *lines: str) -> None:
    """
    Puts a module among the plugins for the length of a test, as a package that is installed does.

    @param lines: the module.
    """
    folder = Path(case.mktemp()) / "twisted" / "plugins"
    folder.mkdir(parents=True)
    folder.joinpath(f"{module}.py").write_text("\n".join(lines), "utf-8")
    case.patch(plugins, "__path__", [*plugins.__path__, str(folder.resolve())])

    def forget() -> None:
        sys.modules.pop(f"twisted.plugins.{module}", None)
        if hasattr(plugins, module):
            delattr(plugins, module)

    case.addCleanup(forget)
