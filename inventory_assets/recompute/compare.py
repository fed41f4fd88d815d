"""Where two engines differ: cell by cell, with both values. Knows no engine."""

from collections.abc import Sequence

import polars as pl

DIFFERENCE_SCHEMA = {
    "table": pl.String, "key": pl.String, "column": pl.String, "streamed": pl.String, "recomputed": pl.String,
}  # fmt: skip
"""One row per cell that differs; `key` is JSON, and `column` ROW where only one side has the row at all."""

ROW = "(row)"


def compare_frames(
    table: str, key: Sequence[str], streamed: pl.DataFrame, recomputed: pl.DataFrame
) -> pl.DataFrame:  # fmt: skip
    """Compare what is kept with what was computed anew.

    Args:
        table: How the differences name it.
        key: Its columns that name a row; null is a value.
        streamed, recomputed: The same columns, in any order of rows.
    """
    left = streamed.select(*recomputed.columns).with_columns(is_left=pl.lit(True))
    right = recomputed.with_columns(is_right=pl.lit(True))
    both = left.join(right, on=list(key), how="full", nulls_equal=True, coalesce=True, suffix=" again")
    name = pl.struct(key).struct.json_encode().alias("key")
    is_one_sided = pl.col("is_left").is_null() | pl.col("is_right").is_null()
    there = [pl.when(pl.col(side).is_null()).then(pl.lit("missing")).otherwise(pl.lit("there"))
             for side in ("is_left", "is_right")]  # fmt: skip
    parts = [
        both.filter(is_one_sided).select(
            name, column=pl.lit(ROW), streamed=there[0], recomputed=there[1]
        )
    ]  # fmt: skip
    paired = both.filter(~is_one_sided)
    for column in recomputed.columns:
        if column not in key:
            again = f"{column} again"
            parts.append(
                paired.filter(pl.col(column).ne_missing(pl.col(again))).select(
                    name,
                    column=pl.lit(column),
                    streamed=pl.col(column).cast(pl.String),
                    recomputed=pl.col(again).cast(pl.String),
                )
            )
    found = pl.concat(parts).with_columns(table=pl.lit(table))
    return found.select(*DIFFERENCE_SCHEMA).sort("key", "column")
