"""
Tests with live peers, other implementations and ours in processes of their own: C{python -m
twisted.trial tests.interop}.

They are in C{live}, which is no package itself, and as if they were here: trial finds them where
this package is asked for, and passes them by on its way through all of C{tests}.
"""

from pathlib import Path

__path__.append(str(Path(__file__).with_name("live")))
