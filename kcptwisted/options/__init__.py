"""
The options of endpoints: what there is, what is allowed, and the check of all.
"""

from kcptwisted.options.options import DEFAULT_CIPHER, KEY_VARIABLE, KCPOptions, optionTable

__all__ = ["DEFAULT_CIPHER", "KEY_VARIABLE", "KCPOptions", "optionTable"]
