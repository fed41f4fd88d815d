"""Look up what a recommendation needs, as the lake was at an alert's version.

Used by the channels and by `inventory explain`, so that both say the same.
"""

from collections import defaultdict
from collections.abc import Iterable

from inventory_assets.domain.alerts import Alert, Product, target_stock
from inventory_assets.domain.recommend import Recommendation, Supply, WarehouseStock, recommend
from inventory_assets.domain.state import InventoryState
from inventory_assets.lake.tables import PRODUCTS, RESOLVED_THRESHOLDS, SKU_STATE, VELOCITY, VersionedTable
from inventory_assets.stages.warm import IDS, Reader, id_list


def recommend_for(reader: Reader, alerts: Iterable[Alert]) -> dict[str, Recommendation]:
    """What to do about each alert, by alert id; one look-up per version among them."""
    by_version: dict[int, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_version[alert.state_version].append(alert)
    found: dict[str, Recommendation] = {}
    for version, group in by_version.items():
        products, stocks = _look_up(reader, version, sorted({alert.sku for alert in group}))
        for alert in group:
            found[alert.alert_id] = _recommend(alert, products.get(alert.sku), stocks.get(alert.sku, []))
    return found


def recommend_from_state(state: InventoryState, alert: Alert) -> Recommendation:
    """The same from a warm or replayed state that is at the alert's version: `explain` compares the two."""
    stocks = []
    for warehouse_id in sorted(state.skus[alert.sku].warehouse_ids):
        key = (warehouse_id, alert.sku)
        stock, limits = state.keys[key], state.thresholds[key]
        stocks.append(
            WarehouseStock(
                warehouse_id, stock.available, stock.inbound, stock.is_active,
                limits.min_qty, limits.reorder_qty, limits.reorder_days, state.velocities.get(key) or None,
            )
        )  # fmt: skip
    return _recommend(alert, state.products.get(alert.sku), stocks)


def _recommend(alert: Alert, product: Product | None, stocks: list[WarehouseStock]) -> Recommendation:
    limits = alert.thresholds
    own = next((stock for stock in stocks if stock.warehouse_id == alert.warehouse_id), None)
    short = WarehouseStock(
        alert.warehouse_id, alert.available, alert.inbound, True,
        limits.min_qty, limits.reorder_qty, limits.reorder_days, None if own is None else own.daily_units,
    )  # fmt: skip
    known = product or Product(sku=alert.sku)
    supply = Supply(
        target_stock(limits, product), known.supplier_id, known.lead_time_days, known.pack_multiple, known.unit_price
    )
    return recommend(short, [stock for stock in stocks if stock.warehouse_id != alert.warehouse_id], supply)


def _look_up(
    reader: Reader, version: int, skus: list[str]
) -> tuple[dict[str, Product], dict[str, list[WarehouseStock]]]:
    listed = id_list(skus)
    product_rows = reader.query(_as_of(PRODUCTS, version, "sku"), [listed])
    products = {row["sku"]: Product(**row) for row in product_rows.drop("version").iter_rows(named=True)}
    rows = reader.query(
        f"""
        SELECT s.warehouse_id, s.sku, s.on_hand - s.reserved AS available, s.inbound, s.is_active,
            t.min_threshold_qty, t.reorder_threshold_qty, t.reorder_threshold_days, v.daily_units
        FROM ({_as_of(SKU_STATE, version, "sku")}) s
        LEFT JOIN ({_as_of(RESOLVED_THRESHOLDS, version, "sku")}) t
            ON t.warehouse_id = s.warehouse_id AND t.sku = s.sku
        LEFT JOIN ({_as_of(VELOCITY, version, "sku")}) v ON v.warehouse_id = s.warehouse_id AND v.sku = s.sku
        ORDER BY s.sku, s.warehouse_id
        """,
        [listed, listed, listed],
    )
    stocks: dict[str, list[WarehouseStock]] = defaultdict(list)
    for row in rows.iter_rows(named=True):
        stocks[row["sku"]].append(
            WarehouseStock(
                row["warehouse_id"], row["available"], row["inbound"], row["is_active"],
                row["min_threshold_qty"], row["reorder_threshold_qty"], row["reorder_threshold_days"],
                row["daily_units"] or None,
            )
        )  # fmt: skip
    return products, stocks


def _as_of(table: VersionedTable, version: int, column: str) -> str:
    """SQL for some keys' rows as of a version; the filter comes before the window, which would sort every key."""
    keys = ", ".join(table.key)
    return (
        f"SELECT * FROM {table.changes} WHERE {column} IN ({IDS}) AND version <= {version} "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY version DESC) = 1"
    )
