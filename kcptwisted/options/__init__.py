"""
The options of endpoints: what there is, what is allowed, and the check of all.
"""

from kcptwisted.options.options import DEFAULT_CIPHER, KCPOptions, optionTable
from kcptwisted.options.passphrases import KEY_VARIABLE

__all__ = ["DEFAULT_CIPHER", "KEY_VARIABLE", "KCPOptions", "optionTable"]
