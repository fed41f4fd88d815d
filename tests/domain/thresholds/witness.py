"""The limits and the worst condition of all keys at once, column by column: a second witness.

The same choice as `resolve_thresholds` and the same comparisons as `find_breaches`, for a frame of
keys. No state machine: an alert that hysteresis or a cooldown holds is not known here.
"""

import polars as pl

from inventory_assets.domain.events.parse_threshold import DEFAULT_COOLDOWN_MINUTES
from inventory_assets.domain.thresholds.frames import NO_RULE, choose_rules, match_rules
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults


def resolve_all(keys: pl.DataFrame, rules: pl.DataFrame, defaults: ThresholdDefaults) -> pl.DataFrame:
    """Choose the limits in force for every key.

    Returns:
        One row per key, in the order of `keys`: warehouse_id, sku, level_type,
        level_id, rule_warehouse_id, the limits of `RULE_SCHEMA`, and `rule`,
        the row of `rules` that won; null for EMBEDDED and SYSTEM.
    """
    winner = pl.Series("rule", choose_rules(match_rules(keys, rules)))
    winner = winner.set(winner == NO_RULE, None)
    limits = rules.rename({"warehouse_id": "rule_warehouse_id"}).select(pl.all().gather(winner))
    resolved = limits.with_columns(winner)
    has_rule = pl.col("rule").is_not_null()
    is_embedded = ~has_rule & (pl.col("min_threshold").is_not_null() | pl.col("reorder_threshold").is_not_null())

    def otherwise(name: str, embedded: pl.Expr, system: object) -> pl.Expr:
        return pl.when(has_rule).then(name).when(is_embedded).then(embedded).otherwise(pl.lit(system)).alias(name)

    return pl.concat(
        [keys.select("warehouse_id", "sku", "min_threshold", "reorder_threshold"), resolved], how="horizontal"
    ).select(
        "warehouse_id",
        "sku",
        otherwise("level_type", pl.lit("EMBEDDED"), "SYSTEM"),
        otherwise("level_id", pl.col("sku"), ""),
        otherwise("rule_warehouse_id", pl.col("warehouse_id"), None),
        otherwise("min_qty", pl.col("min_threshold"), defaults.min_qty),
        otherwise("reorder_qty", pl.col("reorder_threshold"), defaults.reorder_qty),
        "min_days",
        "reorder_days",
        pl.col("cooldown_minutes").fill_null(DEFAULT_COOLDOWN_MINUTES),
        pl.col("is_enabled").fill_null(True),
        "rule",
    )


def first_breaches(resolved: pl.DataFrame, stock: pl.DataFrame) -> pl.Series:
    """The worst condition each key meets, null for none: STOCKOUT, LOW_STOCK, REORDER.

    Args:
        resolved: As `resolve_all` gives it.
        stock: In the same order: `available` (units), `is_active`,
            `is_restocking`, and `velocity` (mean daily units, null for unknown).
    """

    def is_below(quantity: str, days: str) -> pl.Expr:
        # Rounded as in `evaluate`: 42 days of 18/28 are 27 units.
        cover = (pl.col(days) * pl.col("velocity")).round(9)
        by_days = (pl.col("velocity") > 0) & (pl.col("available") < cover)
        return (pl.col("available") < pl.col(quantity)).fill_null(False) | by_days.fill_null(False)

    condition = (
        pl.when(~pl.col("is_enabled") | ~pl.col("is_active"))
        .then(pl.lit(None, pl.String))
        .when(pl.col("available") <= 0)
        .then(pl.lit("STOCKOUT"))
        .when(is_below("min_qty", "min_days"))
        .then(pl.lit("LOW_STOCK"))
        .when(~pl.col("is_restocking") & is_below("reorder_qty", "reorder_days"))
        .then(pl.lit("REORDER"))
    )
    limits = resolved.select("is_enabled", "min_qty", "reorder_qty", "min_days", "reorder_days")
    return pl.concat([limits, stock], how="horizontal").select(condition.alias("condition"))["condition"]
