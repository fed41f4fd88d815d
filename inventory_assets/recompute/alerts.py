"""What must hold of open alerts at a version, whatever came before it (RULES 24-28).

Here: stock, limits and firing alerts of all keys, judged at once. Not here: the
state machine (`domain.alerts.evaluate`), which this is the second opinion on:
which alert opened when, and who was notified, only the stream can say.

A key's one firing alert is of the worst condition that its stock meets, or of a
worse one that hysteresis holds (RULES 26, 27). Else none fires. Silences,
inhibitions and pauses hold notifications and not alerts, so they change nothing
here. Two things do. An alert that was closed by hand or by age stays closed until
its key gets worse or well (ADR 0004). And an unstated key is not judged in its
grace (RULES 24); when that is over, time judges it, or its next event: here it
counts as judged once its own events or alerts have come so far.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import Condition
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import ALERTS, VELOCITY
from inventory_assets.recompute.limits import first_breaches, units_of_cover

CONTRADICTION_SCHEMA = {
    "warehouse_id": pl.String, "sku": pl.String, "alert_id": pl.String, "firing": pl.String, "expected": pl.String,
}  # fmt: skip
"""One row per firing alert that should not be, or not alone, and per key that has none and should.

`firing` and `expected` are conditions, null for none; of two firing alerts each is a row.
"""

_KEY = ["warehouse_id", "sku"]
_SEVERITY = {Condition.REORDER.value: 1, Condition.LOW_STOCK.value: 2, Condition.STOCKOUT.value: 3}
_WANTED = """
    SELECT pair[1] AS warehouse_id, pair[2] AS sku FROM (SELECT unnest(from_json(?, '[["VARCHAR"]]')) AS pair)
"""
# What an alert's record alone says is read from its row in the history: no view shows it, and none is compacted away.
_ALERTS = f"""
    WITH shown AS (
        SELECT alert_id, version, warehouse_id, sku, alert_type, state = 'firing' AS is_firing
        FROM {ALERTS.full_name} WHERE state = 'firing' OR resolved_reason IN ('manual', 'expired')
    ), noted AS (
        SELECT alert_id, version, coalesce((record ->> 'is_days_breached')::BOOLEAN, false) AS is_days_breached,
            record -> 'handling' ->> 'closed_as' AS closed_as
        FROM {ALERTS.changes} SEMI JOIN shown USING (alert_id, version)
    )
    FROM shown LEFT JOIN noted USING (alert_id, version) WHERE is_firing OR closed_as IS NOT NULL
"""
# Its last applied event in order has brought a key's clock at least that far.
_REACHED = f"""
    WITH wanted AS ({_WANTED}), events AS (
        SELECT warehouse_id, sku, kind, event_id, source_epoch, instant, increment, event_at, outcome
        FROM core.events WHERE kind IN {STOCK_KINDS}
        UNION ALL
        SELECT to_warehouse_id, sku, kind, event_id, source_epoch, instant, increment, event_at, outcome
        FROM core.events WHERE kind = 'transaction' AND to_warehouse_id IS NOT NULL
    )
    SELECT warehouse_id, sku, min(epoch_us(event_at)) AS first_at,
        arg_max(epoch_us(event_at), (source_epoch, instant, increment, kind = 'tombstone', event_id))
            FILTER (outcome = 'applied') AS reached_at
    FROM events SEMI JOIN wanted USING (warehouse_id, sku) GROUP BY ALL
"""
_MOVED = f"""
    WITH wanted AS ({_WANTED})
    SELECT warehouse_id, sku, max((record ->> 'moved_at')::BIGINT) AS moved_at
    FROM {ALERTS.changes} SEMI JOIN wanted USING (warehouse_id, sku) GROUP BY ALL
"""


def contradictions(
    reader: Reader,
    state: pl.DataFrame,
    limits: pl.DataFrame,
    *,
    unstated_grace: int,
    warehouses: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Find the keys whose firing alerts are not what their stock and their limits call for.

    Args:
        reader: Shows the lake as of one version.
        state: `stock.STATE_SCHEMA`: all keys, or all of `warehouses`.
        limits: `limits.LIMITS_SCHEMA`, of the same keys.
        unstated_grace: How long after its first event an unstated key is judged (`Meaning`); microseconds.
        warehouses: Whose keys `state` has; None is all.

    Returns:
        `CONTRADICTION_SCHEMA`, in order of the key and the alert; empty where all is well.
    """
    alerts = reader.query(_ALERTS)
    if warehouses is not None:
        alerts = alerts.filter(pl.col("warehouse_id").is_in(list(warehouses)))
    keys = _judge(reader, state, limits)
    waiting = _unjudged(reader, keys.filter("is_unstated").select(_KEY), unstated_grace)
    firing = alerts.filter("is_firing")
    found = [
        _wrong(firing, keys).join(waiting, on=_KEY, how="anti"),
        _missing(firing, alerts.filter(~pl.col("is_firing")), keys).join(waiting, on=_KEY, how="anti"),
    ]
    return pl.concat(found).sort(*_KEY, "alert_id")


def _judge(reader: Reader, state: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Keys with all that they are judged by, and the worst condition that each meets."""
    velocity = reader.query(f"SELECT {', '.join(_KEY)}, daily_units AS velocity FROM {VELOCITY.full_name}")
    keys = (
        state.with_columns((pl.col("is_restock_in_progress") | (pl.col("inbound") > 0)).alias("is_restocking"))
        .join(limits, on=_KEY, how="left", maintain_order="left")
        .join(velocity, on=_KEY, how="left", maintain_order="left")
    )
    return keys.with_columns(first_breaches(keys).alias("worst"))


def _wrong(firing: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Firing alerts that stock does not call for and nothing holds; and all of those that share a key."""
    judged = firing.rename({"alert_type": "firing"}).join(keys, on=_KEY, how="left")
    own, worst = _severity("firing"), _severity("worst")
    # A key that no event names has no stock: nothing is met, and nothing holds.
    stays = _is_held().fill_null(False) & (worst.is_null() | (own >= worst))
    expected = pl.when(stays).then("firing").otherwise("worst").alias("expected")
    is_alone = pl.len().over(_KEY) == 1
    return _shaped(judged.with_columns(expected).filter(~is_alone | pl.col("expected").ne_missing(pl.col("firing"))))


def _missing(firing: pl.DataFrame, closed: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Keys that meet a condition and have no firing alert, unless one that is as bad was closed."""
    covered = closed.select(*_KEY, _severity("closed_as").alias("covered")).group_by(_KEY).max()
    open_ = keys.filter(pl.col("worst").is_not_null()).join(firing, on=_KEY, how="anti")
    is_covered = (_severity("worst") <= pl.col("covered")).fill_null(False)
    return _shaped(
        open_.join(covered, on=_KEY, how="left").filter(~is_covered).with_columns(
            alert_id=pl.lit(None, pl.String), firing=pl.lit(None, pl.String), expected="worst"
        )
    )  # fmt: skip


def _shaped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(CONTRADICTION_SCHEMA.keys()).cast(pl.Schema(CONTRADICTION_SCHEMA))


def _severity(column: str) -> pl.Expr:
    return pl.col(column).replace_strict(_SEVERITY, default=None, return_dtype=pl.Int8)


def _is_held() -> pl.Expr:
    """Whether hysteresis keeps the alert of a row open: its limit and a tenth, days if they breached (RULES 27)."""
    available = pl.col("available")

    def is_within(which: str) -> pl.Expr:
        by_days = pl.col("is_days_breached") & (10 * available < units_of_cover(11 * pl.col(f"{which}_threshold_days")))
        by_units = 10 * available < 11 * pl.col(f"{which}_threshold_qty")
        return by_units.fill_null(False) | by_days.fill_null(False)

    condition = (
        pl.when(pl.col("firing") == Condition.STOCKOUT.value)
        .then(available <= 0)
        .when(pl.col("firing") == Condition.LOW_STOCK.value)
        .then(is_within("min"))
        .when(pl.col("firing") == Condition.REORDER.value)
        .then(~pl.col("is_restocking") & is_within("reorder"))
        .otherwise(False)
    )
    return pl.col("is_enabled") & pl.col("is_active") & condition


def _unjudged(reader: Reader, unstated: pl.DataFrame, grace: int) -> pl.DataFrame:
    """The keys, of the unstated ones, that may still be in their grace."""
    if not unstated.height:
        return unstated
    pairs = msgspec.json.encode(unstated.rows()).decode()
    reached = reader.query(_REACHED, [pairs]).join(reader.query(_MOVED, [pairs]), on=_KEY, how="left")
    judged_at = pl.max_horizontal("reached_at", "moved_at")
    return reached.filter((pl.col("first_at") + grace > judged_at).fill_null(True)).select(_KEY)
