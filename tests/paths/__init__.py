"""
Connections over a path with a bottleneck, in discrete events: no Twisted, no socket, no clock.  It
is for tests and for tuning: a run of 20 seconds at 20 Mbit/s takes about a second.

C{python -m tests.paths --help} says how to print one run as a line.
"""

from tests.paths.ends import End, parse
from tests.paths.flows import INTERVAL, Flow, Sample
from tests.paths.path import Path, jain

__all__ = ["INTERVAL", "End", "Flow", "Path", "Sample", "jain", "parse"]
