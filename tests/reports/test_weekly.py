"""What a weekly report says: the week against the one before, from hand-made snapshot files."""

from datetime import date, timedelta

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.files.partition_files import DAILY_STOCK
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.products import import_products
from inventory_assets.reports.period import Kind
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.reports.conftest import Published, publish_report, write_snapshots

MONDAY = date(2022, 4, 18)
AFTER = date(2022, 4, 25)
# (warehouse, sku): units a day in the week, in the week before, seconds empty a day in the week
TRADE = {("W1", "S1"): (10, 6, 3_600), ("W2", "S1"): (1, 4, 0), ("W1", "S2"): (0, 2, 86_400)}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A report of two weeks of trade, the last day of the week included. Read it only."""
    settings = Settings(home=tmp_path_factory.mktemp("week"))
    engine = Engine(settings)
    import_products(engine, [Product("S1", product_name="Kettle", unit_price=10.0), Product("S2", unit_price=1.0)])
    engine.commit_burst(
        messages(
            rule(5, 10),
            level(100, "2022-03-01T00:00:00Z", sku="S1"), level(100, "2022-03-01T00:00:00Z", sku="S1", warehouse_id="W2"),
            level(3, "2022-03-01T00:00:00Z", sku="S2"), level(70, "2022-03-01T00:00:00Z", sku="DEAD"),
            transaction("T1", quantity=-95, at="2022-04-19T08:00:00Z"),
            transaction("T2", quantity=-5, at="2022-04-19T12:00:00Z"),
            transaction("T3", "RESTOCK", 50, at="2022-04-20T08:00:00Z"),
            transaction("T4", quantity=-7, at="2022-04-20T10:00:00Z", warehouse_id="W2"),
        )
    )  # fmt: skip
    with history_reader(settings) as reader:
        refresh_coverage(engine, reader, date(2022, 4, 21))
    engine.close()
    for number in range(14):
        day = MONDAY + timedelta(days=number - 7)
        rows = [
            {
                "warehouse_id": key[0], "sku": key[1], "on_hand": 50, "available": 0 if key[1] == "S2" else 50,
                "is_active": True, "sold_units": now if number >= 7 else before,
                "stockout_seconds": empty if number >= 7 else 0,
            }
            for key, (now, before, empty) in TRADE.items()
        ]  # fmt: skip
        write_snapshots(settings, DAILY_STOCK, day, rows)
    return publish_report(settings, MONDAY + timedelta(days=3), Kind.WEEKLY, today=AFTER)


def test_a_week_is_monday_to_sunday_against_the_week_before(week):
    """77 units against 84; without the Sunday it were 66."""
    assert "2022-04-18" == week.manifest.date
    assert "77 units sold, −8 % against the week before." in week.page.text
    assert [("W1", "70", "56"), ("W2", "7", "28")] == [
        (row["warehouse_id"], row["sold_units"], row["sold_units_before"]) for row in week.rows("warehouse_weeks")
    ]


def test_that_demand_is_not_known_is_said(week):
    """No shelf has three days with a sale; an empty list of what runs out would say that nothing does."""
    assert "what will run out is not known" in week.page.text


def test_movers_are_summed_over_warehouses(week):
    """S1: 77 against 70; S2: none against 14."""
    assert [("S2", "0", "14", "-14"), ("S1", "77", "70", "7")] == [
        (row["sku"], row["units"], row["units_before"], row["change"]) for row in week.rows("movers")
    ]


def test_stockouts_come_by_duration_with_what_they_cost(week):
    """S2 was empty all week; S1 an hour a day, and what it sells a day is coverage's."""
    rows = week.rows("week_stockouts")

    assert [("S2", "168.0", "7", "true"), ("S1", "7.0", "7", "false")] == [
        (row["sku"], row["hours_empty"], row["days_touched"], row["is_empty"]) for row in rows
    ]
    daily = float(rows[1]["daily_units"])
    assert float(rows[1]["lost_units"]) == pytest.approx(7 / 24 * daily, abs=0.01)
    assert float(rows[1]["lost_sales"]) == pytest.approx(7 / 24 * daily * 10, abs=0.01)


def test_time_without_stock_is_of_all_shelves_hours(week):
    """W1: (1 + 24) hours of 2 shelves' 48 a day."""
    shares = {row["warehouse_id"]: float(row["empty_share"]) for row in week.rows("warehouse_weeks")}

    assert {"W1": pytest.approx(25 / 48, abs=1e-4), "W2": 0.0} == shares


def test_what_does_not_sell_was_there_for_four_weeks(week):
    assert {("DEAD", "70"), ("S2", "3")} == {(row["sku"], row["on_hand"]) for row in week.rows("dead_stock")}


def test_classes_begin_with_what_sells_most(week):
    """One SKU sells all: it is A though it passes 80 %."""
    rows = {row["name"]: (row["skus"], row["share"]) for row in week.rows("classes")}

    assert {"A": ("1", "1.0"), "N": ("2", "0.0")} == rows


def test_a_stockout_is_foreseen_by_a_milder_alert(week):
    """S1 at W1 went from 5 (reorder) to none; nothing else opened an alert in the week."""
    [row] = week.rows("rules")

    assert ("GLOBAL", "2", "1", "1") == (row["rule"], row["opened"], row["stockouts"], row["foreseen"])


def test_without_snapshots_a_week_says_so(shop, build):
    page = build(MONDAY, Kind.WEEKLY, today=AFTER).page

    assert "no daily snapshots yet" in page.text
    assert "Two weeks with daily snapshots are needed" in page.text
