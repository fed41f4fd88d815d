"""Import product data: names, supplier, lead time, target stock, price, pack (RULES 19)."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.values import InvalidValue, read_id
from inventory_assets.errors import InventoryError
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage

_NUMBERS = {"lead_time_days": int, "order_up_to": int, "pack_multiple": int, "unit_price": float}
_TEXTS = tuple(
    name for name in Product.__struct_fields__ if name not in ("sku", "document_fields", "is_removed", *_NUMBERS)
)


class ProductFileError(InventoryError, ValueError):
    """A product file has bad rows. Nothing was imported."""


def read_products(path: Path) -> list[Product]:
    """Read a CSV, JSON (array) or JSON Lines file of products.

    Raises:
        ProductFileError: Lists every bad row with its line.
    """
    return to_products(_read_rows(path), said_in=path.name)


def to_products(rows: Iterable[tuple[int, dict]], *, said_in: str) -> list[Product]:
    """Make products of numbered rows.

    Raises:
        ProductFileError: Lists every bad row with its number.
    """
    products: list[Product] = []
    problems: list[str] = []
    for line, row in rows:
        try:
            products.append(_to_product(row))
        except (InvalidValue, ValueError) as error:
            problems.append(f"line {line}: {error}")
    if problems:
        shown = "\n  ".join(problems[:20])
        more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise ProductFileError(f"{said_in}: {len(problems)} bad rows, nothing imported:\n  {shown}{more}")
    return products


def _read_rows(path: Path) -> Iterable[tuple[int, dict]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProductFileError(f"{path.name} was no UTF-8 text: {error}. Convert it, then import again.") from error
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(text, newline=""))  # a quoted line break is part of its row
        return [(reader.line_num, row) for row in reader]
    try:
        if text.lstrip().startswith("["):
            return list(enumerate(json.loads(text), 1))
        return [(line, json.loads(row)) for line, row in enumerate(text.split("\n"), 1) if row.strip()]
    except ValueError as error:
        raise ProductFileError(f"{path.name} was no CSV and no JSON: {error}") from error


def _to_product(row: dict) -> Product:
    if not isinstance(row, dict):
        raise ValueError("expected an object")
    values: dict = {"sku": read_id("sku", row.get("sku"))}
    for name in _TEXTS:
        if (value := row.get(name)) not in (None, ""):
            if not isinstance(value, str) or len(value) > 1024:
                raise ValueError(f"{name} was {value!r}, expected text of at most 1024 characters")
            values[name] = value
    for name, convert in _NUMBERS.items():
        if (value := row.get(name)) in (None, ""):
            continue
        try:
            number = convert(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise ValueError(f"{name} was {value!r}, expected a number") from None
        lowest = 0 if name in ("unit_price", "lead_time_days") else 1
        if isinstance(value, bool) or not lowest <= number <= 10**12:
            raise ValueError(f"{name} was {value!r}, expected {lowest} to 10^12")
        if isinstance(value, float) and number != value:
            raise ValueError(f"{name} was {value!r}, expected a whole number")
        values[name] = number
    return Product(**values)


def import_products(engine: Engine, products: list[Product]) -> list[Commit]:
    """Commit product rows; those that change nothing are left out.

    Returns:
        One commit, or none where nothing changed.
    """
    known = engine.state.products
    changed = {}
    for product in products:
        # An absent field keeps what is known: a price list must not erase names.
        old = known.get(product.sku)
        merged = product if old is None or old.is_removed else _merged(old, product)
        if merged != old:
            changed[product.sku] = merged
    if not changed:
        return []
    inputs = BurstInputs(has_products=True, products=tuple(changed[sku] for sku in sorted(changed)))
    return engine.commit_burst([], inputs=inputs, stage=Stage.PRODUCTS)


def find_discontinued(reader: Reader, days: int) -> list[dict[str, Any]]:
    """SKUs of which every key is inactive, or had no stock and no event for so many days.

    By event time: the key's last event against the lake's, never the clock, so
    that a lake that stands still discontinues nothing.

    Returns:
        One row per SKU, by SKU. `has_product_data` tells whether there is anything to clean up.
    """
    rows = reader.query(
        """
        WITH latest AS (SELECT max(last_event_at) AS at FROM core.sku_state),
        keys AS (
            SELECT sku, last_event_at, NOT is_active AS is_inactive,
                on_hand = 0 AND reserved = 0 AND inbound = 0
                    AND last_event_at < latest.at - to_days(?::INTEGER) AS is_quiet
            FROM core.sku_state, latest
        )
        SELECT k.sku, any_value(p.product_name) AS product_name, count(*) AS warehouses,
            count(*) FILTER (WHERE is_inactive) AS inactive_warehouses, max(k.last_event_at) AS last_event_at,
            date_diff('day', max(k.last_event_at), any_value(latest.at)) AS quiet_days,
            bool_or(p.sku IS NOT NULL) AS has_product_data
        FROM keys k CROSS JOIN latest LEFT JOIN core.products p USING (sku)
        GROUP BY k.sku HAVING bool_and(is_inactive OR is_quiet) ORDER BY k.sku
        """,
        [days],
    )
    return list(rows.iter_rows(named=True))


def remove_products(engine: Engine, skus: Iterable[str]) -> list[Commit]:
    """Take the product data of SKUs away, as a version like an import's; stock is untouched.

    Returns:
        One commit, or none where there was nothing to take away.
    """
    known = engine.state.products
    removed = [Product(sku, is_removed=True) for sku in sorted(set(skus)) if sku in known and not known[sku].is_removed]
    if not removed:
        return []
    inputs = BurstInputs(has_products=True, products=tuple(removed))
    return engine.commit_burst([], inputs=inputs, stage=Stage.PRODUCTS)


def _merged(old: Product, new: Product) -> Product:
    given = {name: value for name, value in msgspec.structs.asdict(new).items() if value not in (None, "")}
    from_documents = [name for name in old.document_fields.split(",") if name and name not in given]
    return msgspec.structs.replace(old, **given, document_fields=",".join(from_documents))
