"""
Reading qlog files, and what draft-ietf-quic-qlog-main-schema says of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

#: The fields that the draft's CDDL has, and whether they must be there.
FILE = {
    "file_schema": True,
    "serialization_format": True,
    "title": False,
    "description": False,
    "trace": True,
}
TRACE = {
    "title": False,
    "description": False,
    "common_fields": False,
    "vantage_point": False,
    "event_schemas": True,
}
COMMON = {
    "tuple": False,
    "time_format": False,
    "reference_time": False,
    "group_id": False,
}
REFERENCE = {"clock_type": True, "epoch": True, "wall_clock_time": False}
VANTAGE = {"name": False, "type": True, "flow": False}
EVENT = {
    "time": True,
    "name": True,
    "data": True,
    "tuple": False,
    "time_format": False,
    "group_id": False,
    "system_info": False,
}


def read(path: Path) -> list[dict[str, Any]]:
    """
    @return: the records of a JSON text sequence (RFC 7464).
    """
    first, *texts = path.read_bytes().split(b"\x1e")
    assert first == b"", first
    assert all(text.endswith(b"\n") for text in texts)
    return [json.loads(text) for text in texts]


def conforms(found: Mapping[str, Any], fields: Mapping[str, bool]) -> bool:
    """
    @return: whether an object has all fields that it must have, and no others.
    """
    required = {name for name, isRequired in fields.items() if isRequired}
    return required <= set(found) <= set(fields)


def problems(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """
    @return: what a file has that the draft does not allow.
    """
    head, *events = records
    trace = head.get("trace", {})
    common = trace.get("common_fields", {})
    found = [
        name
        for name, value, fields in (
            ("file", head, FILE),
            ("trace", trace, TRACE),
            ("common_fields", common, COMMON),
            ("reference_time", common.get("reference_time", {}), REFERENCE),
            ("vantage_point", trace.get("vantage_point", {}), VANTAGE),
            *((f"event {one.get('name')}", one, EVENT) for one in events),
        )
        if not conforms(value, fields)
    ]
    if head["file_schema"] != "urn:ietf:params:qlog:file:sequential":
        found.append("file_schema")
    if head["serialization_format"] != "application/qlog+json-seq":
        found.append("serialization_format")
    if trace["vantage_point"]["type"] not in ("client", "server", "network", "unknown"):
        found.append("vantage point")
    # With a monotonic clock the epoch is not known.
    if common["reference_time"]["clock_type"] != "monotonic" or (
        common["reference_time"]["epoch"] != "unknown"
    ):
        found.append("reference_time")
    times = [one["time"] for one in events]
    if times != sorted(times):
        found.append("order of events")
    found += [one["name"] for one in events if one["name"].partition(":")[0] != "kcp"]
    return found


def named(records: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """
    @return: the data of the events of a name.
    """
    return [one["data"] for one in records if one.get("name") == f"kcp:{name}"]
