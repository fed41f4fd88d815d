"""Look up what a recommendation needs, as the lake was at an alert's version.

Used by the channels and by `inventory explain`, so that both say the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from inventory_assets.domain.alerts.alert import Alert, Product, target_stock, usable
from inventory_assets.domain.alerts.recommend import (
    Claim,
    Recommendation,
    Supply,
    WarehouseStock,
    recommend,
    served_before,
)
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import ALERTS, PRODUCTS, RESOLVED_THRESHOLDS, SKU_STATE, VELOCITY, VersionedTable

if TYPE_CHECKING:
    # A list of alerts has no warm state, and need not load numpy for its type.
    from inventory_assets.domain.ingest.state import InventoryState


class _Sku(msgspec.Struct):
    """A SKU as of a version: its product data, its stock by warehouse, the alerts that fire."""

    version: int
    product: Product | None
    stocks: Mapping[str, WarehouseStock]
    firing: Sequence[Alert]


def recommend_for(reader: Reader, alerts: Iterable[Alert]) -> dict[str, Recommendation]:
    """What to do about each alert, by alert id; one look-up per version among them."""
    by_version: dict[int, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_version[alert.state_version].append(alert)
    found: dict[str, Recommendation] = {}
    for version, group in by_version.items():
        skus = _look_up(reader, version, sorted({alert.sku for alert in group}))
        for alert in group:
            found[alert.alert_id] = _recommend(alert, skus[alert.sku])
    return found


def recommend_from_state(state: "InventoryState", alert: Alert) -> Recommendation:
    """The same from a warm or replayed state that is at the alert's version: `explain` compares the two."""
    keys = [(warehouse_id, alert.sku) for warehouse_id in sorted(state.skus[alert.sku].warehouse_ids)]
    stocks = {}
    for key in keys:
        stock, limits = state.keys[key], state.thresholds[key]
        stocks[key[0]] = WarehouseStock(
            key[0], stock.available, stock.inbound, stock.is_active, limits.min_qty, limits.reorder_qty,
            limits.reorder_days, state.velocities.get(key) or None, limits.min_days,
        )  # fmt: skip
    firing = [each for key in keys for each in state.alerts.get(key, {}).values() if each.is_firing]
    return _recommend(alert, _Sku(state.version, state.products.get(alert.sku), stocks, firing))


def _recommend(alert: Alert, sku: _Sku) -> Recommendation:
    known, beyond = usable(sku.product or Product(sku=alert.sku))
    supply = Supply(
        target_stock(alert.thresholds, known), known.supplier_id, known.lead_time_days, known.pack_multiple,
        known.unit_price, beyond,
    )  # fmt: skip
    # Who is short itself gives nothing.
    short = {alert.warehouse_id, *(each.warehouse_id for each in sku.firing)}
    return recommend(
        _as_told(alert, sku),
        [stock for name, stock in sorted(sku.stocks.items()) if name not in short],
        supply,
        before=[_claim(each, sku) for each in served_before(alert, sku.firing)],
    )


def _claim(alert: Alert, sku: _Sku) -> Claim:
    known, _ = usable(sku.product or Product(sku=alert.sku))
    stock, target = _as_told(alert, sku), target_stock(alert.thresholds, known)
    return Claim(alert.warehouse_id, 0 if target is None else max(0, target - stock.available - stock.inbound))


def _as_told(alert: Alert, sku: _Sku) -> WarehouseStock:
    """An alert's warehouse, with the stock it tells; where an earlier version told it, with the stock as it is now."""
    limits, now = alert.thresholds, sku.stocks.get(alert.warehouse_id)
    # All that one version tells then agrees on what each of them takes.
    stock = alert if now is None or alert.state_version == sku.version else now
    return WarehouseStock(
        alert.warehouse_id, stock.available, stock.inbound, True, limits.min_qty, limits.reorder_qty,
        limits.reorder_days, None if now is None else now.daily_units, limits.min_days,
    )  # fmt: skip


def _look_up(reader: Reader, version: int, skus: list[str]) -> dict[str, _Sku]:
    listed = id_list(skus)
    product_rows = reader.query(_as_of(PRODUCTS, version, "sku"), [listed])
    products = {row["sku"]: Product(**row) for row in product_rows.drop("version").iter_rows(named=True)}
    rows = reader.query(
        f"""
        SELECT s.warehouse_id, s.sku, s.on_hand - s.reserved AS available, s.inbound, s.is_active,
            t.min_threshold_qty, t.reorder_threshold_qty, t.reorder_threshold_days, t.min_threshold_days, v.daily_units
        FROM ({_as_of(SKU_STATE, version, "sku")}) s
        LEFT JOIN ({_as_of(RESOLVED_THRESHOLDS, version, "sku")}) t
            ON t.warehouse_id = s.warehouse_id AND t.sku = s.sku
        LEFT JOIN ({_as_of(VELOCITY, version, "sku")}) v ON v.warehouse_id = s.warehouse_id AND v.sku = s.sku
        ORDER BY s.sku, s.warehouse_id
        """,
        [listed, listed, listed],
    )
    stocks: dict[str, dict[str, WarehouseStock]] = defaultdict(dict)
    for row in rows.iter_rows(named=True):
        stocks[row["sku"]][row["warehouse_id"]] = WarehouseStock(
            row["warehouse_id"], row["available"], row["inbound"], row["is_active"],
            row["min_threshold_qty"], row["reorder_threshold_qty"], row["reorder_threshold_days"],
            row["daily_units"] or None, row["min_threshold_days"],
        )  # fmt: skip
    firing: dict[str, list[Alert]] = defaultdict(list)
    decode = msgspec.json.Decoder(Alert).decode
    records = reader.query(
        f"SELECT record FROM ({_as_of(ALERTS, version, 'sku')}) WHERE state = 'firing' ORDER BY alert_id", [listed]
    )
    for alert in map(decode, records["record"]):
        firing[alert.sku].append(alert)
    return {sku: _Sku(version, products.get(sku), stocks.get(sku, {}), firing.get(sku, ())) for sku in skus}


def _as_of(table: VersionedTable, version: int, column: str) -> str:
    """SQL for some keys' rows as of a version; the filter comes before the window, which would sort every key."""
    return f"SELECT * FROM {table.changes} WHERE {column} IN ({IDS}) AND version <= {version} {latest(*table.key)}"
