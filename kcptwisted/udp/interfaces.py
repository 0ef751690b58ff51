"""
The contract between ports and reactors.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFDSet, IReactorTime


class IBatchReactor(IReactorFDSet, IReactorTime):
    """
    A reactor with file descriptors.
    """
