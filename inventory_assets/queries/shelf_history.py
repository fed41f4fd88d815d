"""Read what a SKU's page says of its past: its events with the stock after each, its alerts, limits and plan.

By event time, as the lake knows it now. Also all shelves as of a moment, for the tree (`domain.stock.tree`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from inventory_assets.domain.stock.history import HISTORY_SCHEMA, run_stock
from inventory_assets.domain.stock.shelf_history import ledger_of
from inventory_assets.domain.stock.tree import SHELVES_SCHEMA
from inventory_assets.domain.values import to_datetime
from inventory_assets.lake.query.reader import AtOnce, LakeReader, Reader
from inventory_assets.lake.tables import RESOLVED_THRESHOLDS
from inventory_assets.queries.history import KEYS, read_histories

# Later than any event can be (RULES 6): all of them.
EVER = 2**57
_LIMITS = f"""
    SELECT l.warehouse_id, l.version, l.min_threshold_qty, l.reorder_threshold_qty, l.min_threshold_days,
        l.reorder_threshold_days, l.is_enabled, l.rule_level_type, l.rule_level_id, l.rule_warehouse_id,
        CASE WHEN l.rule_version = l.version THEN epoch_us(a.changed_at) END AS changed_at
    FROM {RESOLVED_THRESHOLDS.changes} l
    LEFT JOIN core.threshold_audit a ON a.event_id = l.rule_event_id AND a.version = l.rule_version
        AND a.level_type = l.rule_level_type AND a.level_id IS NOT DISTINCT FROM l.rule_level_id
        AND a.warehouse_id IS NOT DISTINCT FROM l.rule_warehouse_id
    WHERE l.sku = ? ORDER BY l.warehouse_id, l.version
"""
_ALERTS = """
    SELECT alert_id, warehouse_id, alert_type, priority, state, epoch_us(opened_at) AS opened_us,
        epoch_us(resolved_at) AS resolved_us
    FROM out.alerts WHERE sku = ? ORDER BY opened_at, alert_id
"""


class SkuHistory(NamedTuple):
    """A SKU's past.

    Attributes:
        warehouses: By key number of the ledger.
        ledger: `LEDGER_SCHEMA`.
        alerts: Every alert it ever had, by when it opened.
        limits: Every row of its limits, by warehouse and version.
        plan: Its lines of the newest plan, by warehouse; empty where no plan was made.
    """

    warehouses: list[str]
    ledger: pl.DataFrame
    alerts: list[dict[str, Any]]
    limits: list[dict[str, Any]]
    plan: dict[str, dict[str, Any]]


def read_sku_history(reader: LakeReader, sku: str, warehouses: Sequence[str]) -> SkuHistory:
    """Read the past of a SKU's shelves in some warehouses."""
    text = _quoted(sku)
    places = sorted(warehouses)
    events = pl.DataFrame(schema=HISTORY_SCHEMA)
    if places:
        listed = ", ".join(f"({number}::INTEGER, {_quoted(each)}, {text})" for number, each in enumerate(places))
        keys = f"SELECT * FROM (VALUES {listed}) named(key, warehouse_id, sku)"
        parts = list(read_histories(AtOnce(reader), EVER, chosen=f"AND e.sku = {text}", keys=keys))
        events = pl.concat(parts) if parts else events
    own = set(places)
    alerts = [row for row in reader.rows(_ALERTS, [sku]) if row["warehouse_id"] in own]
    limits = [row for row in reader.rows(_LIMITS, [sku]) if row["warehouse_id"] in own]
    lines = reader.rows("SELECT * FROM out.plans WHERE sku = ?", [sku])
    plan = {row["warehouse_id"]: row for row in lines if row["warehouse_id"] in own}
    return SkuHistory(places, ledger_of(events), alerts, limits, plan)


def warehouses_of(reader: Reader, sku: str) -> list[str]:
    """The warehouses that have had a SKU."""
    found = reader.query("SELECT warehouse_id FROM core.sku_state WHERE sku = ? ORDER BY 1", [sku])
    return found["warehouse_id"].to_list()


_SHELVES = """
    SELECT k.key, k.warehouse_id, k.sku, k.department_id AS "DEPARTMENT", k.category_id AS "CATEGORY",
        k.brand_id AS "BRAND", k.product_id AS "PRODUCT", {stock},
        p.department_name, p.category_name, p.brand_name, p.product_name, p.variant_name, a.priority
    FROM {keys} k LEFT JOIN core.products p ON p.sku = k.sku
    LEFT JOIN (SELECT warehouse_id, sku, min(priority) AS priority FROM out.alerts WHERE {open} GROUP BY ALL) a
        ON a.warehouse_id = k.warehouse_id AND a.sku = k.sku
    ORDER BY k.key
"""
_NOW = "on_hand, reserved, inbound, is_active"


def read_shelves(reader: LakeReader) -> pl.DataFrame:
    """All shelves as the lake has them now: `SHELVES_SCHEMA`."""
    query = _SHELVES.format(
        stock=_NOW, open="state = 'firing'",
        keys="(SELECT row_number() OVER () AS key, * FROM core.sku_state)",
    )  # fmt: skip
    return reader.query(query).select(list(SHELVES_SCHEMA)).cast(pl.Schema(SHELVES_SCHEMA))


def read_shelves_at(reader: LakeReader, moment: int) -> pl.DataFrame:
    """All shelves at a moment of event time, whenever their events arrived: `SHELVES_SCHEMA`.

    Parents and names are those of now. A shelf of which nothing had happened by then is none. An alert is open from
    when it last opened until it was resolved.

    Args:
        reader: The lake.
        moment: Microseconds.
    """
    at = to_datetime(moment).replace(tzinfo=None).isoformat()
    query = _SHELVES.format(
        stock="NULL AS nothing", keys=f"({KEYS})",
        open=f"opened_at <= TIMESTAMP '{at}' AND (resolved_at IS NULL OR resolved_at > TIMESTAMP '{at}')",
    )  # fmt: skip
    shelves = reader.query(query)
    parts = []
    for events in read_histories(reader, moment, is_of_stock=True):
        stock = run_stock(events)
        states = pl.DataFrame(
            {name: getattr(stock, name) for name in ("key", "on_hand", "reserved", "inbound", "is_active")}
        )
        parts.append(states.group_by("key", maintain_order=True).last())
    schema = {
        "key": pl.Int32,
        **{name: SHELVES_SCHEMA[name] for name in ("on_hand", "reserved", "inbound", "is_active")},
    }
    states = pl.concat(parts).cast(schema) if parts else pl.DataFrame(schema=schema)  # type: ignore[arg-type]
    found = shelves.with_columns(pl.col("key").cast(pl.Int32)).join(states, on="key", how="inner")
    return found.select(list(SHELVES_SCHEMA)).cast(pl.Schema(SHELVES_SCHEMA))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
