"""
Modules under the names that they had when all lay in one package, as far as they were documented.
Importing one warns, and gives what the module of today has.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

#: Name that was, and that is.
MOVED = {
    "kcptwisted.arq.segment": "kcptwisted.wire.segment",
    "kcptwisted.bench": "kcptwisted.commands.bench",
    "kcptwisted.bench.loads": "kcptwisted.commands.bench.loads",
    "kcptwisted.bench.peer": "kcptwisted.commands.bench.peer",
    "kcptwisted.bench.roles": "kcptwisted.commands.bench.roles",
    "kcptwisted.link": "kcptwisted.testing.link",
    "kcptwisted.listening": "kcptwisted.server.listening",
    "kcptwisted.lossyrelay": "kcptwisted.testing.lossyrelay",
    "kcptwisted.trace": "kcptwisted.session.trace",
}


class MovedFinder:
    """
    Finds and loads L{MOVED} modules (PEP 302, PEP 451).
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """
        Returns how to load a module that has moved; None for any other.
        """
        if name not in MOVED:
            return None
        isPackage = any(other.startswith(f"{name}.") for other in MOVED)
        return ModuleSpec(name, self, is_package=isPackage)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """
        Leaves that to the import system.
        """

    def exec_module(self, module: ModuleType) -> None:
        """
        Fills a module with what its successor has.
        """
        name = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is {name} now", DeprecationWarning, stacklevel=2)
        for key, value in vars(import_module(name)).items():
            if not key.startswith("__"):
                setattr(module, key, value)


def install() -> None:
    """
    Has the import system ask for L{MOVED} modules, after all others.
    """
    sys.meta_path.append(MovedFinder())
