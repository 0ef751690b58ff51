"""
The counts of a whole program.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from kcptwisted.accounts import Accounts
from kcptwisted.metrics.snapshot import Snapshot, merged, snapshotOf


def gather(accounts: Accounts) -> Deferred[list[Snapshot]]:
    """
    Returns the counts of the program's accounts, those of its workers added up.

    @return: fires when the workers have answered, or have had the time to.
    """
    asked = gatherResults([workers.count() for workers in accounts.elsewhere], consumeErrors=True)
    here = [snapshotOf(account) for account in accounts.all()]
    return asked.addCallback(
        lambda found: merged([*here, *(each for one in found for each in one)])
    )
