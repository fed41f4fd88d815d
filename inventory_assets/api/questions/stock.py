"""How much there is: of many products or SKUs at once, of one key, of a SKU or a warehouse, of a product."""

from bisect import bisect_right
from collections.abc import Awaitable, Mapping
from itertools import repeat
from typing import Annotated, Any, ClassVar

import msgspec

from inventory_assets.api.cursors import Place, write_cursor
from inventory_assets.api.door import allow, sees
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.order import skus_in_order
from inventory_assets.api.reading import Cursor, Id, Moment, Version, one_of, read_body, read_query, wrong
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import StockOf, Total, Units, stock_of, total_of
from inventory_assets.api.service import Service
from inventory_assets.api.versions import Needs, show, turn_to
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Stock
from inventory_assets.lake.query.reader import IDS, id_list

MOST_IDS = 1_000
MOST_ROWS = 1_000
Ids = Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MOST_IDS)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS, description="rows of a page")]


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Many ids at once, either `product_ids` or `skus`; without `warehouse_id` the sums of all warehouses."""

    SHAPE: ClassVar[Mapping[str, Any]] = one_of("product_ids", "skus")
    product_ids: Ids | None = None
    skus: Ids | None = None
    warehouse_id: Id | None = None
    version: Version | None = None


class Stocks(msgspec.Struct, frozen=True):
    """What can be sold, by id; `unknown` are those of which nothing is kept there."""

    stocks: dict[str, Units]
    unknown: list[str]
    version: int


class StockQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key by both, or a list by one of them."""

    warehouse: Id | None = None
    sku: Id | None = None
    version: Version | None = None
    at: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = MOST_ROWS


class StockList(msgspec.Struct, frozen=True):
    """Rows by SKU or warehouse; `next_cursor` null on the last page."""

    items: list[StockOf]
    version: int
    next_cursor: str | None


class AsOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of which version or moment."""

    version: Version | None = None
    at: Moment | None = None


class SkuStock(msgspec.Struct, frozen=True):
    """A SKU of a product, by warehouse."""

    sku: str
    total: Total
    warehouses: list[StockOf]


class ProductStock(msgspec.Struct, frozen=True):
    """A product's stock by SKU and warehouse; `limited_to` are the warehouses that a token sees, null is all."""

    product_id: str
    total: Total
    skus: list[SkuStock]
    limited_to: list[str] | None
    version: int


def batch(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """Stock of many ids at once."""
    question = read_body(Batch, asked.body)
    ids, level = (question.skus, "SKU") if question.product_ids is None else (question.product_ids, "PRODUCT")
    if ids is None or (question.product_ids is not None and question.skus is not None):
        raise wrong("body", "neither or both of `product_ids` and `skus`", "one of the two")
    warehouse = question.warehouse_id
    allow(asked.grant, warehouse)
    wanted = dict.fromkeys(ids)

    def build(picture: Picture, version: int) -> Answer:
        if warehouse is not None and level == "SKU":
            stock = picture.stock.many(list(zip(repeat(warehouse), wanted, strict=False)), version)
            # A key that was deleted is no stock of 0 (RULES 17).
            stocks = {
                each: row.on_hand - row.reserved
                for each, row in zip(wanted, stock, strict=True)
                if row is not None and row.is_active
            }
        else:
            sums = (
                picture.sums.many(list(zip(repeat(None), repeat(level), wanted, strict=False)), version)
                if warehouse is None
                else [picture.sums_of(level, each, warehouse, version) for each in wanted]
            )
            stocks = {
                each: row.on_hand - row.reserved
                for each, row in zip(wanted, sums, strict=True)
                if row is not None and row.sku_count > 0
            }
        unknown = [each for each in wanted if each not in stocks] if len(stocks) < len(wanted) else []
        return answer(Stocks(stocks, unknown, version), shows=version)

    def needs() -> Needs:
        listed = id_list(wanted)
        if warehouse is None:
            return {"sums": (f"warehouse_id IS NULL AND level = ? AND level_id IN ({IDS})", [level, listed])}
        if level == "SKU":
            return {"stock": (f"warehouse_id = ? AND sku IN ({IDS})", [warehouse, listed])}
        skus = f"SELECT sku FROM core.sku_state_changes WHERE product_id IN ({IDS})"
        return {"stock": (f"warehouse_id = ? AND sku IN ({skus})", [warehouse, listed])}

    tables = ("sums",) if warehouse is None else ("stock",)
    return show(service, build, needs, tables=tables, version=question.version)


def stock(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """One key's stock, or a list."""
    question = read_query(StockQuery, asked.query)
    if question.warehouse is not None and question.sku is not None:
        if question.cursor is not None:
            raise wrong("query.cursor", "beside `warehouse` and `sku`", "no cursor for one row")
        return _one(service, asked, question.warehouse, question.sku, question.version, question.at)
    if question.warehouse is None and question.sku is None:
        raise wrong("query", "neither `warehouse` nor `sku`", "at least one of the two")
    return _list(service, asked, question)


def stock_by_path(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """One key's stock."""
    version, at = _as_of(asked)
    warehouse, sku = asked.values
    return _one(service, asked, warehouse, sku, version, at)


def _as_of(asked: Asked) -> tuple[int | None, str | None]:
    if not asked.query:
        return None, None
    question = read_query(AsOf, asked.query)
    return question.version, question.at


def _one(
    service: Service, asked: Asked, warehouse: str, sku: str, version: int | None, at: str | None
) -> Answer | Awaitable[Answer]:
    allow(asked.grant, warehouse)

    def build(picture: Picture, shown: int) -> Answer:
        row = picture.stock.at((warehouse, sku), shown)
        if row is None:
            raise Problem(404, f"there was no stock of SKU {sku!r} in warehouse {warehouse!r} as of version {shown}")
        return answer(stock_of(row), version=row.version, shows=shown)

    def needs() -> Needs:
        return {"stock": ("warehouse_id = ? AND sku = ?", [warehouse, sku])}

    return show(service, build, needs, tables=("stock",), version=version, at=at)


def _list(service: Service, asked: Asked, question: StockQuery) -> Answer | Awaitable[Answer]:
    if question.warehouse is not None:
        allow(asked.grant, question.warehouse)
    is_of_now = question.version is None and question.at is None
    number, version, after = turn_to(service, question, *(("stock",) if is_of_now else ()))
    at = question.at if question.cursor is None else None

    def build(picture: Picture, shown: int) -> Answer:
        found = _rows(picture, asked, question, after, shown)
        page = found[: question.limit]
        if not page and not after:
            raise Problem(404, f"there was no stock of {_named(question)} as of version {shown}")
        if len(found) <= question.limit and not after:
            # The whole list: what last changed it is what last changed one of its rows, as none is ever taken away.
            newest = max(row.version for row in page)
            return answer(StockList([stock_of(row) for row in page], newest, None), version=newest, shows=shown)
        tied = min(shown, picture.stock.newest)
        cursor = None
        if len(found) > question.limit:
            last = page[-1].sku if question.warehouse is not None else page[-1].warehouse_id
            cursor = write_cursor(Place(number, picture.epoch, tied, (last,)))
        return answer(StockList([stock_of(row) for row in page], tied, cursor), version=tied, shows=shown)

    def needs() -> Needs:
        if question.warehouse is not None:
            return {"stock": ("warehouse_id = ? AND sku > ?", [question.warehouse, after])}
        return {"stock": ("sku = ? AND warehouse_id > ?", [question.sku, after])}

    return show(service, build, needs, tables=("stock",), version=version, at=at)


def _named(question: StockQuery) -> str:
    return f"warehouse {question.warehouse!r}" if question.warehouse is not None else f"SKU {question.sku!r}"


def _sees(asked: Asked, row: Stock) -> bool:
    return sees(asked.grant, row.warehouse_id)


def _rows(picture: Picture, asked: Asked, question: StockQuery, after: str, version: int) -> list[Stock]:
    """One more than a page has, where there are more."""
    most = question.limit + 1
    if question.warehouse is None:
        assert question.sku is not None
        rows = picture.stock_of_sku(question.sku, version)
        return [row for row in rows if row.warehouse_id > after and _sees(asked, row)][:most]
    skus = skus_in_order(picture, question.warehouse)
    found: list[Stock] = []
    for place in range(bisect_right(skus, after) if after else 0, len(skus)):
        row = picture.stock.at((question.warehouse, skus[place]), version)
        if row is not None:
            found.append(row)
            if len(found) == most:
                break
    return found


def product_stock(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """A product's stock by SKU and warehouse."""
    version, at = _as_of(asked)
    [product_id] = asked.values

    def build(picture: Picture, shown: int) -> Answer:
        found = stock_of_product(picture, product_id, shown, asked)
        return answer(found, version=found.version, shows=shown)

    def needs() -> Needs:
        return {
            "stock": ("sku IN (SELECT sku FROM core.sku_state_changes WHERE product_id = ?)", [product_id]),
            "sums": ("level = 'PRODUCT' AND level_id = ? AND warehouse_id IS NULL", [product_id]),
        }

    return show(service, build, needs, tables=("stock", "sums"), version=version, at=at)


def stock_of_product(picture: Picture, product_id: str, version: int, asked: Asked) -> ProductStock:
    """A product's stock as of a version, of the warehouses that who asks may see.

    Raises:
        Problem: 404, there is none.
    """
    seen: list[Stock] = []
    skus: list[SkuStock] = []
    for sku in picture.skus_of_product(product_id, version):
        rows = [row for row in picture.stock_of_sku(sku, version) if row.product_id == product_id and _sees(asked, row)]
        if rows:
            skus.append(SkuStock(sku, total_of(rows), [stock_of(row) for row in rows]))
            seen += rows
    if not seen:
        raise Problem(404, f"there was no stock of a product {product_id!r} as of version {version}")
    sums = picture.sums.at((None, "PRODUCT", product_id), version)
    # A SKU that left the product is in no row of it; its sums changed then.
    newest = max([row.version for row in seen] + [sums.version if sums else min(version, picture.stock.newest)])
    limited = None if asked.grant.warehouses is None else sorted(asked.grant.warehouses)
    return ProductStock(product_id, total_of(seen), skus, limited, newest)


_AS_OF = "as of `version`, or of the last version committed by `at`"
_ONE: dict[int, tuple[Any, str]] = {200: (StockOf, "the stock of one key")}
ROUTES = (
    Route("POST", "/v1/batch/stock", batch, "What can be sold of up to 1,000 products or SKUs.", body=Batch,
          answers={200: (Stocks, "by id; ids given twice count once")}),
    Route("GET", "/v1/stock", stock, f"One key's stock, or a list by warehouse or by SKU, {_AS_OF}.", query=StockQuery,
          answers={200: ((StockOf, StockList), "the stock of one key, or a page of a list")}),
    Route("GET", "/v1/stock/{warehouse}/{sku}", stock_by_path, f"One key's stock, {_AS_OF}.", query=AsOf,
          answers=_ONE),
    Route("GET", "/v1/inventory/product/{id}", product_stock, f"A product by SKU and warehouse, {_AS_OF}.",
          query=AsOf, answers={200: (ProductStock, "the stock of a product")}),
)  # fmt: skip
