"""Shelves, stock and its value by warehouse: kept up to date from the picture, or summed by the lake.

From the picture only what has changed is looked at: of 200,000 shelves a version changes some hundreds. A price that
changes has all of them summed anew. Not here: what a page says of it.
"""

import weakref
from dataclasses import dataclass

from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Stock
from inventory_assets.lake.query.clauses import USABLE_PRODUCTS
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.ranges import PRODUCT_RANGES

# Whole numbers add up to the same in whatever order; a price has no more digits than these.
PARTS = 10_000
# Everything that has changed since.
_NO_LIMIT = 2**62
_LEAST_PRICE, _MOST_PRICE = PRODUCT_RANGES["unit_price"]


@dataclass(slots=True)
class ShelfSums:
    """A warehouse's active shelves. `value_parts`: what is on hand at list prices, in 1/`PARTS` of the currency.

    `stocked` have something on hand; of these `priced` have a price.
    """

    shelves: int = 0
    empty: int = 0
    on_hand: int = 0
    available: int = 0
    stocked: int = 0
    priced: int = 0
    value_parts: int = 0

    @property
    def value(self) -> float | None:
        """In currency; None where stock is there and no price is known."""
        return None if self.stocked and not self.priced else self.value_parts / PARTS

    def add(self, other: "ShelfSums") -> None:
        """Add another warehouse's."""
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NAMES = tuple(ShelfSums.__slots__)  # type: ignore[attr-defined]
BySite = dict[str, ShelfSums]


def total_of(sums: BySite) -> ShelfSums:
    """All warehouses together."""
    total = ShelfSums()
    for each in sums.values():
        total.add(each)
    return total


class KeptSums:
    """The sums of a picture, brought up to its version when they are asked for."""

    def __init__(self) -> None:
        self._picture: weakref.ref[Picture] | None = None
        self._version = 0
        self._sums: BySite = {}

    def of(self, picture: Picture) -> BySite:
        """By warehouse, those that have an active shelf."""
        is_same = self._picture is not None and self._picture() is picture
        can_go_on = self._version >= picture.stock.horizon and picture.products.newest <= self._version
        if is_same and can_go_on:
            if picture.stock.newest > self._version:
                self._go_on(picture)
        else:
            self._sums = {}
            for row in picture.stock:
                self._count(picture, row, 1)
        self._picture, self._version = weakref.ref(picture), picture.version
        return {name: sums for name, sums in sorted(self._sums.items()) if sums.shelves}

    def _go_on(self, picture: Picture) -> None:
        for row in picture.stock.changed(self._version, picture.version, limit=_NO_LIMIT):
            before = picture.stock.at(row.key, self._version)
            if before is not None:
                self._count(picture, before, -1)
            self._count(picture, row, 1)

    def _count(self, picture: Picture, row: Stock, times: int) -> None:
        if not row.is_active:
            return
        sums = self._sums.get(row.warehouse_id)
        if sums is None:
            sums = self._sums[row.warehouse_id] = ShelfSums()
        available = row.available
        sums.shelves += times
        sums.on_hand += times * row.on_hand
        sums.available += times * available
        if available <= 0:
            sums.empty += times
        if row.on_hand > 0:
            sums.stocked += times
            parts = _parts(picture, row.sku)
            if parts is not None:
                sums.priced += times
                sums.value_parts += times * row.on_hand * parts


def _parts(picture: Picture, sku: str) -> int | None:
    product = picture.products.get(sku)
    price = None if product is None else product.unit_price
    # What cannot be meant counts as unknown, as everywhere (`clauses.USABLE_PRODUCTS`).
    if price is None or not _LEAST_PRICE <= price <= _MOST_PRICE:
        return None
    return round(price * PARTS)


_SUMS = f"""
    SELECT warehouse_id, count(*) AS shelves, count(*) FILTER (available <= 0) AS empty,
        sum(on_hand)::HUGEINT::VARCHAR AS on_hand, sum(available)::HUGEINT::VARCHAR AS available,
        count(*) FILTER (on_hand > 0) AS stocked, count(parts) FILTER (on_hand > 0) AS priced,
        coalesce(sum(on_hand * parts) FILTER (on_hand > 0), 0)::HUGEINT::VARCHAR AS value_parts
    FROM (
        SELECT s.*, round_even(p.unit_price * {PARTS}, 0)::HUGEINT AS parts
        FROM core.sku_state s LEFT JOIN {USABLE_PRODUCTS} p ON p.sku = s.sku WHERE s.is_active
    ) GROUP BY 1 ORDER BY 1
"""


def read_sums(reader: LakeReader) -> BySite:
    """The same of the lake."""
    # As text: beyond 64 bits polars has no whole numbers that add up.
    return {row["warehouse_id"]: ShelfSums(**{name: int(row[name]) for name in _NAMES}) for row in reader.rows(_SUMS)}
