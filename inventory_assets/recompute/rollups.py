"""Sums per hierarchy node from the state of keys: polars groups and sums (RULES 19-20)."""

import polars as pl

from inventory_assets.lake.tables import ROLLUPS

MEASURES = ("on_hand", "reserved", "available", "inbound")
ROLLUP_SCHEMA = {name: type_ for name, type_ in ROLLUPS.types.items() if name != "version"}
"""One row per (warehouse_id or null for all, level, level_id) with an active key. Units."""

_BOTH = pl.concat_str("category_id", "brand_id", separator="/")
_NONE = pl.lit(None, pl.String)
# Of each level: what names a SKU's node there, and that node's parent.
_LEVELS: dict[str, tuple[pl.Expr, pl.Expr]] = {
    "DEPARTMENT": (pl.col("department_id"), _NONE),
    "CATEGORY": (pl.col("category_id"), pl.col("department_id")),
    "BRAND": (pl.col("brand_id"), pl.col("category_id")),
    "CATEGORY_BRAND": (_BOTH, pl.col("category_id")),
    "PRODUCT": (pl.col("product_id"), pl.col("brand_id")),
    "SKU": (pl.col("sku"), pl.col("product_id")),
}


def recompute_rollups(state: pl.DataFrame, places: pl.DataFrame, *, over_all: bool = True) -> pl.DataFrame:
    """Sum active keys by node.

    Args:
        state: `stock.STATE_SCHEMA`.
        places: `stock.PARENTS_SCHEMA` of every SKU, active or not: a node whose SKUs have different parents has none.
        over_all: With the nodes of all warehouses together, which only all keys can give.
    """
    active = state.lazy().filter("is_active")
    sums = [pl.col(measure).sum() for measure in MEASURES]
    parts = []
    for level, (name, parent) in _LEVELS.items():
        node = name.alias("level_id")
        groups = [active.group_by("warehouse_id", node).agg(*sums, pl.len().cast(pl.Int64).alias("sku_count"))]
        if over_all:
            of_all = active.group_by(node).agg(*sums, pl.col("sku").n_unique().cast(pl.Int64).alias("sku_count"))
            groups.append(of_all.with_columns(warehouse_id=_NONE))
        parents = places.lazy().select(node, parent.alias("parent_id")).unique().group_by("level_id").agg(
            pl.when(pl.len() == 1).then(pl.col("parent_id").first()).alias("parent_id")
        )  # fmt: skip
        nodes = pl.concat(groups, how="diagonal").join(parents, on="level_id", how="left")
        parts.append(nodes.with_columns(level=pl.lit(level)).select(*ROLLUP_SCHEMA))
    return pl.concat(parts).sort("warehouse_id", "level", "level_id").collect()
