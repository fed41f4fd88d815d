"""Find the rules of all keys at once, column by column (RULES 21).

Here: the same choice as `resolve_thresholds`, for a frame of keys. What one event
touches goes through that; this is for everything: `validate`, and checks of rules.

A rule is a row number of the rules frame; a rung is a place on the ladder, 0
to 11, the most specific first.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS

KEY_SCHEMA = {
    "warehouse_id": pl.String, "sku": pl.String, "product_id": pl.String, "brand_id": pl.String,
    "category_id": pl.String, "department_id": pl.String, "min_threshold": pl.Int64, "reorder_threshold": pl.Int64,
}  # fmt: skip
"""One row per key; `min_threshold` and `reorder_threshold` are embedded in its level, null for none."""

NO_RULE = -1
# A table of every (id, warehouse) is a lookup each; beyond 16 MB a sorted search is.
_MAX_TABLE = 4_000_000
_LEVEL_COLUMNS = {level: f"{level.lower()}_id" for level in HIERARCHY_LEVELS} | {"SKU": "sku"}


def level_column(level_type: str) -> str:
    """The column of `KEY_SCHEMA` that holds a level's ids."""
    return _LEVEL_COLUMNS[level_type]


def match_rules(keys: pl.DataFrame, rules: pl.DataFrame) -> npt.NDArray[np.int32]:
    """Find the rule at each rung of each key's ladder, the most specific first.

    Each id is looked up once per level that has rules and becomes a number; the
    warehouse is a second number, so that the rest is arithmetic.

    Args:
        keys: `KEY_SCHEMA`, or more.
        rules: One row per scope: `level_type`, `level_id`, `warehouse_id` (null for all), and whatever it sets.

    Returns:
        Shape (12, keys): rows of `rules`, or `NO_RULE`.
    """
    rules = rules.with_row_index("rule")
    warehouses = rules.select("warehouse_id").drop_nulls().unique().with_row_index("number")
    warehouse = _look_up(keys["warehouse_id"], warehouses)
    found = np.full((2 * len(HIERARCHY_LEVELS), keys.height), NO_RULE, dtype=np.int32)
    for number, level in enumerate(HIERARCHY_LEVELS):
        own = rules.filter(pl.col("level_type") == level)
        if not own.height:
            continue
        if level == "GLOBAL":  # its level_id means nothing
            own = own.with_columns(pl.lit("").alias("level_id"))
            ids = pl.DataFrame({"level_id": [""]}).with_row_index("number")
            node = np.zeros(keys.height, dtype=np.int64)
        else:
            ids = own.select("level_id").unique().with_row_index("number")
            node = _look_up(keys[_LEVEL_COLUMNS[level]], ids)
        for offset, part in enumerate((pl.col("warehouse_id").is_not_null(), pl.col("warehouse_id").is_null())):
            chosen = own.filter(part)
            if chosen.height:
                width = 1 if offset else warehouses.height
                column = 0 if offset else warehouse
                row = _look_up(chosen["level_id"], ids)
                place = row if offset else row * width + _look_up(chosen["warehouse_id"], warehouses)
                wanted = np.where((node < 0) | (column < 0), NO_RULE, node * width + column)
                found[2 * number + offset] = _gather(wanted, place, chosen["rule"].to_numpy(), ids.height * width)
    return found


def _look_up(values: pl.Series, numbers: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Each value's number; -1 where it has none."""
    if not numbers.height:
        return np.full(len(values), -1, dtype=np.int64)
    name = next(column for column in numbers.columns if column != "number")
    joined = pl.DataFrame({name: values}).join(numbers, on=name, how="left", maintain_order="left")
    return joined["number"].cast(pl.Int64).fill_null(-1).to_numpy()


def _gather(
    wanted: npt.NDArray[np.int64], places: npt.NDArray[np.int64], rules: npt.NDArray, size: int
) -> npt.NDArray[np.int32]:
    """The rule at each wanted place; `NO_RULE` where that is negative or has none."""
    if size <= _MAX_TABLE:
        table = np.full(size + 1, NO_RULE, dtype=np.int32)
        table[places] = rules
        return table[wanted]  # -1 is the last, which stays empty
    order = np.argsort(places)
    at = np.minimum(np.searchsorted(places[order], wanted), len(places) - 1)
    # Row numbers come unsigned from polars, where numpy 2.5 takes no -1.
    return np.where(places[order][at] == wanted, rules.astype(np.int32)[order][at], NO_RULE)


def choose_rules(matched: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The rule that wins for each key: the first on its ladder."""
    winner = np.full(matched.shape[1], NO_RULE, dtype=np.int32)
    for rung in matched[::-1]:
        np.copyto(winner, rung, where=rung != NO_RULE)
    return winner
