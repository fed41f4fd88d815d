"""Sums of the hierarchy, node by node, and the thresholds in force for a key."""

from collections.abc import Awaitable
from typing import Literal

import msgspec

from inventory_assets.api.door import allow
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.questions.stock import AsOf
from inventory_assets.api.reading import Id, Moment, Version, read_query
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import SumsOf, sums_of
from inventory_assets.api.service import Service
from inventory_assets.api.versions import Needs, show
from inventory_assets.domain.picture.picture import OF_KEYS, Picture
from inventory_assets.domain.picture.rows import Limits


class RollupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which node; without `warehouse` that of all. CATEGORY_BRAND has `category/brand` as its id."""

    level: Literal["DEPARTMENT", "CATEGORY", "BRAND", "CATEGORY_BRAND", "PRODUCT", "SKU"]
    id: Id
    warehouse: Id | None = None
    children: bool = False
    version: Version | None = None
    at: Moment | None = None


class Rollup(msgspec.Struct, frozen=True):
    """A node and, where they were asked for, those right below it."""

    node: SumsOf
    children: list[SumsOf] | None
    version: int


def rollup(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """A node of the hierarchy."""
    question = read_query(RollupQuery, asked.query)
    level, level_id, warehouse = question.level, question.id, question.warehouse
    allow(asked.grant, warehouse)

    def build(picture: Picture, shown: int) -> Answer:
        node = picture.sums_of(level, level_id, warehouse, shown)
        if node is None:
            where = "" if warehouse is None else f" in warehouse {warehouse!r}"
            raise Problem(404, f"{level} {level_id!r} had no active key{where} as of version {shown}")
        if not question.children:
            return answer(Rollup(sums_of(node), None, node.version), version=node.version, shows=shown)
        below = [sums_of(each) for each in picture.children_of(level, level_id, warehouse, shown)]
        # One may have left, and the sums be the same.
        newest = min(shown, picture.stock.newest)
        return answer(Rollup(sums_of(node), below, newest), version=newest, shows=shown)

    def needs() -> Needs:
        if warehouse is None or level not in OF_KEYS:
            keys = "level = ? AND level_id = ? AND warehouse_id IS NOT DISTINCT FROM ?"
            return {"sums": (keys, [level, level_id, warehouse])}
        if level == "SKU":
            return {"stock": ("warehouse_id = ? AND sku = ?", [warehouse, level_id])}
        skus = "SELECT sku FROM core.sku_state_changes WHERE product_id = ?"
        return {"stock": (f"warehouse_id = ? AND sku IN ({skus})", [warehouse, level_id])}

    return show(
        service, build, None if question.children else needs, tables=("stock", "sums"), version=question.version,
        at=question.at,
    )  # fmt: skip


def thresholds(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """The thresholds in force for a key."""
    question = read_query(AsOf, asked.query)
    warehouse, sku = asked.values
    allow(asked.grant, warehouse)

    def build(picture: Picture, shown: int) -> Answer:
        row = picture.limits.at((warehouse, sku), shown)
        if row is None:
            raise Problem(
                404, f"no thresholds were resolved for SKU {sku!r} in warehouse {warehouse!r} as of version {shown}"
            )  # fmt: skip
        return answer(row, version=row.version, shows=shown)

    def needs() -> Needs:
        return {"limits": ("warehouse_id = ? AND sku = ?", [warehouse, sku])}

    return show(service, build, needs, tables=("limits",), version=question.version, at=question.at)


ROUTES = (
    Route("GET", "/v1/rollups", rollup, "The sums of a node of the hierarchy, and of those right below it.",
          query=RollupQuery, answers={200: (Rollup, "the node")}),
    Route("GET", "/v1/thresholds/{warehouse}/{sku}", thresholds, "The thresholds in force for a key.", query=AsOf,
          answers={200: (Limits, "the thresholds")}),
)  # fmt: skip
