"""`core.coverage` as a versioned table: measured, kept, read again."""

from datetime import date

from inventory_assets.refresh.coverage import refresh_coverage
from tests.builders import level, message, transaction
from tests.domain.histories import LATER
from tests.facts import differences, rows

ROWS = "SELECT sku, available, daily_units, in_stock_days, stockout_days, cover_days FROM core.coverage ORDER BY sku"


def take(engine, *documents):
    engine.commit_burst([message(document, published_at=LATER) for document in documents])


def test_demand_counts_days_with_stock_and_unknown_is_null(engine):
    take(
        engine,
        level(10, "2022-04-20T07:00:00Z"),
        transaction("T1", quantity=-10, at="2022-04-21T08:00:00Z"),
        transaction("T2", "RESTOCK", 12, "2022-04-24T08:00:00Z"),
        level(0, "2022-04-20T07:00:00Z", sku="S2"),
    )

    assert 2 == refresh_coverage(engine, engine.lake, date(2022, 4, 25))
    assert [("S1", 12, 5.0, 2, 2, 2.4), ("S2", 0, None, 0, 4, None)] == rows(engine.lake, ROWS)


def test_measuring_again_writes_nothing_and_a_past_version_is_kept(engine):
    take(engine, level(10, "2022-04-20T07:00:00Z"))
    refresh_coverage(engine, engine.lake, date(2022, 4, 25))
    version = engine.lake.watermark().version

    assert 0 == refresh_coverage(engine, engine.lake, date(2022, 4, 25))
    assert version == engine.lake.watermark().version
    take(engine, transaction("T1", quantity=-4, at="2022-04-22T08:00:00Z"))
    assert 1 == refresh_coverage(engine, engine.lake, date(2022, 4, 25))
    assert [(4, 10), (4, 6)] == rows(
        engine.lake, "SELECT in_stock_days, available FROM core.coverage_changes ORDER BY version"
    )
    assert [] == differences(engine)


def test_an_empty_lake_measures_nothing(engine):
    assert 0 == refresh_coverage(engine, engine.lake, date(2022, 4, 25))
