"""`out.plans`: what a plan reads, what it keeps, and what a replay makes of it."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.decisions import make_line_id
from inventory_assets.domain.replenish.plan import make_plan
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.refresh.products import import_products
from inventory_assets.replenish.make import frame_lines, plan_lines
from inventory_assets.replenish.read import Read, read_shelves
from inventory_assets.words.advice import steps, why
from inventory_assets.words.plan import order_by_day
from tests.builders import envelope, level, rule, transaction
from tests.domain.replenish.network import Shelf, network
from tests.facts import differences, rows, warm
from tests.hunting import some
from tests.replenish.shop import DAY, SETTINGS, fill, plan, take

LINES = (
    "SELECT line_id, reason, order_quantity, transferred_in, transferred_out, available, inbound FROM out.plans "
    "ORDER BY ALL"
)
DAYS = "SELECT substr(line_id, 5, 8) AS day, sku FROM out.plans ORDER BY ALL"


@pytest.fixture
def engine(open_filled):
    return open_filled(fill)


def test_a_line_for_every_shelf_with_its_sum_and_what_is_not_known(engine):
    (commit,) = plan(engine)

    assert 3 == commit.counts["plan_lines"]
    assert [
        # 132 for twelve days, less 20 there and 30 moved, is 82: in sixes 84.
        ("pln-20220520-W1-S1", "too_late", 84, 30, 0, 20, 0),
        ("pln-20220520-W1-S2", "unknown", None, 0, 0, 45, 0),
        ("pln-20220520-W2-S1", "enough", 0, 0, 30, 500, 0),
    ] == rows(engine.lake, LINES)
    assert [("ACME", None, 7, 0.95, 12), (None, "lead_time,price,supplier,pack", 7, 0.95, None)] == rows(
        engine.lake,
        "SELECT supplier_id, not_known, review_days, service_level, horizon_days FROM out.plans "
        "WHERE warehouse_id = 'W1' ORDER BY sku",
    )
    assert [('[{"from":"W2","to":"W1","quantity":30,"leaves":470,"keeps":62}]',)] == rows(
        engine.lake, "SELECT DISTINCT transfers FROM out.plans WHERE transfers IS NOT NULL"
    )
    assert [("GLOBAL", 69)] == rows(
        engine.lake, "SELECT rule, seen_by_limit FROM out.plans WHERE seen_by_limit IS NOT NULL"
    )


def test_made_again_it_writes_nothing_and_changed_lines_alone_are_new(engine):
    take(engine, level(7, "2022-05-18T08:00:00Z", sku="S3"))
    plan(engine)

    assert [] == plan(engine)
    take(engine, transaction("T9", quantity=-5, at="2022-05-20T09:00:00Z", sku="S2"))
    (commit,) = plan(engine)
    assert 1 == commit.counts["plan_lines"]
    assert {"20220520"} == {row[0] for row in rows(engine.lake, DAYS)}


def test_the_next_day_every_line_is_another(engine):
    """The date is in a line's id, so a line of yesterday is superseded, whatever it says (RULES 42)."""
    take(engine, level(7, "2022-05-18T08:00:00Z", sku="S3"))
    plan(engine)
    (commit,) = plan(engine, date(2022, 5, 21))

    # The figures of S3, which nobody forecasts, are those of the day before.
    assert 4 == commit.counts["plan_lines"]
    assert [("20220521", "S1"), ("20220521", "S1"), ("20220521", "S2"), ("20220521", "S3")] == rows(engine.lake, DAYS)
    assert [] == plan(engine, date(2022, 5, 21))


@pytest.mark.big
def test_other_settings_are_another_plan(engine):
    plan(engine)
    plan(engine, settings=PlanSettings(review_days=14, service_level=0.5))

    assert [(14, 0.5)] == rows(engine.lake, "SELECT DISTINCT review_days, service_level FROM out.plans")


def test_a_shelf_that_is_gone_has_no_line(engine):
    plan(engine)
    take(
        engine,
        envelope(None, 40 * 86_400, operation="delete", document_key={"warehouse_id": "W1", "sku": "S2"}),
    )
    plan(engine, date(2022, 5, 21))

    assert ["pln-20220521-W1-S1", "pln-20220521-W2-S1"] == [row[0] for row in rows(engine.lake, LINES)]
    assert ("W1", "S2") not in {key for key, line in engine.state.plan_lines.items() if line is not None}
    assert [] == differences(engine)


def test_replay_reload_and_rebuild_have_the_lines_too(engine):
    plan(engine)
    before = warm(engine.state)

    assert [] == differences(engine)
    assert 84 == before["plan_lines"]["W1", "S1"].quantity
    engine.drop_state()
    assert before == warm(engine.state)


def test_a_dynamic_rules_own_service_level_comes_first(engine):
    take(engine, rule(None, None, level_type="SKU", level_id="S1", mode="dynamic", service_level=0.999))
    plan(engine)

    assert [(0.999, 142)] == rows(
        engine.lake, "SELECT service_level, target FROM out.plans WHERE warehouse_id = 'W1' AND sku = 'S1'"
    )


def test_what_is_on_its_way_is_all_that_the_state_calls_inbound(engine):
    """An arrival for every unit inbound: else a projection would lack what the sum has."""
    take(
        engine,
        transaction("R1", "RESTOCK", 40, "2022-05-16T08:00:00Z", status="PENDING"),
        transaction("R2", "RESTOCK", 7, "2022-05-10T08:00:00Z", status="PENDING"),
        transaction("R3", "RESTOCK", 99, "2022-05-12T08:00:00Z", status="PENDING"),
        transaction("R3", "RESTOCK", 99, "2022-05-13T08:00:00Z", status="CANCELLED"),
        transaction("B1", "RETURN", 3, "2022-05-19T08:00:00Z", status="PENDING"),
        transaction("X1", "TRANSFER", 11, "2022-05-19T08:00:00Z", status="SHIPPED", warehouse_id="W2", to_warehouse_id="W1"),
        transaction("X2", "TRANSFER", 13, "2022-05-19T08:00:00Z", status="PENDING", warehouse_id="W2", to_warehouse_id="W1"),
        transaction("O1", "ORDER", -2, "2022-05-19T09:00:00Z", status="PENDING"),
    )  # fmt: skip
    engine.land()
    read = read_shelves(engine.lake, engine.state.version, DAY)
    row = next(
        n
        for n, each in enumerate(read.rows.iter_rows(named=True))
        if (each["warehouse_id"], each["sku"]) == ("W1", "S1")
    )
    coming = read.shelves.arrivals
    mine = coming.row == row

    assert 40 + 7 + 3 + 11 == coming.quantity[mine & coming.is_inbound].sum() == read.shelves.inbound[row]
    assert [(-5, 7), (0, 3), (0, 11), (1, 40)] == sorted(
        zip(
            coming.day[mine & coming.is_inbound].tolist(),
            coming.quantity[mine & coming.is_inbound].tolist(),
            strict=True,
        )
    )
    assert 13 == read.shelves.announced[row]
    assert 18 == read.shelves.available[row]


@pytest.mark.big
def test_some_skus_have_the_lines_of_the_whole(engine):
    import_products(engine, [Product(sku="S2", lead_time_days=3)])
    take(engine, level(3, "2022-05-20T08:00:00Z", sku="S'3", warehouse_id="W2"))
    engine.land()
    whole = plan_lines(engine.lake, engine.state.version, DAY, SETTINGS)

    for sku in ("S1", "S2", "S'3"):
        part = plan_lines(engine.lake, engine.state.version, DAY, SETTINGS, skus=[sku])
        assert whole.filter(whole["sku"] == sku).rows() == part.rows() != []


def test_an_empty_lake_plans_nothing(open_engine):
    engine = open_engine()
    take(engine, rule(1, 2))

    assert [] == plan(engine)


def test_every_lines_id_is_its_own(engine):
    plan(engine)

    for line_id, day, *key in rows(engine.lake, "SELECT line_id, plan_date, warehouse_id, sku FROM out.plans"):
        assert make_line_id(day, *key) == line_id


# ---- what lines say never contradicts them (docs/adr/0032)

SHELVES = st.lists(
    st.builds(
        Shelf,
        sku=st.integers(1, 2), warehouse=st.integers(1, 3), available=st.integers(-5, 200),
        sales=st.sampled_from([(10,), (8, 12), (0, 0, 6), (0,), (30, 0, 40)]),
        arrivals=st.lists(st.tuples(st.integers(-30, 9), st.integers(1, 150)), max_size=2),
        on_the_road=st.lists(st.tuples(st.integers(-5, 1), st.integers(1, 60)), max_size=1),
        accepted=st.just(0) | st.integers(0, 90), lead_time_days=st.none() | st.integers(0, 14),
        order_up_to=st.none() | st.integers(0, 250), reorder_qty=st.none() | st.integers(0, 60),
        pack_multiple=st.none() | st.integers(1, 12),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def lines_of(shelves, asked):
    """A network's lines, as a plan of a lake has them."""
    found = network(*shelves)
    whole = {name: [getattr(each, name) for each in shelves] for name in ("available", "inbound", "pack_multiple",
             "min_order_qty", "order_up_to", "lead_time_days")}  # fmt: skip
    rows_ = pl.DataFrame({
        "warehouse_id": [f"W{each.warehouse}" for each in shelves], "sku": [f"S{each.sku}" for each in shelves],
        "supplier_id": ["ACME"] * len(shelves), "category_id": [None] * len(shelves), "rule": [None] * len(shelves),
        **whole,
    }, strict=False)  # fmt: skip
    plan_ = make_plan(found, DAY, asked)
    return frame_lines(Read(rows_, found, [None] * len(shelves)), plan_, 1, DAY, asked).to_dicts()


@settings(max_examples=some(80), deadline=None)
@given(SHELVES, st.integers(1, 14))
def test_words_are_those_of_the_dates_and_every_urgent_line_has_a_step(shelves, review_days):
    next_review = DAY + timedelta(days=review_days)
    for shelf, line in zip(shelves, lines_of(shelves, PlanSettings(review_days=review_days)), strict=True):
        said, reason = steps(line), line["reason"]

        assert said and all(said) and "None" not in " ".join([*said, why(line)])
        if reason == "due":
            assert line["is_urgent"] and line["order_by"] < next_review
        if reason == "at_risk":
            assert line["is_order_urgent"] and line["order_by"] >= next_review and line["waiting_risk_percent"] >= 20
            assert order_by_day(line) == next_review - timedelta(days=1)
            assert "before the next review" in said[
                -1
            ] and f"by the forecast it lasts until {line['runs_out_on']}" in why(line)
        if reason == "not_yet":
            assert line["waiting_risk_percent"] <= 20
            assert line["order_by"] is None or line["order_by"] >= next_review
            assert line["order_quantity"] > 0 and f"can wait for the review of {next_review}" in why(line)
        if line["order_quantity"]:
            assert line["is_order_urgent"] == (f"at the review of {next_review}" not in said[-1])
            if " by " in said[-1]:
                assert f" by {line['order_by']}" in said[-1] and line["order_by"] < next_review
        assert line["is_urgent"] or not line["is_order_urgent"]
        if line["is_urgent"] and said[0].startswith("nothing to order"):
            # Only where nothing that is known would have it hold more.
            assert line["target"] <= line["available"] or reason == "below_limit"
        if line["overdue"]:
            assert line["overdue_since"] < DAY and f"{line['overdue']:,} overdue since" in why(line)
        if shelf.available <= 0 and line["demand"] is not None and np.any(np.array(shelf.sales) > 0):
            assert line["revenue_at_risk"] > 0
