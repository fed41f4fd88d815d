"""Products that are sold no more: found by event time, and their data taken away as a version."""

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.refresh.products import find_discontinued, import_products, read_products, remove_products
from tests.builders import DAY, envelope, level, message, messages, transaction
from tests.facts import ROLLUPS, STATE, differences, rows, value, warm

SHOWN = "SELECT sku FROM core.products ORDER BY 1"


def on_day(day: int, *bodies):
    """Messages of a day of May."""
    return [message(body, published_at=DAY.replace(month=5, day=day)) for body in bodies]


def skus(engine, days=10):
    return [row["sku"] for row in find_discontinued(engine.lake, days)]


@pytest.fixture
def shelves(engine):
    """The lake's latest event is of May 11th; the others' last ones are of April 20th and May 1st."""
    names = ("sold-out", "in-stock", "reserved", "inbound", "negative", "half", "deleted", "fresh", "never-seen")
    import_products(engine, [Product(name, product_name=name.title(), unit_price=1.0) for name in names])
    engine.commit_burst(
        messages(
            level(0, sku="sold-out"), level(5, sku="in-stock"), level(0, sku="reserved"), level(0, sku="inbound"),
            level(-2, sku="negative"), level(0, sku="half"), level(3, sku="half", warehouse_id="W2"),
            transaction("R", "RESERVE", 1, sku="reserved"),
            transaction("I", "RESTOCK", 1, sku="inbound", status="PENDING"), level(9, sku="no-data"),
        )
    )  # fmt: skip
    gone = envelope(None, 12 * 3600, operation="delete", document_key={"warehouse_id": "W1", "sku": "deleted"})
    engine.commit_burst(messages(level(7, sku="deleted"), gone))
    engine.commit_burst(on_day(11, level(0, at="2022-05-11T00:00:00Z", sku="fresh")))
    return engine


def test_a_file_in_capitals_and_whole_numbers_as_json_has_them_are_read(tmp_path):
    (tmp_path / "PRODUCTS.CSV").write_text("\ufeffsku,lead_time_days,unit_price\r\nS1,60,0\r\n,,\r\n")
    (tmp_path / "p.json").write_text('[{"sku":"S2","lead_time_days":60.0,"unit_price":1e2,"version":3}]')

    assert read_products(tmp_path / "PRODUCTS.CSV") == [Product("S1", lead_time_days=60, unit_price=0.0)]
    assert read_products(tmp_path / "p.json") == [Product("S2", lead_time_days=60, unit_price=100.0)]


def test_two_rows_of_a_sku_in_a_query_are_one_product(engine):
    """A file with such rows is refused; of a database's rows the later one completes the earlier."""
    import_products(engine, [Product("S1", product_name="Lamp"), Product("S1", unit_price=2.0)])

    assert rows(engine.lake, "SELECT product_name, unit_price FROM core.products") == [("Lamp", 2.0)]


def test_what_is_inactive_everywhere_or_long_without_stock_and_events_is_discontinued(shelves):
    """Negative, reserved and expected stock is stock; one living warehouse keeps a product alive."""
    assert skus(shelves) == ["deleted", "sold-out"]
    assert skus(shelves, days=10_000) == ["deleted"]


def test_the_days_are_those_between_events(shelves):
    """Twenty days and 17 hours lie between the last event of the key and that of the lake."""
    assert "sold-out" in skus(shelves, days=20)
    assert "sold-out" not in skus(shelves, days=21)


def test_an_empty_lake_has_none(engine):
    engine.lake.watermark()

    assert find_discontinued(engine.lake, 1) == []


def test_taking_product_data_away_leaves_stock_and_history(shelves, open_engine):
    before = rows(shelves.lake, STATE), rows(shelves.lake, ROLLUPS)
    [commit] = remove_products(shelves, ["sold-out", "deleted", "unknown"])

    assert [row for (row,) in rows(shelves.lake, SHOWN)] == [
        "fresh", "half", "in-stock", "inbound", "negative", "never-seen", "reserved",
    ]  # fmt: skip
    assert before == (rows(shelves.lake, STATE), rows(shelves.lake, ROLLUPS))
    earlier = f"SELECT count(*) FROM core.products_changes WHERE sku = 'sold-out' AND version < {commit.version}"
    assert value(shelves.lake, earlier) == 1
    assert remove_products(shelves, ["sold-out", "deleted"]) == []
    assert differences(shelves) == []
    assert warm(open_engine(chosen=shelves.settings).state) == warm(shelves.state)
    assert {row["sku"]: row["has_product_data"] for row in find_discontinued(shelves.lake, 10)} == {
        "deleted": False, "sold-out": False,
    }  # fmt: skip


def test_an_import_and_a_newer_document_bring_a_product_back(shelves):
    """As new: of what was known before, nothing is left over."""
    remove_products(shelves, ["sold-out", "deleted"])
    import_products(shelves, [Product("sold-out", lead_time_days=2)])
    late = message(level(1, "01:00", sku="deleted", supplier_id="OLD"))
    newer = on_day(12, level(1, at="2022-05-12T00:00:00Z", sku="deleted", supplier_id="NEW"))
    shelves.commit_burst([late])
    after_late = rows(shelves.lake, "SELECT sku FROM core.products WHERE sku = 'deleted'")
    shelves.commit_burst(newer)

    assert after_late == []
    found = "SELECT sku, product_name, unit_price, lead_time_days, supplier_id FROM core.products WHERE sku IN ('sold-out', 'deleted') ORDER BY 1"
    assert rows(shelves.lake, found) == [("deleted", None, None, None, "NEW"), ("sold-out", None, None, 2, None)]
    assert differences(shelves) == []


def test_a_lake_of_before_learns_to_hide_what_was_removed(shelves, open_engine):
    """Its view was made when there was nothing to hide."""
    connection = shelves.lake.connection
    connection.execute(
        "CREATE OR REPLACE VIEW core.products AS SELECT * EXCLUDE (document_fields, is_removed) FROM core.products_changes"
    )
    connection.execute("ALTER TABLE core.products_changes DROP COLUMN is_removed")
    shelves.close()
    engine = open_engine(chosen=shelves.settings)
    remove_products(engine, ["sold-out"])

    assert rows(engine.lake, "SELECT sku FROM core.products WHERE sku = 'sold-out'") == []
