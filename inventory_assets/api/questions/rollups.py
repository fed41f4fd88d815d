"""Sums of the hierarchy, node by node, and the thresholds in force for a key."""

from bisect import bisect_left, bisect_right
from collections.abc import Awaitable
from typing import Annotated, Literal

import msgspec

from inventory_assets.api.cursors import Place, write_cursor
from inventory_assets.api.door import allow
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.order import in_order, listing, skus_in_order
from inventory_assets.api.questions.stock import AsOf
from inventory_assets.api.reading import Cursor, Id, Moment, Version, read_query, wrong
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import SumsOf, sums_of
from inventory_assets.api.service import Service
from inventory_assets.api.versions import Needs, show, turn_to
from inventory_assets.domain.picture.picture import OF_KEYS, Picture
from inventory_assets.domain.picture.rows import Limits, Sums

MOST_NODES = 1_000
# Looked at for one page, whatever is left of it.
MOST_LOOKED_AT = 2_000


class RollupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which node, or without `id` all of the level; without `warehouse` of all warehouses together.

    CATEGORY_BRAND has `category/brand` as its id.
    """

    level: Literal["DEPARTMENT", "CATEGORY", "BRAND", "CATEGORY_BRAND", "PRODUCT", "SKU"]
    id: Id | None = None
    warehouse: Id | None = None
    children: bool = False
    version: Version | None = None
    at: Moment | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_NODES, description="nodes of a page")] = 100


class Rollup(msgspec.Struct, frozen=True):
    """A node and, where they were asked for, those right below it."""

    node: SumsOf
    children: list[SumsOf] | None
    version: int


class Rollups(msgspec.Struct, frozen=True):
    """A page of a level's nodes by id; it may hold few, or none, and others come while `next_cursor` is not null."""

    items: list[SumsOf]
    version: int
    next_cursor: str | None


def rollup(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """A node of the hierarchy, or all of a level."""
    question = read_query(RollupQuery, asked.query)
    allow(asked.grant, question.warehouse)
    if question.id is None:
        return _list(service, question)
    if question.cursor is not None:
        raise wrong("query.cursor", "beside `id`", "no cursor for one node")
    return _one(service, question, question.id)


def _list(service: Service, question: RollupQuery) -> Answer | Awaitable[Answer]:
    if question.children or question.at is not None:
        raise wrong("query.children" if question.children else "query.at", "there without `id`", "an `id` with it")
    number, version, after = turn_to(service, question, "stock", "sums")

    def build(picture: Picture, shown: int) -> Answer:
        # What last changed any: one may have left the list, which no row of it says.
        tied = min(shown, max(picture.stock.newest, picture.sums.newest))
        ids = _ids(picture, question, tied)
        begin = bisect_right(ids, after) if after else 0
        found: list[Sums] = []
        end = begin
        for level_id in ids[begin : begin + MOST_LOOKED_AT]:
            end += 1
            row = picture.sums_of(question.level, level_id, question.warehouse, shown)
            if row is not None:
                found.append(row)
                if len(found) == question.limit:
                    break
        cursor = write_cursor(Place(number, picture.epoch, tied, (ids[end - 1],))) if end < len(ids) else None
        return answer(Rollups([sums_of(row) for row in found], tied, cursor), version=tied, shows=shown)

    return show(service, build, None, tables=("stock", "sums"), version=version)


def _ids(picture: Picture, question: RollupQuery, version: int) -> list[str]:
    level, warehouse = question.level, question.warehouse
    if warehouse is None or level not in OF_KEYS:
        nodes = listing(picture, "nodes", version, lambda: picture.sums.as_of(version), _node_of)
        group: tuple[str, str] = (warehouse or "", level)
        begin, end = bisect_left(nodes, group, key=_group_of), bisect_right(nodes, group, key=_group_of)
        return [row.level_id for row in nodes[begin:end]]
    return skus_in_order(picture, warehouse) if level == "SKU" else in_order(picture, "products", picture.product_ids)


def _node_of(row: Sums) -> tuple[str, str, str]:
    return row.warehouse_id or "", row.level, row.level_id


def _group_of(row: Sums) -> tuple[str, str]:
    return row.warehouse_id or "", row.level


def _one(service: Service, question: RollupQuery, level_id: str) -> Answer | Awaitable[Answer]:
    level, warehouse = question.level, question.warehouse

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
    Route("GET", "/v1/rollups", rollup, "The sums of a node of the hierarchy, with those right below it; or a level's.",
          query=RollupQuery, answers={200: ((Rollup, Rollups), "the node, or a page of a level's")}),
    Route("GET", "/v1/thresholds/{warehouse}/{sku}", thresholds, "The thresholds in force for a key.", query=AsOf,
          answers={200: (Limits, "the thresholds")}),
)  # fmt: skip
