"""What a nightly report says of a small shop, and from which version.

The expected numbers are worked out by hand from the fixture.
"""

from datetime import UTC, date, datetime

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS
from inventory_assets.lake.query.as_of import pin_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.replenish.advise import advise
from inventory_assets.reports.make import make_report
from inventory_assets.reports.period import Kind
from tests.builders import level, message, messages, rule, transaction
from tests.replenish.shop import fill as two_warehouses
from tests.reports.conftest import DAY, opening, sold_before, write_snapshots


def test_what_ran_out_is_told_with_what_to_do(shop_report):
    """Kettles at W1: three a day with a deviation of 5.29, so 67 over twelve days; in packs of 10: 70."""
    found = {(row["warehouse_id"], row["sku"]): row for row in shop_report.rows("stockouts")}
    kettle = found["W1", "S1"]
    assert {("W1", "S1"), ("W3", "S9")} == set(found)
    assert ("true", "2022-04-20T09:00:00Z", "15.0") == (kettle["is_new"], kettle["since"], kettle["hours_empty"])
    # One day in stock says nothing of what W2 needs, so it gives nothing.
    assert "order 70 from SUPP-1 now" == kettle["to_do"]
    # Three a day (84 sold on 28 days), five days until an order arrives, at 20 each.
    assert "300.0" == kettle["revenue_at_risk"]
    assert "false" == found["W3", "S9"]["is_new"]
    section = shop_report.page.sections["ran-out"]
    assert ["Kettle red S1", "W1", "15 h since 20 Apr 09:00"] == section.rows[1][:3]
    assert section.rows[1][-1].startswith("Order 70 from SUPP-1 now")


def test_orders_come_by_supplier_with_totals(shop_report):
    """Lamps at W1: 9 left of 100, the order_up_to. What is known of nobody comes last: S9 has twice the reorder of 20."""
    assert [("SUPP-1", "70", "1400.0"), ("SUPP-2", "91", ""), ("", "40", "")] == [
        (row["supplier_id"], row["quantity"], row["value"]) for row in shop_report.rows("orders")
    ]
    assert [] == shop_report.rows("transfers")
    document = shop_report.page
    assert "SUPP-1 1 line, 70 units, value 1,400, arrives in 5 days" in [
        row[0] for row in document.sections["order"].rows if row
    ]
    assert "Order 201 units from 2 suppliers (1 line has none known). 1 shelf will run out" in document.text
    # Kettles at W2, 55 of 60, are bought with the next order.
    assert "1 order can wait: inventory plan." in document.sections["order"].text


def test_what_no_limit_sees_is_in_headline_orders_and_moves(open_filled, build):
    """Ten a day, 20 left, five days of lead time, and no alert below 15: it is the plan that tells (RULES 42, 43)."""
    open_filled(two_warehouses)

    report = build(date(2022, 5, 19), today=date(2022, 5, 20))

    assert 0 == report.rendered.figures["firing"]
    assert (
        "Order 84 units from 1 supplier and move 30 units between warehouses. 1 shelf will run out before an order can "
        "arrive: Lamp at W1; no limit sees it."
    ) in report.page.text
    [lamp, unknown] = report.rows("running_out")
    # 69: demand of six days, 60, and 1.645 x 2.03 x the root of six.
    assert ("W1", "GLOBAL", "69", "true", "") == tuple(
        lamp[name] for name in ("warehouse_id", "rule", "seen_by_limit", "is_late", "alert_id")
    )
    assert "the rule GLOBAL is too low: a reorder of 69 would have seen it" in report.page.sections["order"].text
    # 50 until an order arrives, less 20 there; of W2's 500 all but its own 50 and its safety stock of 12 could go.
    assert [("W2", "30", "500", "470", "62")] == [
        tuple(
            row[name] for name in ("from_warehouse_id", "quantity", "sender_available", "sender_left", "sender_keeps")
        )
        for row in report.rows("transfers")
    ]
    # Without a lead time nobody knows by when to order: that is said, and no two weeks are assumed.
    assert ("S2", "", "", "", "2022-05-24") == tuple(
        unknown[name] for name in ("sku", "lead_time_days", "order_by_date", "order_quantity", "runs_out_date")
    )
    assert "For 1 no lead time is known, so nor is the day to order by." in report.page.text


def test_a_switched_off_shelf_is_listed_and_nobody_told(shop, build):
    """It is empty all the same; that nobody is told is worth a line."""
    muted = rule(None, None, level_type="SKU", level_id="S9", min_threshold_days=3, updated_at="2022-04-20T12:00:00Z")
    shop.commit_burst(messages(muted | {"alert_settings": {"enabled": False}}))

    report = build()

    [empty] = [row for row in report.rows("stockouts") if row["sku"] == "S9"]
    assert ("", "") == (empty["alert_id"], empty["revenue_at_risk"])
    assert empty["to_do"].startswith("no quantity is suggested")
    assert [] == [row for row in report.rows("orders") if row["sku"] == "S9"]
    assert "1 shelf without an alert: their thresholds are switched off" in report.page.sections["ran-out"].text


def test_an_alert_without_a_target_is_named_and_no_quantity_invented(shop, build):
    """A rule that says a minimum and no reorder threshold, of a SKU without order_up_to."""
    shop.commit_burst(messages(rule(10, None, level_type="SKU", level_id="S9", updated_at="2022-04-20T12:00:00Z")))

    report = build()

    assert [] == [row for row in report.rows("orders") if row["sku"] == "S9"]
    assert "1 alert without a quantity" in report.page.sections["order"].text
    assert "S9 at W3" in report.page.sections["order"].text


def test_what_will_run_out_comes_by_the_last_day_to_order(shop_report):
    """Lamps at W1: 9 left, 90 sold on 28 days: gone on the third day, against 10 to get more."""
    [lamp] = shop_report.rows("running_out")
    assert ("S2", "3.2143", "2", "10", "100") == tuple(
        lamp[name] for name in ("sku", "daily_units", "cover_days", "lead_time_days", "risk_percent")
    )
    # As of midnight after DAY; 2 - 10 days from then.
    assert ("2022-04-23", "2022-04-13", "true") == (lamp["runs_out_date"], lamp["order_by_date"], lamp["is_late"])


def test_the_headline_names_what_runs_out_before_an_order_can_arrive(engine, build):
    """It said 'nothing to order' above 23 shelves like this: no rule was set, so no alert fired."""
    import_products(engine, [Product("S1", lead_time_days=10), Product("S2", lead_time_days=2)])
    sold = [*sold_before("S1", "W1", 3), *sold_before("S2", "W1", 3)]
    engine.commit_burst(messages(*sold, opening("S1", "W1", 9), opening("S2", "W1", 9)))
    refresh_velocity(engine, DAY)

    report = build()

    # 2.89 a day with a deviation of 0.57: 54 over 17 days and 29 over 9, less 9 each.
    assert (
        "No shelf is empty. Order 65 units. 1 shelf will run out before an order can arrive: S1 at W1; no limit sees it."
        in report.page.text
    )
    assert "othing to order" not in report.manifest.headline
    assert [("S1", "true"), ("S2", "false")] == [(line["sku"], line["is_late"]) for line in report.rows("running_out")]


def test_a_kettlebell_that_a_flat_rule_does_not_see_is_in_plan_and_headline(engine, build):
    """106 left, 36 a day, thirteen days of lead time, a flat rule of 20 and 40: no alert, and 362 would not be sold."""
    import_products(engine, [Product("KB-16", product_name="Kettlebell", lead_time_days=13, unit_price=10.0)])
    sold = [transaction(f"T{day}", quantity=-36, at=f"2022-04-{day:02}T08:00:00Z", sku="KB-16") for day in range(1, 21)]
    opened = level(20 * 36 + 106, "2022-03-31T07:00:00Z", sku="KB-16")
    engine.commit_burst(messages(rule(20, 40, updated_at="2022-03-31T00:00:00Z"), opened, *sold))

    report = build()

    assert 0 == report.rendered.figures["firing"]
    # 36 a day for the lead time and the week to the next review, less what is left.
    assert (
        f"Order {20 * 36 - 106} units. 1 shelf will run out before an order can arrive: Kettlebell at W1; "
        "no limit sees it."
    ) in report.page.text
    [line] = report.rows("running_out")
    assert ("2022-04-23", "2022-04-10", "true", "100", str(14 * 36)) == tuple(
        line[name] for name in ("runs_out_date", "order_by_date", "is_late", "risk_percent", "seen_by_limit")
    )
    assert f"is too low: a reorder of {14 * 36} would have seen it" in line["why"]
    engine.land()
    [advice] = advise(
        engine.lake, ["KB-16"], PLAN_DEFAULTS, version=engine.state.version, day=date(2022, 4, 21)
    ).values()
    assert (614, 3_620.0, "too_late") == tuple(advice[name] for name in ("needed", "revenue_at_risk", "reason"))


@pytest.mark.big
def test_changes_are_since_the_report_before(shop, build):
    build(DAY)
    shop.commit_burst(
        messages(
            transaction("R1", "RESTOCK", 100, at="2022-04-21T08:00:00Z"),
            transaction("T3", quantity=-9, at="2022-04-21T09:00:00Z", sku="S2"),
            transaction("T4", quantity=-40, at="2022-04-21T10:00:00Z", warehouse_id="W2"),
        )
    )

    report = build(date(2022, 4, 21), today=date(2022, 4, 22))

    steps = {(row["step"], row["warehouse_id"], row["sku"]): row for row in report.rows("changes")}
    assert {("over", "W1", "S1"), ("worse", "W1", "S2"), ("new", "W2", "S1")} == set(steps)
    assert ("0", "100", "recovered") == tuple(
        steps["over", "W1", "S1"][name] for name in ("available_before", "available_now", "reason")
    )
    document = report.page
    assert "Shelves with an alert: 1 new, 1 got worse and 1 over." in document.text
    assert "the same" in document.text  # two shelves were empty, and two are


@pytest.mark.big
def test_a_changed_threshold_names_who_and_why(shop, build):
    build(DAY)
    shop.commit_burst(
        messages(
            rule(15, 30, updated_at="2022-04-21T06:00:00Z")
            | {"updated_by": "ana", "reason": "spring sale", "alert_settings": {"enabled": True}}
        )
    )

    report = build(date(2022, 4, 21), today=date(2022, 4, 22))

    [change] = report.rows("threshold_changes")
    assert ("GLOBAL", "changed", "min 10 -> 15, reorder 20 -> 30") == tuple(
        change[name] for name in ("scope", "action", "change")
    )
    assert ("ana", "spring sale") == (change["author"], change["reason"])


@pytest.mark.big
def test_late_events_of_earlier_days_are_said(shop, build):
    build(DAY)
    shop.commit_burst(messages(transaction("LATE", quantity=-1, at="2022-04-19T10:00:00Z", sku="S2")))

    document = build(date(2022, 4, 21), today=date(2022, 4, 22)).page

    assert "Late events have changed earlier days since the last report: 1 event for Tue 19 Apr." in document.text


def test_a_silent_warehouse_makes_the_data_doubtful(shop, build):
    """Over a day after its last event a warehouse is closed or has no feed any more; a night alone says nothing."""
    shop.commit_burst(messages(transaction("T5", quantity=-1, at="2022-04-21T11:00:00Z", sku="S2")))

    report = build(date(2022, 4, 21), today=date(2022, 4, 22))

    states = {row["warehouse_id"]: row["state"] for row in report.rows("warehouses")}
    assert {"W1": "quiet", "W2": "silent", "W3": "silent"} == states
    assert "The data have nothing from W2 and W3 for over a day" in report.page.text


def test_without_snapshots_the_report_says_what_is_missing(shop_report):
    document = shop_report.page

    assert "no daily snapshots yet: units sold and hours without stock are missing" in document.text
    assert "inventory snapshots build --from 2022-04-20 --to 2022-04-20" in document.text


def test_sales_are_against_the_same_weekday_before(shop, settings, build):
    stock = {"sku": "S1", "on_hand": 5, "available": 5, "is_active": True, "stockout_seconds": 1800}
    for day, units in ((date(2022, 4, 13), 10), (DAY, 15)):
        write_snapshots(settings, DAILY_STOCK, day, [stock | {"warehouse_id": "W1", "sold_units": units}])
        hours = [
            {"type": "ORDER", "status": status, "transactions": number, "quantity": -units}
            for status, number in (("COMPLETED", 9), ("CANCELLED", 1))
        ]
        write_snapshots(settings, HOURLY_TRANSACTIONS, day, hours)

    report = build()

    text = report.page.sections["sold"].text
    assert "15 units sold on Wed 20 Apr, 50 % more than on the Wednesday before (10)." in text
    assert "Of the orders that came to an end, 90.0 % were completed (90.0 % a week before)" in text
    assert [("2022-04-13", "10", "0.5"), ("2022-04-20", "15", "0.5")] == [
        (row["day"], row["sold_units"], row["stockout_hours"]) for row in report.rows("sales")
    ]


def test_the_same_version_and_date_give_the_same_bytes(shop, build, storage):
    first = build()
    before = {name: storage.read(name) for name in storage.sizes()}

    second = build()

    assert first.manifest == second.manifest
    assert before == {name: storage.read(name) for name in storage.sizes()}


@pytest.mark.big
def test_an_earlier_version_reads_as_it_did_when_it_was_the_latest(shop, settings, build, storage):
    """RULES 31: rows with `version <= n`, whatever was committed since."""
    first = build()
    before = first.content("orders.csv"), first.content("stockouts.csv")
    shop.commit_burst(messages(transaction("R1", "RESTOCK", 100, at="11:00")))
    assert before[1] != build().content("stockouts.csv")

    again = build(version=first.manifest.lake_version)

    assert first.manifest.files == again.manifest.files


def test_a_report_reads_one_version_whatever_is_committed_meanwhile(shop, settings):
    reader = LakeReader(settings)
    version = pin_version(reader.connection, None)
    before = reader.rows("SELECT sum(available) AS s FROM core.sku_state")

    shop.commit_burst(messages(transaction("R1", "RESTOCK", 100, at="11:00")))

    assert before == reader.rows("SELECT sum(available) AS s FROM core.sku_state")
    assert version == reader.rows("SELECT max(version) AS v FROM meta.versions")[0]["v"]
    assert version + 1 == pin_version(reader.connection, None)


def test_a_past_day_reads_what_its_own_report_would_have(shop, settings, build):
    """Nothing was committed by 03:00 after it, as the lake was filled since: the latest is all there is."""
    report = build(date(2022, 4, 19))

    assert 4 == report.manifest.lake_version


def test_a_lake_of_one_shelf_and_no_trade_has_a_report(engine, build):
    engine.commit_burst(messages(level(5)))

    document = build().page

    assert "No shelf is empty. Nothing to order or to move." in document.text
    assert "Every active shelf has stock." in document.text


def test_no_lake_is_said_and_leaves_no_report(settings, build):
    with pytest.raises(LakeMissingError):
        build()

    assert not (settings.home / "reports").exists()


def test_untouched_thresholds_of_a_first_report_are_only_the_days(shop_report):
    """A lake's whole set of rules is no change of the day."""
    assert [] == shop_report.rows("threshold_changes")


def test_the_default_period_is_the_last_that_events_fill(shop, settings):
    manifest, _ = make_report(settings, Kind.NIGHTLY, None, today=date(2026, 1, 1))

    # The last event is of the day's noon: it does not fill the day.
    assert "2022-04-19" == manifest.date


def test_a_running_day_is_reported_so_far(engine, build):
    """Who builds at noon sees the morning, and is told that it is no whole day."""
    now = datetime.now(UTC)
    engine.commit_burst([message(level(0, now.isoformat()), published_at=now)])

    report = build(now.date(), today=now.date())

    assert "this period is not over yet: what was sold is known when it is" in report.page.text
    # Nor is anybody told to build what cannot be built yet.
    assert "inventory snapshots" not in report.page.text
    assert report.manifest.as_of <= datetime.now(UTC)
