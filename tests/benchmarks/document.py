"""
Writes docs/benchmarks.md: the words are those of C{template.md}, the figures those of a run.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from tests.benchmarks import tables
from tests.benchmarks.rows import MICROSECONDS
from tests.benchmarks.tables import Records
from tests.benchmarks.where import merged

TEMPLATE = Path(__file__).with_name("template.md")


def fill(template: str, records: Records, links: str) -> str:
    """
    @param template: with a C{$name} for each part that comes of the figures.
    @param records: of all scenarios.
    @param links: the part about links, which is measured by itself.
    @return: the document.
    @raise KeyError: if a scenario is missing, or the template names an unknown part.
    """
    found = tables.outcomes(records)
    judged = [one.met for one in found if one.met is not None]
    least, most, dropped = tables.pathLoss(records)
    places = merged(record.where for record in records.values())
    rounds = [one.rounds for record in records.values() for one in record.series]
    parts = {
        "links": links,
        "where": "\n".join(f"- {name}: {value}" for name, value in places.items()),
        "rounds": f"{min(rounds)} to {max(rounds)}",
        "main": tables.mainTable(found),
        "met": str(judged.count(True)),
        "targets": str(len(judged)),
        "missed": tables.missedTable(found),
        "settings": tables.settingsTable(records),
        "cpu": tables.cpuTable(records),
        "idle": tables.idleTable(records["idle"]),
        "bad": tables.badTable(records),
        "loss": f"{least * 100:.1f} to {most * 100:.1f} %",
        "dropped": f"{dropped:,}",
        "windows": tables.sweepTable(records["windows"], "window, segments", MICROSECONDS),
        "queues": tables.sweepTable(records["queues"], "queued, segments", MICROSECONDS),
        "crowds": tables.sweepTable(records["crowds"], "sessions", MICROSECONDS),
        "neighbours": tables.neighbourTable(records["neighbours"]),
        "tunnels": tables.tunnelTable(records["kcptun"]),
        "rivals": tables.rivalTable(records["rivals"]),
        "primitives": tables.primitiveTable(records["primitives"]),
        "pure": tables.pureTable(records["primitives"]),
    }
    return Template(template).substitute(parts)
