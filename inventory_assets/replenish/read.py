"""Read what a plan is made of, as one lake version knows it: stock, demand, rules, product data, what is coming."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.replenish.ahead import Curves
from inventory_assets.domain.replenish.decisions import Left
from inventory_assets.domain.replenish.shelves import ROAD_DAYS, Arrivals, Shelves
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.thresholds.forecast import WEEK, WINDOW_WEEKS, Forecasts, forecast_demand
from inventory_assets.lake.query.clauses import FINAL_STATUSES, counting_versions, usable_products
from inventory_assets.lake.query.reader import AtOnce, Reader
from inventory_assets.lake.query.rows import current_rows_query
from inventory_assets.lake.tables import PRODUCTS, RESOLVED_THRESHOLDS, SEASONS, SKU_STATE, THRESHOLD_RULES, VELOCITY
from inventory_assets.queries.history import numbered_keys, read_demand
from inventory_assets.replenish.decided import read_decisions, read_left
from inventory_assets.replenish.season import POOL_ID, POOL_TYPE, Season, read_seasons

NUMBERS = {
    "lead_time_days": "lead_time_days", "order_up_to": "order_up_to", "unit_price": "unit_price",
    "pack_multiple": "pack_multiple", "min_order_qty": "min_order_qty", "min_qty": "min_threshold_qty",
    "reorder_qty": "reorder_threshold_qty", "min_days": "min_threshold_days",
    "reorder_days": "reorder_threshold_days", "daily_units": "velocity", "service_level": "service_level",
}  # fmt: skip
"""Numbers of `Shelves`, and the columns here that hold them; null is nan there."""

_SHELVES = f"""
    SELECT k.key, s.warehouse_id, s.sku, s.category_id, s.pool_type, s.pool_id, s.available, s.inbound, s.is_unstated,
        p.supplier_id, p.lead_time_days, p.order_up_to, p.unit_price, p.pack_multiple, p.min_order_qty,
        t.min_threshold_qty, t.reorder_threshold_qty, t.min_threshold_days, t.reorder_threshold_days,
        coalesce(t.is_enabled, true) AS is_enabled, nullif(v.daily_units, 0) AS velocity,
        concat_ws(' ', t.rule_level_type, nullif(t.rule_level_id, ''), t.rule_warehouse_id) AS rule,
        CASE WHEN r.details IS NOT NULL THEN (r.details->>'$.rule.dynamic.service_level')::DOUBLE END AS service_level
    FROM (SELECT *, {POOL_TYPE} AS pool_type, {POOL_ID} AS pool_id FROM {{state}}) s
    JOIN ({{keys}}) k USING (warehouse_id, sku)
    LEFT JOIN {{products}} p USING (sku)
    LEFT JOIN {{limits}} t USING (warehouse_id, sku)
    LEFT JOIN {{velocity}} v USING (warehouse_id, sku)
    LEFT JOIN ({{rules}}) r ON r.level_type = t.rule_level_type AND r.level_id = t.rule_level_id
        AND r.warehouse_id IS NOT DISTINCT FROM t.rule_warehouse_id
    WHERE s.is_active
    ORDER BY s.sku, s.warehouse_id
"""
# Only what has no final version is on its way, and only its version that counts says how much (RULES 13, 15, 16).
_COMING = f"""
    WITH open AS (
        SELECT entity_key FROM core.events WHERE kind = 'transaction' {{chosen}}
        GROUP BY entity_key HAVING NOT bool_or(status IN {FINAL_STATUSES})
    )
    SELECT CASE WHEN type = 'TRANSFER' THEN to_warehouse_id ELSE warehouse_id END AS warehouse_id, sku, quantity,
        event_date, type = 'RESTOCK' AS is_supplied, type <> 'TRANSFER' OR status = 'SHIPPED' AS is_inbound
    FROM ({counting_versions("*", "entity_key IN (FROM open) {chosen}")})
    WHERE quantity > 0 AND type NOT IN ('RESERVE', 'RELEASE')
"""


class Place(NamedTuple):
    """Where to read: SQL of the tables as of a version, and a condition on core.events, `e` before its columns."""

    state: str
    products: str
    limits: str
    velocity: str
    seasons: str
    events: str

    @property
    def keys(self) -> str:
        return numbered_keys(self.state)


def place_of(version: int, skus: Collection[str] | None) -> Place:
    """Where to read some SKUs as of a version, whatever the reader shows; or all there are, of what it shows."""
    if skus is None:
        return Place("core.sku_state", usable_products("core.products"), "core.resolved_thresholds", "core.velocity",
                     "core.seasons", "")  # fmt: skip
    chosen = "sku IN (" + ", ".join("'" + sku.replace("'", "''") + "'" for sku in sorted(set(skus)) or [""]) + ")"
    state, products, limits, velocity = (
        f"({table.some_rows(chosen, version)})" for table in (SKU_STATE, PRODUCTS, RESOLVED_THRESHOLDS, VELOCITY)
    )
    seasons = f"({SEASONS.some_rows('true', version)})"
    events = f"AND {{e}}{chosen} AND {{e}}version <= {version}"
    return Place(state, usable_products(products), limits, velocity, seasons, events)


class Read(NamedTuple):
    """`rows` names what `shelves` counts: a row each, in their order. `season_of`: the pool whose season each has."""

    rows: pl.DataFrame
    shelves: Shelves
    season_of: list[str | None]


def read_shelves(reader: Reader, version: int, plan_date: date, *, skus: Collection[str] | None = None) -> Read:
    """Read all active keys, or those of some SKUs; by (sku, warehouse_id).

    Args:
        reader: Shows one version (`lake.query.as_of.pin_version`); with `skus` it may show a later one.
        version: Which.
        plan_date: Demand is of the complete UTC days before it.
        skus: Of these only; what comes of them is the same as among all.
    """
    if skus is not None:
        reader = AtOnce(reader)
    place = place_of(version, skus)
    rows = _read_rows(reader, version, place)
    coming = _read_coming(reader, rows, plan_date, place.events.format(e=""))
    inbound, day, quantity, row, supplied = (
        coming[name].to_numpy() for name in ("is_inbound", "day", "quantity", "row", "is_supplied")
    )
    announced = np.bincount(row[~inbound], quantity[~inbound], rows.height).astype(np.int64)
    left = _read_left(reader, rows, plan_date, version, skus)
    forecasts, counted = _read_forecasts(reader, rows, plan_date, place)
    season = read_seasons(reader, place.seasons, plan_date)
    curves = _curves(rows, season, counted)
    return Read(
        rows,
        Shelves(
            sku=rows["sku"].rank("dense").to_numpy(),
            warehouse=rows["warehouse_id"].rank("dense").to_numpy(),
            available=rows["available"].to_numpy(),
            inbound=rows["inbound"].to_numpy(),
            announced=announced,
            accepted=np.array([0 if each is None else each.units for each in left], dtype=np.int64),
            lapsed=np.array([0 if each is None else each.lapsed for each in left], dtype=np.int64),
            **{name: rows[column].cast(pl.Float64).fill_null(np.nan).to_numpy() for name, column in NUMBERS.items()},
            is_enabled=rows["is_enabled"].to_numpy(),
            has_supplier=rows["supplier_id"].is_not_null().to_numpy(),
            is_stated=~rows["is_unstated"].to_numpy(),
            forecasts=forecasts,
            arrivals=_with_accepted(Arrivals(row, day, quantity, inbound, supplied), rows, left, plan_date),
            curves=curves,
        ),
        [None if each < 0 else season.names[each] for each in curves.place.tolist()],
    )  # fmt: skip


def _read_left(
    reader: Reader, rows: pl.DataFrame, plan_date: date, version: int, skus: Collection[str] | None
) -> list[Left | None]:
    """Of each shelf what is left of what was accepted of earlier plans; None where nothing ever was."""
    decided = read_decisions(reader, version=version, skus=skus)
    if not decided:
        return [None] * rows.height
    keys = list(rows.select("warehouse_id", "sku").iter_rows())
    lead_time_days = dict(zip(keys, rows["lead_time_days"].to_list(), strict=True))
    left = read_left(reader, decided, plan_date, lead_time_days, version=version)
    return [left.get(key) for key in keys]


def _with_accepted(coming: Arrivals, rows: pl.DataFrame, left: list[Left | None], plan_date: date) -> Arrivals:
    """Accepted units come a lead time after their line's date; without one nobody knows when."""
    found = [
        (row, (day - plan_date).days + lead_time_days, units)
        for row, (each, lead_time_days) in enumerate(zip(left, rows["lead_time_days"].to_list(), strict=True))
        if each is not None and lead_time_days is not None
        for day, units in each.parts
    ]
    columns = (np.array([each[place] for each in found], dtype=np.int64) for place in range(3))
    is_not, is_so = np.zeros(len(found), dtype=bool), np.ones(len(found), dtype=bool)
    parts = zip(coming, (*columns, is_not, is_so), strict=True)
    return Arrivals(*(np.concatenate(pair) for pair in parts))


def _read_rows(reader: Reader, version: int, place: Place) -> pl.DataFrame:
    rules = current_rows_query(reader, THRESHOLD_RULES, version)
    return reader.query(_SHELVES.format(rules=rules, keys=place.keys, **place._asdict()))


def _read_coming(reader: Reader, rows: pl.DataFrame, plan_date: date, chosen: str) -> pl.DataFrame:
    """What is on its way to the shelves: `row`, `day` after the plan's date, units."""
    places = rows.select("warehouse_id", "sku", "lead_time_days").with_row_index("row")
    found = reader.query(_COMING.format(chosen=chosen))
    days = pl.when("is_supplied").then(pl.col("lead_time_days")).otherwise(pl.lit(ROAD_DAYS))
    return (
        found.join(places, on=["warehouse_id", "sku"])
        .with_columns(((pl.col("event_date") - pl.lit(plan_date)).dt.total_days() + days).alias("day"))
        # Without a lead time nobody knows when: in no projection, and in the order's sum all the same.
        .filter(pl.col("day").is_not_null() | ~pl.col("is_inbound"))
        .select(pl.col("row", "day", "quantity").cast(pl.Int64), "is_inbound", "is_supplied")
        .sort("row", "day", "quantity", "is_inbound", "is_supplied")
    )


def _curves(rows: pl.DataFrame, season: Season, counted: np.ndarray) -> Curves:
    # Most lakes have none, and two hundred thousand look-ups of nothing take a tenth of a second.
    pools = rows.select("pool_type", "pool_id").iter_rows() if season.names else ()
    place = np.array([season.place_of.get(pool, -1) for pool in pools] or [-1] * rows.height, dtype=np.int64)
    return Curves(place, season.factors, counted)


def _read_forecasts(reader: Reader, rows: pl.DataFrame, plan_date: date, place: Place) -> tuple[Forecasts, np.ndarray]:
    """The forecasts, and of each shelf how many days of each of their weeks count."""
    size = rows.height
    counted = np.zeros((size, WINDOW_WEEKS), dtype=np.int8)
    found = Forecasts(
        np.zeros(size, dtype=bool), np.zeros(size), np.zeros(size), np.ones((size, WEEK)),
        np.zeros(size, dtype=np.int64), np.zeros(size), np.zeros(size, dtype=np.int64),
    )  # fmt: skip
    numbers = rows["key"].to_numpy()
    places = np.full(int(numbers.max(initial=0)) + 1, -1)
    places[numbers] = np.arange(size)
    weekdays = ((plan_date - timedelta(days=WINDOW_DAYS)).weekday() + np.arange(WINDOW_DAYS)) % WEEK
    for demand in read_demand(reader, plan_date, chosen=place.events.format(e="e."), keys=place.keys):
        is_ours = demand.keys < len(places)
        is_ours[is_ours] = places[demand.keys[is_ours]] >= 0
        part = forecast_demand(demand.units[is_ours], demand.is_counted[is_ours], weekdays)
        for into, values in zip(found, part, strict=True):
            into[places[demand.keys[is_ours]]] = values
        weeks = demand.is_counted[is_ours].reshape(-1, WINDOW_WEEKS, WEEK)
        counted[places[demand.keys[is_ours]]] = weeks.sum(axis=2)
    known = Forecasts(*(np.nan_to_num(values) if values.dtype == np.float64 else values for values in found))
    return known, counted
