"""
What a user is warned of: that some ciphers are old is no news to those who name them.
"""

from __future__ import annotations

import warnings

from twisted.trial.unittest import SynchronousTestCase

from kcptwisted.crypt.registry import CIPHERS
from tests.crypt.everycipher import keyOf
from tests.interpreter import runPython

#: Imports all of the package, and makes and uses all ciphers.  The class is turned into errors in
#: here since it cannot be named on the command line.
_EVERYTHING = """
import pkgutil, warnings
from importlib import import_module
from cryptography.utils import CryptographyDeprecationWarning
warnings.simplefilter("error", CryptographyDeprecationWarning)
import kcptwisted.crypt
for module in pkgutil.iter_modules(kcptwisted.crypt.__path__, "kcptwisted.crypt."):
    import_module(module.name)
    print(module.name)
from kcptwisted.crypt.registry import CIPHERS
for name, spec in CIPHERS.items():
    cipher = spec.make(bytes(spec.keyBytes))
    if cipher is not None:
        assert cipher.open(cipher.seal([b"datagram"])) == ([b"datagram"], 0)
    print(name)
"""


class WarningTests(SynchronousTestCase):
    """
    No cipher warns.
    """

    def test_made(self) -> None:
        """
        All ciphers are made and used without a warning of any kind.
        """
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            for name, spec in CIPHERS.items():
                cipher = spec.make(keyOf(name))
                if cipher is not None:
                    cipher.open(cipher.seal([b"datagram"]))
        self.assertEqual([str(warning.message) for warning in shown], [])

    def test_fresh(self) -> None:
        """
        Nor does a fresh process see one, whatever it imports of the ciphers.
        """
        printed = runPython("-W", "error::DeprecationWarning", "-c", _EVERYTHING).split()
        self.assertLessEqual({*CIPHERS, "kcptwisted.crypt.blowfish"}, set(printed))
