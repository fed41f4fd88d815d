"""Import product data: names, supplier, lead time, target stock, price, pack (RULES 19)."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.values import read_id
from inventory_assets.given_files import BadRow, GivenFileError, did_you_mean, read_csv, read_json, read_text
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.ranges import MAX_PRICE, PRODUCT_RANGES

MAX_TEXT = 1024
MAX_SHOWN = 20

_WHOLE_NUMBERS = {name: bounds for name, bounds in PRODUCT_RANGES.items() if name != "unit_price"}
_TEXTS = tuple(
    name
    for name in Product.__struct_fields__
    if name not in ("sku", "unit_price", "document_fields", "is_removed", *_WHOLE_NUMBERS)
)
FIELDS = ("sku", *_TEXTS, *_WHOLE_NUMBERS, "unit_price")
# What the lake's own rows and mongoexport have besides, and what says nothing of the product; where it stands, a
# level says (RULES 19).
IGNORED = (
    "_id", "version", "created_at", "updated_at", "product_id", "brand_id", "category_id", "department_id",
)  # fmt: skip

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,18})?")


class ProductFileError(GivenFileError):
    """A product file has bad rows. Nothing was imported."""


def read_products(path: Path) -> list[Product]:
    """Read a CSV, JSON (array) or JSON Lines file of products.

    Raises:
        ProductFileError: Lists every bad row with its line.
        GivenFileError: It is no such file: another header, no text, too big.
    """
    return to_products(_checked(_read_rows(path)), said_in=path.name)


def to_products(rows: Iterable[tuple[int, Any]], *, said_in: str) -> list[Product]:
    """Make products of numbered rows; a SKU's rows count in their order.

    Raises:
        ProductFileError: Lists every bad row with its number.
    """
    products: list[Product] = []
    problems: list[str] = []
    count = 0
    for line, row in rows:
        try:
            products.append(_to_product(row))
        except ValueError as error:
            count += 1
            if count <= MAX_SHOWN:
                problems.append(f"line {line}: {error}")
    if problems:
        shown = "\n  ".join(problems)
        more = f"\n  and {count - MAX_SHOWN} more" if count > MAX_SHOWN else ""
        raise ProductFileError(f"{said_in}: {count} bad rows, nothing imported:\n  {shown}{more}")
    return products


def _read_rows(path: Path) -> Iterator[tuple[int, Any]]:
    text = read_text(path)
    if path.suffix.lower() == ".csv":
        return read_csv(text, path.name, columns=FIELDS, ignored=IGNORED, required=("sku",))
    if not text.strip():
        raise ProductFileError(f"{path.name} was empty; expected products.")
    if not text.lstrip().startswith("["):
        return _read_lines(text)
    try:
        rows = read_json(text, with_nan=True)
    except ValueError as error:
        raise ProductFileError(f"{path.name} was no JSON: {error}. A CSV file is named .csv.") from error
    return iter(list(enumerate(rows, 1)))


def _read_lines(text: str) -> Iterator[tuple[int, Any]]:
    for line, row in enumerate(text.split("\n"), 1):
        if row.strip():
            try:
                yield line, read_json(row, with_nan=True)
            except ValueError as error:
                yield line, BadRow(f"was no JSON object: {error}. A CSV file is named .csv")


def _checked(rows: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Of a file, more is wrong than of a query's rows: names that nobody knows, two rows of one SKU."""
    seen: dict[str, int] = {}
    for line, row in rows:
        if isinstance(row, dict):
            unknown = next((name for name in row if name not in FIELDS and name not in IGNORED), None)
            sku = row.get("sku")
            if unknown is not None:
                hint = did_you_mean(unknown, FIELDS) or f"; expected {', '.join(FIELDS)}"
                row = BadRow(f"unknown field {_shown(unknown)}{hint}")
            elif isinstance(sku, str) and (earlier := seen.setdefault(sku, line)) != line:
                row = BadRow(f"sku {_shown(sku)} is in line {earlier} too; one row per SKU")
        yield line, row


def _to_product(row: Any) -> Product:
    if isinstance(row, BadRow):
        raise ValueError(row.why)
    if not isinstance(row, dict):
        raise ValueError(f"was {_shown(row)}, expected an object")
    if row.get("sku") in (None, ""):
        raise ValueError("sku was not given, expected an id")
    values: dict[str, Any] = {"sku": read_id("sku", row["sku"])}
    for name in _TEXTS:
        if (value := row.get(name)) not in (None, ""):
            if not isinstance(value, str) or len(value) > MAX_TEXT or "\0" in value:
                raise ValueError(f"{name} was {_shown(value)}, expected text of at most {MAX_TEXT} characters")
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{name} was {_shown(value)}, not valid Unicode") from None
            values[name] = value
    for name, (least, most) in _WHOLE_NUMBERS.items():
        if (value := row.get(name)) not in (None, ""):
            values[name] = _whole_number(name, value, least, most)
    if (value := row.get("unit_price")) not in (None, ""):
        values["unit_price"] = _price("unit_price", value)
    return Product(**values)


def _whole_number(name: str, value: Any, least: int, most: int) -> int:
    expected = f"expected a whole number of {least} to {most:,}"
    if type(value) is str and _INTEGER.fullmatch(value):
        number = int(value)
    elif type(value) is int:
        number = value
    elif type(value) is float and value.is_integer():
        number = int(value)
    else:
        meant = f": write {int(float(value))}" if type(value) is str and re.fullmatch(r"[0-9]{1,15}\.0+", value) else ""
        raise ValueError(f"{name} was {_shown(value)}, {expected}{meant}")
    if not least <= number <= most:
        raise ValueError(f"{name} was {_shown(value)}, {expected}")
    return number


def _price(name: str, value: Any) -> float:
    # Compared before it is converted: an integer of JSON may be beyond every float.
    number = float(value) if type(value) is str and _DECIMAL.fullmatch(value) else value
    if type(number) not in (int, float) or not 0 <= number <= MAX_PRICE:
        expected = f"expected a number of 0 to {MAX_PRICE:,}, digits with at most a point between"
        raise ValueError(f"{name} was {_shown(value)}, {expected}")
    return float(number)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def import_products(engine: Engine, products: list[Product]) -> list[Commit]:
    """Commit product rows; those that change nothing are left out.

    Returns:
        One commit, or none where nothing changed.
    """
    known = engine.state.products
    changed: dict[str, Product] = {}
    for product in products:
        # An absent field keeps what is known: a price list must not erase names.
        old = changed.get(product.sku) or known.get(product.sku)
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
