"""Read incidents as notifications need them: what routes ask of one, and what a message tells.

Here: rows of `out.incidents` as values. Not here: finding incidents
(`incidents`), planning (`notifications`).
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from inventory_assets.domain.alerts.incidents import Kind
from inventory_assets.domain.notify.notifications import IncidentFacts
from inventory_assets.domain.notify.policy import Subject
from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.ingest.burst_rows import PAST
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import IDS, Reader, id_list

_COLUMNS = (
    "incident_id, kind, subject, warehouse_id, sku, priority, state, title, opened_at, members, arithmetic, "
    "notification_count"
)


def is_news(subject: str, number: str) -> str:
    """The clause that a telling is not history; `subject` and `number` are columns."""
    return (
        f"NOT EXISTS (SELECT 1 FROM out.deliveries p WHERE p.status = '{PAST}' AND p.subject_id = {subject} "
        f"AND p.notification = {number})"
    )


def new_incidents(reader: Reader, after: int, until: int) -> tuple[list[Subject], list[str]]:
    """Find the incidents told after one version and until another, and the ids of those that ended.

    An end counts as a telling in the row, as it is told on the status topic; a
    channel hears of it as the end of the notification that told the opening.
    """
    rows = _rows(
        reader,
        f"""
        WITH span AS (SELECT * FROM out.incidents_changes WHERE version > {after} AND version <= {until}),
        earlier AS (
            SELECT incident_id, max(notification_count) AS count FROM out.incidents_changes
            WHERE version <= {after} AND incident_id IN (SELECT incident_id FROM span) GROUP BY 1
        ),
        opened AS (SELECT incident_id, max(notification_count) AS count FROM span WHERE state = 'open' GROUP BY 1)
        SELECT {_COLUMNS.replace("incident_id", "s.incident_id")}, o.count AS number,
            o.count > coalesce(e.count, 0) AND {is_news("s.incident_id", "o.count")} AS is_told
        FROM (
            SELECT * FROM span {latest("incident_id")}
        ) s LEFT JOIN opened o ON o.incident_id = s.incident_id LEFT JOIN earlier e ON e.incident_id = s.incident_id
        ORDER BY s.incident_id
        """,
        [],
    )
    told = [{**row, "notification_count": row["number"]} for row in rows if row["is_told"]]
    return _subjects(reader, told), [row["incident_id"] for row in rows if row["state"] == "resolved"]


def open_incidents(reader: Reader) -> list[Subject]:
    """Every incident that is open now, but for those of a past."""
    is_told = is_news("incident_id", "notification_count")
    query = f"SELECT {_COLUMNS} FROM out.incidents WHERE state = 'open' AND {is_told} ORDER BY incident_id"
    return _subjects(reader, _rows(reader, query, []))


def subjects_of(reader: Reader, ids: Sequence[str]) -> list[Subject]:
    """Some incidents as they stand now."""
    if not ids:
        return []
    query = f"SELECT {_COLUMNS} FROM out.incidents WHERE incident_id IN ({IDS}) ORDER BY incident_id"
    return _subjects(reader, _rows(reader, query, [id_list(ids)]))


def ended_incidents(reader: Reader, ids: Iterable[str], version: int) -> list[str]:
    """Those of the incidents that were over at a version."""
    return [row["incident_id"] for row in _as_of(reader, ids, version) if row["state"] == "resolved"]


def read_facts(reader: Reader, ids: Sequence[str], version: int) -> dict[str, IncidentFacts]:
    """What messages tell of some incidents, as of a version."""
    return {
        row["incident_id"]: IncidentFacts(
            row["incident_id"], row["notification_count"], row["state"] == "open", row["kind"], row["priority"],
            row["title"], row["subject"], row["warehouse_id"], row["sku"], to_microseconds_naive(row["opened_at"]),
            tuple(json.loads(row["members"])), json.loads(row["arithmetic"]),
        )
        for row in _as_of(reader, ids, version)
    }  # fmt: skip


def read_summaries(reader: Reader, ids: Sequence[str], version: int) -> dict[str, dict[str, Any]]:
    """Some incidents in the columns that a list of alerts has, as of a version."""
    return {
        row["incident_id"]: {
            "alert_id": row["incident_id"], "alert_type": row["kind"], "priority": row["priority"],
            "warehouse_id": row["warehouse_id"], "sku": row["sku"], "state": row["state"],
            "notification_count": row["notification_count"],
        }
        for row in _as_of(reader, ids, version)
    }  # fmt: skip


def _as_of(reader: Reader, ids: Iterable[str], version: int) -> list[dict[str, Any]]:
    wanted = list(ids)
    if not wanted:
        return []
    query = (
        f"SELECT {_COLUMNS} FROM out.incidents_changes WHERE incident_id IN ({IDS}) AND version <= {version} "
        f"{latest('incident_id')} ORDER BY incident_id"
    )
    return _rows(reader, query, [id_list(wanted)])


def _rows(reader: Reader, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
    return list(reader.query(query, parameters).iter_rows(named=True))


def _subjects(reader: Reader, rows: Sequence[dict[str, Any]]) -> list[Subject]:
    places = _places(reader, {sku for row in rows for sku in _skus(row)})
    return [_subject(row, [places[sku] for sku in _skus(row) if sku in places]) for row in rows]


def _skus(row: dict[str, Any]) -> list[str]:
    return [row["sku"]] if row["sku"] is not None else json.loads(row["arithmetic"]).get("skus", [])


def _places(reader: Reader, skus: set[str]) -> dict[str, dict[str, Any]]:
    """Where SKUs stand in the hierarchy, ids and names."""
    if not skus:
        return {}
    rows = _rows(
        reader,
        f"""
        SELECT sku, any_value(department_id) AS department_id, any_value(category_id) AS category_id,
            any_value(brand_id) AS brand_id, any_value(department_name) AS department_name,
            any_value(category_name) AS category_name, any_value(brand_name) AS brand_name
        FROM core.sku_state LEFT JOIN core.products USING (sku) WHERE sku IN ({IDS}) GROUP BY sku
        """,
        [id_list(skus)],
    )
    return {row["sku"]: row for row in rows}


def _subject(row: dict[str, Any], places: Sequence[dict[str, Any]]) -> Subject:
    if row["kind"] == Kind.CATEGORY_STOCKOUTS:
        # A SKU that has moved to another category since says nothing of this one.
        places = [place for place in places if place["category_id"] == row["subject"]]
        categories = [row["subject"], *(place["category_name"] for place in places)]
    else:
        categories = [place[f"category_{part}"] for place in places for part in ("id", "name")]
    warehouses = [row["warehouse_id"]] if row["warehouse_id"] else json.loads(row["arithmetic"]).get("warehouses", [])
    return Subject(
        row["incident_id"], row["notification_count"], row["priority"], row["kind"],
        spellings(place[f"department_{part}"] for place in places for part in ("id", "name")),
        spellings(categories),
        spellings(place[f"brand_{part}"] for place in places for part in ("id", "name")),
        spellings(warehouses), row["state"] == "open",
    )  # fmt: skip


def spellings(values: Iterable[str | None]) -> tuple[str, ...]:
    """What routes compare with, each once; what is not known has a name of its own."""
    return tuple(dict.fromkeys(value for value in values if value)) or ("UNKNOWN",)
