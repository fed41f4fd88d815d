"""Metadata worth looking at: counts, versions, the worst breaches as a table."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from inventory_assets.assets.specs import TableSpec
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.lake.query.clauses import WORST_FIRST
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import (
    ALERTS,
    CORE_EVENTS,
    DEAD_LETTERS,
    PLANS,
    RAW_MESSAGES,
    ROLLUPS,
    SKU_STATE,
    VersionedTable,
)
from inventory_assets.replenish.lines import read_lines
from inventory_assets.replenish.present import read_present
from inventory_assets.words.advice import steps
from inventory_assets.words.alerts import CONDITIONS
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import UNKNOWN, counted
from inventory_assets.words.plan import order_by_day, reason_text
from inventory_assets.words.quality import markdown_code

TOP = 10


def table_version(reader: Reader, spec: TableSpec) -> int:
    """The last version that wrote a table, 0 before the first."""
    return reader.query(f"SELECT coalesce(max(version), 0) AS v FROM {spec.table.changes}").item()


# What to look at first of a table: under which name, and the question.
_LOOKS = {
    RAW_MESSAGES: ("outcomes", "SELECT outcome, count(*) AS messages FROM raw.messages GROUP BY 1 ORDER BY 2 DESC"),
    DEAD_LETTERS: ("reasons", "SELECT reason, count(*) AS messages FROM core.dead_letters GROUP BY 1 ORDER BY 2 DESC"),
    CORE_EVENTS: (
        "kinds",
        "SELECT coalesce(type, kind) AS type, outcome, count(*) AS events FROM core.events GROUP BY ALL ORDER BY ALL",
    ),
    ROLLUPS: (
        "departments",
        "SELECT level_id AS department, sku_count, on_hand, reserved, available, inbound FROM core.rollups "
        "WHERE level = 'DEPARTMENT' AND warehouse_id IS NULL ORDER BY on_hand DESC",
    ),
    SKU_STATE: (
        "lowest_available",
        "SELECT warehouse_id, sku, on_hand, reserved, available, inbound FROM core.sku_state "
        "ORDER BY available LIMIT 10",
    ),
    ALERTS: (
        "firing",
        "SELECT priority, alert_type, count(*) AS alerts FROM out.alerts "
        "WHERE state = 'firing' GROUP BY ALL ORDER BY ALL",
    ),
}


def table_metadata(reader: Reader, spec: TableSpec, how: PlanSettings) -> dict[str, Any]:
    """Metadata of a table as it is now; `how` plans are made here."""
    name = spec.table.full_name
    rows = reader.query(f"SELECT count(*) AS n FROM {name}").item()
    found: dict[str, Any] = {}
    if spec.table is ALERTS:
        found["summary"] = _summary(reader)
        found["top_breaches"] = top_breaches(reader, how)
        worst = reader.query(f"SELECT alert_id FROM out.alerts WHERE state = 'firing' ORDER BY {WORST_FIRST} LIMIT 1")
        hint = markdown_code(command("inventory explain {}", worst.item())) if worst.height else "no alert is firing"
        found["explain"] = MetadataValue.md(f"Why? {hint}")
    if spec.table is PLANS:
        found |= plan_metadata(reader)
    if spec.table in _LOOKS:
        title, query = _LOOKS[spec.table]
        found[title] = records_metadata(list(reader.query(query).iter_rows(named=True)))
    found["dagster/row_count"] = rows
    found["version"] = version = table_version(reader, spec)
    if version:
        found["last_changed"] = MetadataValue.timestamp(_committed_at(reader, version))
    if isinstance(spec.table, VersionedTable):
        found["changes_kept"] = reader.query(f"SELECT count(*) AS n FROM {spec.table.changes}").item()
    found["query"] = MetadataValue.md(f'`inventory sql "{spec.example}"`')
    found["dagster/table_name"] = f"lake.{name}"
    return found


def _committed_at(reader: Reader, version: int) -> datetime:
    """When a version was made, by the machine's clock, as all that Dagster shows beside it."""
    found = reader.query("SELECT committed_at FROM meta.versions WHERE version = ?", [version]).item()
    return found.replace(tzinfo=UTC)


def top_breaches(reader: Reader, how: PlanSettings) -> MetadataValue:
    """The worst firing alerts, as a planner wants them: product, place, numbers, what to do, all as of now."""
    rows = reader.query(f"SELECT body FROM out.alerts WHERE state = 'firing' ORDER BY {WORST_FIRST} LIMIT {TOP}")
    wires = [msgspec.json.decode(body) for body in rows["body"]]
    present = read_present(reader, [wire["alert_id"] for wire in wires], how)
    records = []
    for wire in wires:
        now = present.get(wire["alert_id"])
        records.append(
            {
                "priority": wire["priority"],
                "alert": wire["alert_type"],
                "warehouse": wire["warehouse_id"],
                "product": wire["product_name"],
                "available": wire["available_stock"] if now is None else now.available,
                "threshold": str(wire["threshold"]),
                "what to do": "-" if now is None or now.line is None else ", ".join(steps(now.line)),
                "since (UTC)": wire["first_breach_time"][5:16].replace("T", " "),
            }
        )
    return records_metadata(records)


def plan_metadata(reader: Reader) -> dict[str, Any]:
    """The most urgent lines, as a planner wants them; how many ask for something, and of what plan the newest is."""
    rows = read_lines(reader)
    urgent = [row for row in rows if row["is_urgent"]]
    newest = reader.query(f"SELECT max(plan_date) AS day, max(as_of_version) AS v FROM {PLANS.full_name}").row(0)
    records = [
        {
            "line": row["line_id"],
            "product": row["product_name"] or row["sku"],
            "supplier": row["supplier_id"] or UNKNOWN,
            "available": row["available"],
            "order by": str(order_by_day(row) or UNKNOWN),
            "risk": UNKNOWN if row["risk_percent"] is None else f"{row['risk_percent']} %",
            "what to do": ", ".join(steps(row)),
            "why": reason_text(row),
        }
        for row in urgent[:TOP]
    ]
    return {
        "summary": f"{counted(len(urgent), 'line')} to see to before the next review, "
        f"{len(rows) - len(urgent):,} can wait",
        "newest_plan": "none yet" if newest[0] is None else f"{newest[0]}, of lake version {newest[1]:,}",
        "most_urgent": records_metadata(records),
    }


def _summary(reader: Reader) -> str:
    """What is open, in one line."""
    counts = dict(
        reader.query("SELECT alert_type, count(*) AS n FROM out.alerts WHERE state = 'firing' GROUP BY 1").iter_rows()
    )
    each = ", ".join(f"{counts.get(kind, 0)} {words}" for kind, words in CONDITIONS.items())
    return f"{sum(counts.values())} open: {each}"


def records_metadata(rows: list[dict[str, Any]]) -> MetadataValue:
    """Rows as a table; the first one's columns."""
    if not rows:
        return MetadataValue.text("none")
    columns = [TableColumn(name, "int" if isinstance(value, int) else "string") for name, value in rows[0].items()]
    records = [TableRecord({name: _plain(value) for name, value in row.items()}) for row in rows]
    return MetadataValue.table(records=records, schema=TableSchema(columns=columns))


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else str(value)


def counts_metadata(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts under names that read well in a list of metadata."""
    return {f"new_{name}": count for name, count in counts.items()}
