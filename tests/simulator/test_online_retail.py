"""The converted retail file adds up to what SQL counts in it, and repeats byte for byte."""

import os
from collections import Counter
from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl
import pytest

from examples.online_retail import expected
from examples.online_retail.convert import (
    OPENING_AT,
    OnlineRetail,
    StockFact,
    category_id,
    is_product,
    main,
    product_id,
    stock_fact,
)

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_PARQUET = REPOSITORY.parent / "shared" / "data" / "online_retail.parquet"


@pytest.fixture(scope="session")
def parquet() -> Path:
    path = Path(os.environ.get("ONLINE_RETAIL_PARQUET") or DEFAULT_PARQUET)
    if not path.is_file():
        pytest.skip(f"{path} is absent; set ONLINE_RETAIL_PARQUET to run")
    return path


@pytest.mark.parametrize(
    ("invoice", "quantity", "unit_price", "fact"),
    [
        ("536365", 6, 2.55, StockFact("ORDER", -6)),
        ("C536379", -1, 27.5, StockFact("RETURN", 1)),
        ("536589", -10, 0.0, StockFact("ADJUSTMENT", -10)),
        ("536414", 56, 0.0, StockFact("ADJUSTMENT", 56)),
        ("581483", 80_995, 2.08, StockFact("ORDER", -80_995)),
        ("536400", -3, 1.0, None),
        ("536400", 0, 1.0, None),
        ("A563186", 1, -11_062.06, None),
    ],
)
def test_a_line_becomes_the_stock_fact_it_tells(
    invoice: str, quantity: int, unit_price: float, fact: StockFact | None
) -> None:
    assert stock_fact(invoice, quantity, unit_price) == fact


def test_fees_are_no_products_but_odd_codes_can_be() -> None:
    goods = ["85123A", "DCGSSGIRL", "PADS", "15056BL", "m1"]
    fees = ["POST", "M", "m", "BANK CHARGES", "gift_0001_20"]

    assert [code for code in goods + fees if is_product(code)] == goods


def test_parents_follow_the_documented_rule() -> None:
    assert product_id("85123A") == product_id("85123a") == "85123"
    assert product_id("22423") == "22423"
    assert product_id("DCGS0003") == "DCGS0003"
    assert category_id("WHITE METAL LANTERN") == "LANTERN"
    assert category_id(None) is category_id("12") is None


def test_small_file_gives_opening_levels_then_lines(tmp_path: Path) -> None:
    """Equal lines stay two events; codes that differ in case stay two SKUs."""
    path = tmp_path / "lines.parquet"
    line = ("536365", "85123A", "HEART HOLDER", 6, OPENING_AT, 2.55, "17850", "UK")
    rows = [line, line, ("536366", "85123a", "HEART HOLDER", 1, OPENING_AT, 2.55, None, "UK")]
    names = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
             "CustomerID", "Country"]  # fmt: skip
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(path)

    messages = list(OnlineRetail(path).messages())

    documents = [msgspec.json.decode(message.data) for message in messages]
    assert [(d["sku"], d.get("current_stock"), d.get("quantity")) for d in documents] == [
        ("85123A", 12, None),
        ("85123a", 1, None),
        ("85123A", None, -6),
        ("85123A", None, -6),
        ("85123a", None, -1),
    ]
    file_id = sha256(path.read_bytes()).hexdigest()[:16]
    assert [m.attributes.get("row_id") for m in messages[2:]] == [f"{file_id}:{number}" for number in (1, 2, 3)]
    assert len({d["transaction_id"] for d in documents[2:]}) == 3


@pytest.mark.big
def test_totals_are_those_sql_counts(parquet: Path) -> None:
    """Every line is a transaction or a counted skip, and units agree per SKU."""
    retail = OnlineRetail(parquet)
    lines: Counter[str] = Counter({"SKIPPED": retail.skipped.total()})
    units: Counter[str] = Counter()
    net: Counter[str] = Counter()
    opening: dict[str, int] = {}
    row_ids: set[str] = set()
    for message in retail.messages():
        document = msgspec.json.decode(message.data)
        sku = document["sku"]
        if "current_stock" in document:
            opening[sku] = document["current_stock"]
            continue
        lines[document["transaction_type"]] += 1
        units[document["transaction_type"]] += document["quantity"]
        net[sku] += document["quantity"]
        row_ids.add(message.attributes["row_id"])

    skus = expected.units_by_sku(parquet)
    assert lines == expected.lines_by_type(parquet)
    assert units == expected.units_by_type(parquet)
    assert net == {sku: row.net_units for sku, row in skus.items()}
    assert opening == {sku: row.opening_units for sku, row in skus.items()}
    assert retail.skipped["unclassified"] == 0
    assert len(row_ids) == lines.total() - lines["SKIPPED"]


def test_command_writes_the_same_bytes_twice(parquet: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]

    for out in outputs:
        assert main([str(parquet), "--out", str(out), "--limit", "2000"]) == 0

    first, second = (out.read_bytes() for out in outputs)
    assert first == second
    line = msgspec.json.decode(first.splitlines()[-1])
    assert set(line) == {"topic", "data", "attributes", "ordering_key"}
    assert msgspec.json.decode(line["data"])["status"] == "COMPLETED"
