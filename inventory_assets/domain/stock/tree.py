"""The stock of a business as a tree: sums and open alerts of what stands right below a node (RULES 19-20).

The same answers come of two sources, the picture of now (`domain.picture.tree`) and a frame of all shelves as of any
moment (`StockFrame`), which is also the second witness. Not here: reading, words, pages.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import polars as pl

Place = tuple[str, str]
"""(level, level_id); ROOT is above the departments."""
ROOT: Place = ("", "")
BELOW = {
    "": "DEPARTMENT", "DEPARTMENT": "CATEGORY", "CATEGORY": "CATEGORY_BRAND", "CATEGORY_BRAND": "PRODUCT",
    "BRAND": "PRODUCT", "PRODUCT": "SKU",
}  # fmt: skip
"""What stands right below what."""
ABOVE = ("DEPARTMENT", "CATEGORY", "CATEGORY_BRAND", "PRODUCT", "SKU")
"""The way down to a SKU."""
WAREHOUSE = "WAREHOUSE"
RANKS = ("CRITICAL", "HIGH", "MEDIUM")
"""Priorities, the worst first."""


class Branch(NamedTuple):
    """A node of the tree, or a warehouse: sums over its active shelves, and the alerts that are open below it.

    `skus` counts those with an active shelf; `worst` is the place in RANKS of the worst alert, None where none is open.
    """

    level: str
    level_id: str
    name: str
    on_hand: int
    reserved: int
    inbound: int
    skus: int
    alerts: int = 0
    worst: int | None = None

    @property
    def available(self) -> int:
        """What can be sold of all."""
        return self.on_hand - self.reserved


class Step(NamedTuple):
    """A node on the way to another: of breadcrumbs."""

    level: str
    level_id: str
    name: str


class Tree(Protocol):
    """Stock as a tree, of one moment."""

    def warehouses(self) -> list[Branch]:
        """Every warehouse, by id."""
        ...

    def node(self, place: Place, warehouse: str | None) -> Branch | None:
        """One node, in one warehouse or all; None where it has no active shelf."""
        ...

    def children(self, place: Place, warehouse: str | None) -> Sequence[Branch]:
        """What stands right below a node, in no order."""
        ...

    def path(self, place: Place) -> list[Step]:
        """The nodes from a department down to this one, itself the last; empty where nothing is known of it."""
        ...

    def find(self, text: str, warehouse: str | None, most: int) -> list[Branch]:
        """SKUs whose id or name has a text in it, the exact one first, then by id."""
        ...


ORDERS = ("name", "available", "alerts")


def ordered(branches: Sequence[Branch], order: str) -> list[Branch]:
    """Branches by name, the least available first, or those with most and worst alerts first."""
    if order == "available":
        return sorted(branches, key=lambda each: (each.available, each.name.casefold(), each.level_id))
    if order == "alerts":
        return sorted(branches, key=lambda each: (-each.alerts, _rank(each), each.name.casefold(), each.level_id))
    return sorted(branches, key=lambda each: (each.name.casefold(), each.level_id))


def _rank(branch: Branch) -> int:
    return len(RANKS) if branch.worst is None else branch.worst


SHELVES_SCHEMA = {
    "warehouse_id": pl.String, "sku": pl.String, "DEPARTMENT": pl.String, "CATEGORY": pl.String, "BRAND": pl.String,
    "PRODUCT": pl.String, "on_hand": pl.Int64, "reserved": pl.Int64, "inbound": pl.Int64, "is_active": pl.Boolean,
    "department_name": pl.String, "category_name": pl.String, "brand_name": pl.String, "product_name": pl.String,
    "variant_name": pl.String, "priority": pl.String,
}  # fmt: skip
"""One row per (warehouse_id, sku), in any order: its parents' ids, its stock, names, and its open alert's priority."""

_NAMES = {
    "DEPARTMENT": "department_name", "CATEGORY": "category_name", "BRAND": "brand_name",
    "PRODUCT": "product_name", "CATEGORY_BRAND": "brand_name", "SKU": "sku_name",
}  # fmt: skip
_OWN_NAMES = {"CATEGORY_BRAND": "BRAND"}


class StockFrame:
    """A tree over a frame of all shelves."""

    def __init__(self, shelves: pl.DataFrame) -> None:
        """Make it of `SHELVES_SCHEMA`."""
        both = pl.concat_str("product_name", "variant_name", separator=" ", ignore_nulls=True)
        self._shelves = shelves.with_columns(
            CATEGORY_BRAND=pl.concat_str("CATEGORY", "BRAND", separator="/"), SKU=pl.col("sku"),
            sku_name=pl.when(both != "").then(both),
            rank=pl.col("priority").replace_strict(dict(zip(RANKS, range(len(RANKS)), strict=True)), default=None,
                                                   return_dtype=pl.Int64),
        )  # fmt: skip

    def warehouses(self) -> list[Branch]:
        """Every warehouse, by id."""
        return sorted(self._grouped(self._shelves, WAREHOUSE, by="warehouse_id"), key=lambda each: each.level_id)

    def node(self, place: Place, warehouse: str | None) -> Branch | None:
        """One node, in one warehouse or all; None where it has no active shelf."""
        level, level_id = place
        if place == ROOT:
            known = self._within(warehouse).with_columns(all=pl.lit(""))
            found = self._grouped(known, "", by="all")
        else:
            own = self._within(warehouse).filter(pl.col(level) == level_id)
            found = self._grouped(own, level, by=level, name=_NAMES[level])
        return found[0] if found else None

    def children(self, place: Place, warehouse: str | None) -> list[Branch]:
        """What stands right below a node, in no order."""
        own = self._within(warehouse)
        if place != ROOT:
            own = own.filter(pl.col(place[0]) == place[1])
        below = BELOW[place[0]]
        return self._grouped(own, below, by=below, name=_NAMES[below])

    def path(self, place: Place) -> list[Step]:
        """The nodes from a department down to this one, itself the last; empty where nothing is known of it."""
        level, level_id = place
        if place == ROOT:
            return []
        known = self._shelves.filter(pl.col(level) == level_id).head(1)
        if not known.height:
            return []
        [row] = known.iter_rows(named=True)
        levels = ABOVE[: ABOVE.index(level) + 1] if level in ABOVE else (level,)
        return [Step(each, row[each], row[_NAMES[each]] or row[_OWN_NAMES.get(each, each)]) for each in levels]

    def find(self, text: str, warehouse: str | None, most: int) -> list[Branch]:
        """SKUs whose id or name has a text in it, the exact one first, then by id."""
        own = self._within(warehouse)
        named = pl.any_horizontal(
            pl.col(name).str.to_lowercase().str.contains(text.lower(), literal=True) for name in ("sku", "sku_name")
        )
        found = self._grouped(own.filter(named), "SKU", by="sku", name="sku_name")
        return sorted(found, key=lambda each: (each.level_id != text, each.level_id))[:most]

    def _within(self, warehouse: str | None) -> pl.DataFrame:
        return self._shelves if warehouse is None else self._shelves.filter(pl.col("warehouse_id") == warehouse)

    def _grouped(self, shelves: pl.DataFrame, level: str, *, by: str, name: str | None = None) -> list[Branch]:
        named = pl.lit(None, pl.String) if name is None else pl.col(name).drop_nulls().first()
        own = pl.col(_OWN_NAMES.get(level, by)).first()
        active = pl.col("is_active")
        sums = shelves.group_by(pl.col(by).alias("id")).agg(
            pl.coalesce(named, own).alias("name"),
            *(pl.col(each).filter(active).sum() for each in ("on_hand", "reserved", "inbound")),
            pl.col("sku").filter(active).n_unique().cast(pl.Int64).alias("skus"),
            pl.col("priority").count().cast(pl.Int64).alias("alerts"),
            pl.col("rank").min(),
        )  # fmt: skip
        kept = sums.filter(pl.col("skus") > 0)
        return [Branch(level, *row) for row in kept.iter_rows()]
