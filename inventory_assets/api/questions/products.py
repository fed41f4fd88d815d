"""Products with their stock: one, or all of them in pages."""

from bisect import bisect_right
from collections.abc import Awaitable
from typing import Annotated

import msgspec

from inventory_assets.api.cursors import Place, write_cursor
from inventory_assets.api.door import allow
from inventory_assets.api.http import Answer, Asked, Problem, answer
from inventory_assets.api.order import in_order
from inventory_assets.api.reading import Cursor, Id, Moment, Version, read_query
from inventory_assets.api.routes import Route
from inventory_assets.api.rows import Total, total_of
from inventory_assets.api.service import Service
from inventory_assets.api.versions import Needs, show, turn_to
from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Stock

MOST_PRODUCTS = 1_000
# Looked at for one page, whatever a filter leaves of it.
MOST_LOOKED_AT = 2_000
_TABLES = ("stock", "products")


class ProductQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of when, and where; without `warehouse` the sums of all."""

    warehouse: Id | None = None
    version: Version | None = None
    at: Moment | None = None


class ProductsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which products; without `warehouse` with the sums of all."""

    department: Id | None = None
    category: Id | None = None
    brand: Id | None = None
    supplier: Id | None = None
    warehouse: Id | None = None
    version: Version | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_PRODUCTS, description="products of a page")] = 100


class ProductSku(msgspec.Struct, frozen=True):
    """A SKU of a product: what is known of it, null where nothing is, and its stock."""

    sku: str
    product_name: str | None
    variant_name: str | None
    brand_name: str | None
    category_name: str | None
    department_name: str | None
    supplier_id: str | None
    lead_time_days: int | None
    unit_price: float | None
    stock: Total


class ProductOf(msgspec.Struct, frozen=True):
    """A product, its place in the hierarchy, its SKUs and their stock."""

    product_id: str
    department_id: str
    category_id: str
    brand_id: str
    stock: Total
    skus: list[ProductSku]
    version: int


class Products(msgspec.Struct, frozen=True):
    """A page of products by id; it may hold few, or none, and others come after it while `next_cursor` is not null."""

    items: list[ProductOf]
    version: int
    next_cursor: str | None


def product(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """One product with its stock."""
    question = read_query(ProductQuery, asked.query)
    allow(asked.grant, question.warehouse)
    [product_id] = asked.values

    def build(picture: Picture, shown: int) -> Answer:
        found = _product(picture, product_id, question.warehouse, shown)
        if found is None:
            where = "" if question.warehouse is None else f" in warehouse {question.warehouse!r}"
            raise Problem(404, f"there was no stock of a product {product_id!r}{where} as of version {shown}")
        return answer(found, version=found.version, shows=shown)

    def needs() -> Needs:
        its = ("sku IN (SELECT sku FROM core.sku_state_changes WHERE product_id = ?)", [product_id])
        return {"stock": its, "products": its}

    return show(service, build, needs, tables=_TABLES, version=question.version, at=question.at)


def products(service: Service, asked: Asked) -> Answer | Awaitable[Answer]:
    """Products by id."""
    question = read_query(ProductsQuery, asked.query)
    allow(asked.grant, question.warehouse)
    number, version, after = turn_to(service, question, *_TABLES)

    def build(picture: Picture, shown: int) -> Answer:
        # What last changed any product: one may have left the list, which no row of it says.
        tied = min(shown, max(picture.stock.newest, picture.products.newest))
        ids = in_order(picture, "products", picture.product_ids)
        begin = bisect_right(ids, after) if after else 0
        found: list[ProductOf] = []
        last, is_more = after, False
        for product_id in ids[begin : begin + MOST_LOOKED_AT]:
            if len(found) == question.limit:
                is_more = True
                break
            last = product_id
            each = _product(picture, product_id, question.warehouse, shown)
            if each is not None and _is_wanted(each, question):
                found.append(each)
        is_more = is_more or begin + MOST_LOOKED_AT < len(ids)
        cursor = write_cursor(Place(number, picture.epoch, tied, (last,))) if is_more else None
        return answer(Products(found, tied, cursor), version=tied, shows=shown)

    return show(service, build, None, tables=_TABLES, version=version)


def _product(picture: Picture, product_id: str, warehouse: str | None, version: int) -> ProductOf | None:
    skus: list[ProductSku] = []
    seen: list[Stock] = []
    for sku in picture.skus_of_product(product_id, version):
        rows = [
            row for row in picture.stock_of_sku(sku, version)
            if row.product_id == product_id and (warehouse is None or row.warehouse_id == warehouse)
        ]  # fmt: skip
        if rows:
            skus.append(_sku(picture, sku, rows, version))
            seen += rows
    if not seen:
        return None
    of = max(seen, key=lambda row: row.version)
    # What is known of a SKU may go, and a SKU may leave the product: then no row here says when.
    newest = min(version, max(picture.stock.newest, picture.products.newest))
    return ProductOf(product_id, of.department_id, of.category_id, of.brand_id, total_of(seen), skus, newest)


def _sku(picture: Picture, sku: str, rows: list[Stock], version: int) -> ProductSku:
    known = picture.products.at(sku, version)
    if known is None:
        return ProductSku(sku, None, None, None, None, None, None, None, None, total_of(rows))
    return ProductSku(
        sku, known.product_name, known.variant_name, known.brand_name, known.category_name, known.department_name,
        known.supplier_id, known.lead_time_days, known.unit_price, total_of(rows),
    )  # fmt: skip


def _is_wanted(found: ProductOf, question: ProductsQuery) -> bool:
    pairs = (
        (question.department, found.department_id), (question.category, found.category_id),
        (question.brand, found.brand_id),
    )  # fmt: skip
    if any(wanted is not None and wanted != is_ for wanted, is_ in pairs):
        return False
    return question.supplier is None or any(sku.supplier_id == question.supplier for sku in found.skus)


ROUTES = (
    Route("GET", "/v1/products", products, "Products with their stock, by id.", query=ProductsQuery,
          answers={200: (Products, "a page")}),
    Route("GET", "/v1/products/{id}", product, "A product with its stock.", query=ProductQuery,
          answers={200: (ProductOf, "the product")}),
)  # fmt: skip
