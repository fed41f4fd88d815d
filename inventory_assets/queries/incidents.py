"""Incidents and their alerts as rows, for the command line and the console."""

import json
from collections.abc import Sequence
from typing import Any

from inventory_assets.lake.query.clauses import WORST_FIRST
from inventory_assets.lake.query.reader import IDS, Reader, id_list


def read_incidents(reader: Reader, state: str = "all", incident_id: str | None = None) -> list[dict[str, Any]]:
    """Incidents that are `open`, `resolved` or `all`, the worst and newest first; or the one with an id."""
    rows = reader.query(
        f"""SELECT * EXCLUDE (policy) FROM out.incidents
        WHERE ? IN ('all', state) AND (? IS NULL OR incident_id = ?)
        ORDER BY {WORST_FIRST}, incident_id""",
        [state, incident_id, incident_id],
    )
    return [
        {**row, **{name: json.loads(row[name]) for name in ("members", "arithmetic")}}
        for row in rows.iter_rows(named=True)
    ]


def read_members(reader: Reader, member_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The alerts among an incident's members, with the stock of now."""
    rows = reader.query(
        "SELECT alert_id, state, alert_type, a.warehouse_id, a.sku, s.available FROM out.alerts a "
        "JOIN core.sku_state s ON s.warehouse_id = a.warehouse_id AND s.sku = a.sku "
        f"WHERE alert_id IN ({IDS}) ORDER BY opened_at, alert_id",
        [id_list(member_ids)],
    )
    return list(rows.iter_rows(named=True))


def incidents_of_version(reader: Reader, version: int) -> list[dict[str, Any]]:
    """What a version did to incidents."""
    rows = reader.query(
        "SELECT incident_id, state, priority, title FROM out.incidents_changes WHERE version = ? ORDER BY 1", [version]
    )
    return list(rows.iter_rows(named=True))


def find_incident(reader: Reader, incident_id: str) -> dict[str, Any] | None:
    """An incident's row as it is stored, policy included; None where there is none."""
    rows = reader.query("SELECT * FROM out.incidents WHERE incident_id = ?", [incident_id])
    return rows.row(0, named=True) if rows.height else None
