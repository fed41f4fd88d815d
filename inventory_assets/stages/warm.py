"""Load the warm state from the lake: what a process needs before its first burst."""

from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any, Protocol

import msgspec
import numpy as np
import polars as pl

from inventory_assets.domain.alerts import Alert, Product
from inventory_assets.domain.events import (
    Command,
    Event,
    Level,
    ThresholdRule,
    Tombstone,
    Transaction,
)
from inventory_assets.domain.fold import KeyState
from inventory_assets.domain.state import NO_SKU_PARENTS, TREND_POINTS, InventoryState, SkuParents
from inventory_assets.domain.thresholds import StoredRule, ThresholdDefaults, Thresholds
from inventory_assets.domain.values import to_microseconds
from inventory_assets.lake.entity_index import EntityIndex
from inventory_assets.lake.tables import (
    ALERTS,
    PRODUCTS,
    RESOLVED_THRESHOLDS,
    SKU_STATE,
    THRESHOLD_RULES,
    VELOCITY,
    VersionedTable,
)

IDS = """SELECT unnest(from_json(?, '["VARCHAR"]'))"""
"""SQL for the ids of one parameter made by `id_list`."""

EVENT_TYPES: dict[str, Any] = {
    "level": Level,
    "tombstone": Tombstone,
    "threshold": ThresholdRule,
    "control": Command,
}
EVENT_COLUMNS = (
    "event_id, entity_key, row_key, kind, warehouse_id, sku, to_warehouse_id, transaction_id, type, status, quantity, "
    "epoch_us(event_at) AS event_at, source_epoch, instant, increment, has_cluster_time, details"
)


def id_list(ids: Iterable[str]) -> str:
    """Many ids as one parameter.

    DuckDB's client converts a Python list item by item, looking for modules that
    are not installed: 0.2 ms each, two seconds for ten thousand.
    """
    return msgspec.json.encode(sorted(set(ids))).decode()


class Reader(Protocol):
    """Anything that answers SQL with a frame."""

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        ...

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time, for results that memory should not hold."""
        ...


def current_rows(reader: Reader, table: VersionedTable, at_version: int | None = None) -> pl.DataFrame:
    """The stored current rows of a versioned table, hidden columns included."""
    base = reader.query(
        "SELECT max(base_version) AS base FROM meta.bases WHERE table_name = ?", [table.full_name]
    ).item()
    return reader.query(table.current_rows("lake.", base, at_version))


def to_event(row: dict[str, Any]) -> Event:
    """Make the event that a row of core.events records."""
    if row["kind"] == "transaction":
        return Transaction(
            row["event_id"], row["transaction_id"], row["type"], row["status"], row["warehouse_id"],
            row["sku"], row["to_warehouse_id"], row["quantity"], row["event_at"],
            (row["source_epoch"], row["instant"], row["increment"]), row["has_cluster_time"],
        )  # fmt: skip
    return msgspec.json.decode(row["details"], type=EVENT_TYPES[row["kind"]])


def load_state(
    reader: Reader, version: int, *, defaults: ThresholdDefaults, cached_entities: int, index: EntityIndex
) -> InventoryState:
    """Load everything warm as of `version`, which must be the lake's latest."""
    state = InventoryState(defaults=defaults)
    state.version = version
    if version == 0:
        index.build([])
        return state
    _load_keys(reader, state)
    _load_rules(reader, state)
    _load_thresholds(reader, state)
    for row in current_rows(reader, VELOCITY).iter_rows(named=True):
        state.velocities[(row["warehouse_id"], row["sku"])] = row["daily_units"] or 0.0
    for row in current_rows(reader, PRODUCTS).drop("version").iter_rows(named=True):
        state.products[row["sku"]] = Product(**row)
    _load_alerts(reader, state)
    _load_events(reader, state, cached_entities, index)
    _load_pauses(reader, state)
    _load_trends(reader, state)
    return state


def _load_keys(reader: Reader, state: InventoryState) -> None:
    rows = current_rows(reader, SKU_STATE).select(
        "fold_state", "department_id", "category_id", "brand_id", "product_id"
    )
    decode = msgspec.json.Decoder(KeyState).decode
    leaves = []
    for fold_state, *parent_ids in rows.iter_rows():
        key_state = decode(fold_state)
        parents = (parent_ids[0], parent_ids[1], parent_ids[2], parent_ids[3])
        state.keys[key_state.key] = key_state
        place = state.skus.get(key_state.sku)
        if place is None:
            place = state.skus[key_state.sku] = SkuParents(parents, NO_SKU_PARENTS.rank, ())
        place.warehouse_ids = (*place.warehouse_ids, key_state.warehouse_id)
        place.rank = max(place.rank, key_state.on_hand_rank)
        leaves.append((key_state.key, parents, None, parents, key_state))
    state.rollups.merge(state.rollups.change(leaves))


def _load_rules(reader: Reader, state: InventoryState) -> None:
    for details in current_rows(reader, THRESHOLD_RULES)["details"]:
        stored = msgspec.json.decode(details, type=StoredRule)
        state.rules[stored.rule.scope] = stored


def _load_thresholds(reader: Reader, state: InventoryState) -> None:
    # Most keys share a rule, so they share one object.
    shared: dict[tuple, Thresholds] = {}
    rows = current_rows(reader, RESOLVED_THRESHOLDS).select(
        "warehouse_id", "sku", "rule_level_type", "rule_level_id", "rule_warehouse_id",
        "min_threshold_qty", "reorder_threshold_qty", "min_threshold_days", "reorder_threshold_days",
        "cooldown_minutes", "is_enabled", "rule_version", "rule_event_id",
    )  # fmt: skip
    for warehouse_id, sku, *fields in rows.iter_rows():
        values = tuple(fields)
        if (limits := shared.get(values)) is None:
            limits = shared[values] = Thresholds(*values)
        state.thresholds[(warehouse_id, sku)] = limits


def _load_alerts(reader: Reader, state: InventoryState) -> None:
    rows = current_rows(reader, ALERTS).sort("opened_at", "version", pl.col("state") == "firing")
    decode = msgspec.json.Decoder(Alert).decode
    for record in rows["record"]:
        alert = decode(record)
        state.alerts.setdefault(alert.key, {})[alert.condition] = alert
    for key, alerts in state.alerts.items():
        if any(alert.is_firing and alert.is_notification_due for alert in alerts.values()):
            state.due_alerts.add(key)


def _load_events(reader: Reader, state: InventoryState, cached_entities: int, index: EntityIndex) -> None:
    """Remember the recent events and the open transactions; index the rest."""
    cut = reader.query(
        "SELECT coalesce(max(version), 0) FROM (SELECT version, sum(count(*)) OVER (ORDER BY version DESC) AS n "
        "FROM core.events GROUP BY version) WHERE n > ?",
        [cached_entities // 2],
    ).item()
    rows = reader.query(
        f"""
        WITH open_transactions AS (
            SELECT entity_key FROM core.events WHERE kind = 'transaction' AND version <= {cut}
            GROUP BY entity_key HAVING NOT bool_or(status IN ('COMPLETED', 'CANCELLED'))
        ),
        recent AS (SELECT DISTINCT entity_key FROM core.events WHERE version > {cut})
        SELECT {EVENT_COLUMNS} FROM core.events
        WHERE entity_key IN (FROM open_transactions) OR entity_key IN (FROM recent)
        ORDER BY version, seq
        """
    )
    for row in rows.iter_rows(named=True):
        state.events.add(to_event(row))
    remembered = np.unique(np.concatenate([rows[name].drop_nulls().to_numpy() for name in ("entity_key", "row_key")]))
    older = reader.batches(
        f"""
        SELECT entity_key AS key FROM core.events WHERE version <= {cut}
        UNION SELECT row_key FROM core.events WHERE version <= {cut} AND row_key IS NOT NULL ORDER BY 1
        """
    )
    index.build(np.setdiff1d(batch["key"].to_numpy(), remembered) for batch in older)
    forgotten = reader.query(
        f"""
        WITH forgotten AS (
            SELECT warehouse_id, to_warehouse_id, sku, entity_key,
                {{e: source_epoch, i: instant, n: increment}} AS place
            FROM core.events WHERE kind = 'transaction' AND version <= {cut}
        ),
        keys AS (
            SELECT warehouse_id, sku, place, entity_key FROM forgotten
            UNION ALL SELECT to_warehouse_id, sku, place, entity_key FROM forgotten WHERE to_warehouse_id IS NOT NULL
        )
        SELECT warehouse_id, sku, max(place) AS place FROM keys GROUP BY ALL
        """
    )
    for warehouse_id, sku, place in forgotten.iter_rows():
        # An upper bound: open transactions count too, though they are remembered.
        state.events.forgotten_until[(warehouse_id, sku)] = (place["e"], place["i"], place["n"])


def _load_pauses(reader: Reader, state: InventoryState) -> None:
    commands = reader.query("SELECT details FROM core.events WHERE kind = 'control' ORDER BY version, seq")
    for details in commands["details"]:
        command = msgspec.json.decode(details, type=Command)
        if command.command == "pause":
            state.pauses[(command.warehouse_id, command.sku)] = command
        elif command.command == "resume":
            state.pauses.pop((command.warehouse_id, command.sku), None)


def _load_trends(reader: Reader, state: InventoryState) -> None:
    rows = reader.query(
        f"""
        SELECT warehouse_id, sku, event_at, available FROM core.events
        WHERE available IS NOT NULL AND outcome = 'applied'
        QUALIFY row_number() OVER (
            PARTITION BY warehouse_id, sku
            ORDER BY version DESC, source_epoch DESC, instant DESC, increment DESC, kind DESC, event_id DESC
        ) <= {TREND_POINTS}
        ORDER BY version, source_epoch, instant, increment, kind, event_id
        """
    )
    for warehouse_id, sku, event_at, available in rows.iter_rows():
        flat = state.trends.setdefault((warehouse_id, sku), array("q"))
        flat.extend((to_microseconds_naive(event_at), available))


def to_microseconds_naive(moment: Any) -> int:
    """Microseconds of a naive UTC datetime, as the lake returns them."""
    return to_microseconds(moment.replace(tzinfo=UTC))
