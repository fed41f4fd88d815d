"""The limits of every key, and the worst condition it meets, chosen for all keys at once (RULES 21-24).

Written from RULES and not from `domain.thresholds.resolve` and
`domain.alerts.evaluate`: the second opinion on both. The rules come from the
events that set them and not from `core.threshold_rules`. No state machine: an
alert that hysteresis or a cooldown holds is `alerts`' affair.
"""

from typing import Any, Protocol

import msgspec
import polars as pl

from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.parse_threshold import DEFAULT_COOLDOWN_MINUTES
from inventory_assets.domain.thresholds.frames import NO_RULE, choose_rules, match_rules
from inventory_assets.lake.query.clauses import greatest
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import DYNAMIC_THRESHOLDS, RESOLVED_THRESHOLDS

LIMITS_SCHEMA = {
    name: type_ for name, type_ in RESOLVED_THRESHOLDS.types.items() if name not in ("version", "rule_version")
}
"""One row per (warehouse_id, sku): what core.resolved_thresholds shows of it, but for our own version numbers."""


class Defaults(Protocol):
    """What holds where nothing else does: units."""

    @property
    def min_qty(self) -> int: ...

    @property
    def reorder_qty(self) -> int: ...


_POSITION = "source, source_epoch, instant, increment, event_id"
_SCOPE = ("level_type", "level_id", "warehouse_id")
# A deleted rule is the latest of its scope, and none (RULES 22). Its source is in its details alone.
_RULES = f"""
    WITH rules AS (
        SELECT event_id, source_epoch, instant, increment, details ->> 'source' AS source,
            details ->> 'level_type' AS level_type, details ->> 'level_id' AS level_id,
            details ->> 'warehouse_id' AS warehouse_id, details
        FROM core.events WHERE kind = 'threshold'
    )
    SELECT {", ".join(_SCOPE)}, event_id, (details ->> 'min_threshold_qty')::BIGINT AS min_qty,
        (details ->> 'reorder_threshold_qty')::BIGINT AS reorder_qty,
        (details ->> 'min_threshold_days')::DOUBLE AS min_days,
        (details ->> 'reorder_threshold_days')::DOUBLE AS reorder_days,
        (details ->> 'cooldown_minutes')::BIGINT AS cooldown_minutes, (details ->> 'is_enabled')::BOOLEAN AS is_enabled,
        (details -> 'dynamic' ->> 'service_level') IS NOT NULL AS is_dynamic,
        (details -> 'dynamic' ->> 'floor_qty')::BIGINT AS floor_qty,
        (details -> 'dynamic' ->> 'ceiling_qty')::BIGINT AS ceiling_qty
    FROM ({greatest("rules", *_SCOPE)}) WHERE NOT (details ->> 'is_deleted')::BOOLEAN
    ORDER BY ALL
"""
# The level that a key's stock rests on first: only its details need be read.
_EMBEDDED = f"""
    WITH levels AS (SELECT warehouse_id, sku, {_POSITION} FROM core.events WHERE kind = 'level'),
    stated AS ({greatest("levels", "warehouse_id", "sku")})
    SELECT s.warehouse_id, s.sku, s.event_id AS level_event_id,
        (e.details ->> 'min_threshold')::BIGINT AS min_threshold,
        (e.details ->> 'reorder_threshold')::BIGINT AS reorder_threshold
    FROM stated s JOIN core.events e ON e.event_id = s.event_id AND e.kind = 'level'
"""
_COMPUTED = tuple(
    name for name in DYNAMIC_THRESHOLDS.columns if name not in (*DYNAMIC_THRESHOLDS.key, "as_of_date", "version")
)
_MEANINGS = """
    SELECT version, (inputs ->> '$.meaning.default_min')::BIGINT AS default_min,
        (inputs ->> '$.meaning.default_reorder')::BIGINT AS default_reorder
    FROM meta.versions WHERE json_exists(inputs, '$.meaning.default_min')
"""
_KEY = ["warehouse_id", "sku"]


def recompute_limits(reader: Reader, state: pl.DataFrame, defaults: Defaults) -> pl.DataFrame:
    """Choose the limits in force for every key from the events that the reader shows.

    Args:
        reader: Shows the lake as of one version.
        state: `stock.STATE_SCHEMA`, of all keys or some.
        defaults: The system default of versions that did not record theirs.

    Returns:
        `LIMITS_SCHEMA`, one row per key of `state`, in its order.
    """
    places = ("product_id", "brand_id", "category_id", "department_id")
    keys = (
        state.select(*_KEY, *places)
        .join(reader.query(_EMBEDDED), on=_KEY, how="left", maintain_order="left")
        .join(_read_computed(reader), on=_KEY, how="left", maintain_order="left")
    )
    return resolve_all(_with_defaults(reader, keys, defaults), recompute_rules(reader))


def recompute_rules(reader: Reader) -> pl.DataFrame:
    """The rule in force of each scope that has one: the latest by position, from the events that set rules."""
    return reader.query(_RULES)


def _read_computed(reader: Reader) -> pl.DataFrame:
    """The limits computed for keys, before any bound, and all of it as one text, as the other engine writes it."""
    columns = ", ".join((*_KEY, *_COMPUTED))
    rows = reader.query(f"SELECT {columns} FROM {DYNAMIC_THRESHOLDS.full_name}")
    # Not polars' own JSON: it may spell a float otherwise.
    texts = [msgspec.json.encode(row).decode() for row in rows.select(_COMPUTED).iter_rows(named=True)]
    return rows.select(
        *_KEY,
        pl.col("min_qty").alias("computed_min_qty"),
        pl.col("reorder_qty").alias("computed_reorder_qty"),
        pl.Series("dynamic", texts, pl.String),
    )


def _with_defaults(reader: Reader, keys: pl.DataFrame, defaults: Defaults) -> pl.DataFrame:
    """Keys with the system default of the version that last set their limits.

    A new setting holds for what is judged from then on: older limits stay until something resolves them again.
    """
    values = ("default_min", "default_reorder")
    given = {"default_min": defaults.min_qty, "default_reorder": defaults.reorder_qty}
    meanings = reader.query(_MEANINGS).with_columns(pl.col(name).fill_null(value) for name, value in given.items())
    if meanings.filter(pl.any_horizontal(pl.col(name) != value for name, value in given.items())).height:
        set_at = reader.query(f"SELECT {', '.join(_KEY)}, version FROM {RESOLVED_THRESHOLDS.full_name}")
        recorded = set_at.join(meanings, on="version").select(*_KEY, *values)
        keys = keys.join(recorded, on=_KEY, how="left", maintain_order="left")
    else:
        keys = keys.with_columns(pl.lit(None, pl.Int64).alias(name) for name in values)
    return keys.with_columns(pl.col(name).fill_null(value) for name, value in given.items())


def resolve_all(keys: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Choose the limits in force for every key.

    Args:
        keys: `frames.KEY_SCHEMA`, `level_event_id`, `default_min`, `default_reorder`, and what was computed for the
            key: `computed_min_qty`, `computed_reorder_qty`, `dynamic` (all of it, null for nothing).
        rules: As `recompute_rules` gives them.

    Returns:
        `LIMITS_SCHEMA`, one row per key, in the order of `keys`.
    """
    winner = pl.Series("rule", choose_rules(match_rules(keys, rules)))
    winner = winner.set(winner == NO_RULE, None)
    chosen = rules.select(pl.all().gather(winner).name.prefix("rule_"))
    has_rule = pl.col("rule_level_type").is_not_null()
    is_embedded = ~has_rule & (pl.col("min_threshold").is_not_null() | pl.col("reorder_threshold").is_not_null())
    is_computed = has_rule & pl.col("rule_is_dynamic") & pl.col("dynamic").is_not_null()

    def one_of(rule: Any, embedded: Any, system: Any) -> pl.Expr:
        return pl.when(has_rule).then(rule).when(is_embedded).then(embedded).otherwise(system)

    def of_rule(which: str) -> pl.Expr:
        # Where nothing could be computed the rule's own number holds, else its floor (RULES 22).
        own = pl.coalesce(f"rule_{which}_qty", pl.when("rule_is_dynamic").then("rule_floor_qty"))
        raised = pl.max_horizontal(f"computed_{which}_qty", "rule_floor_qty")
        return pl.when(is_computed).then(pl.min_horizontal(raised, "rule_ceiling_qty")).otherwise(own)

    columns = {
        "warehouse_id": pl.col("warehouse_id"),
        "sku": pl.col("sku"),
        "min_threshold_qty": one_of(of_rule("min"), pl.col("min_threshold"), pl.col("default_min")),
        "reorder_threshold_qty": one_of(of_rule("reorder"), pl.col("reorder_threshold"), pl.col("default_reorder")),
        "min_threshold_days": pl.col("rule_min_days"),
        "reorder_threshold_days": pl.col("rule_reorder_days"),
        "cooldown_minutes": pl.col("rule_cooldown_minutes").fill_null(DEFAULT_COOLDOWN_MINUTES),
        "is_enabled": pl.col("rule_is_enabled").fill_null(True),
        "rule_level_type": one_of(pl.col("rule_level_type"), pl.lit("EMBEDDED"), pl.lit("SYSTEM")),
        "rule_level_id": one_of(pl.col("rule_level_id"), pl.col("sku"), pl.lit("")),
        "rule_warehouse_id": one_of(pl.col("rule_warehouse_id"), pl.col("warehouse_id"), None),
        "rule_event_id": one_of(pl.col("rule_event_id"), pl.col("level_event_id"), None),
        "dynamic": pl.when(is_computed).then("dynamic"),
    }
    limits = pl.concat([keys, chosen], how="horizontal").select(**columns)
    return limits.select(LIMITS_SCHEMA.keys()).cast(pl.Schema(LIMITS_SCHEMA))


def first_breaches(keys: pl.DataFrame) -> pl.Series:
    """The worst condition each key meets, null for none (RULES 23-24).

    Args:
        keys: `LIMITS_SCHEMA`, with `available` (units), `is_active`, `is_restocking`, and `velocity` (mean daily
            units, null for unknown).
    """

    def is_below(which: str) -> pl.Expr:
        by_days = pl.col("available") < units_of_cover(pl.col(f"{which}_threshold_days"))
        return (pl.col("available") < pl.col(f"{which}_threshold_qty")).fill_null(False) | by_days.fill_null(False)

    condition = (
        pl.when(~pl.col("is_enabled") | ~pl.col("is_active"))
        .then(pl.lit(None, pl.String))
        .when(pl.col("available") <= 0)
        .then(pl.lit(Condition.STOCKOUT.value))
        .when(is_below("min"))
        .then(pl.lit(Condition.LOW_STOCK.value))
        .when(~pl.col("is_restocking") & is_below("reorder"))
        .then(pl.lit(Condition.REORDER.value))
    )
    return keys.select(condition.alias("condition"))["condition"]


def units_of_cover(days: pl.Expr) -> pl.Expr:
    """The stock that lasts for so many days; null where either is unknown, or nothing is sold."""
    units = days * pl.when(pl.col("velocity") > 0).then("velocity")
    # Velocity is whole units over 28 days: 42 days of 18/28 are 27 units, and no more for a float's last digit.
    # From 2^23 on floats lie further apart than what is rounded to.
    return pl.when(units < 2**23).then(units.round(9)).otherwise(units)
