"""
The options of endpoints: what they mean, and what is allowed.
"""

from kcptwisted.options.options import DEFAULT_CIPHER, KCPOptions, optionTable
from kcptwisted.options.passphrases import KEY_VARIABLE

__all__ = ["DEFAULT_CIPHER", "KEY_VARIABLE", "KCPOptions", "optionTable"]
