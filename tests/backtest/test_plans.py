"""Back-tests of the plan over a lake: what they read, and that the future of a lake changes nothing before it."""

from datetime import date, timedelta

import pytest

from inventory_assets.backtest.plans import Chosen, figures, list_placed, try_plan
from inventory_assets.backtest.run import NoHistoryError
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults
from inventory_assets.settings import Settings
from tests.builders import level, rule, transaction
from tests.facts import rows
from tests.replenish import shop

FIRST = shop.DAY
SETTINGS = PlanSettings()


def fill(engine):
    shop.fill(engine)
    shop.plan(engine)


@pytest.fixture
def engine(open_filled):
    """The shop up to the plan's day; its plan is made."""
    return open_filled(fill)


def at(day, hour=8):
    return f"{FIRST + timedelta(days=day)}T{hour:02}:00:00Z"


def week(sold, *more):
    """Seven days of sales at W1 from the plan's day on, the documents of `more` among them."""
    found = [transaction(f"N{day}", quantity=-units, at=at(day), sku="S1") for day, units in enumerate(sold) if units]
    return [*found, *more]


def tried(engine, *, days=7, until=FIRST + timedelta(days=7), chosen=Chosen()):  # noqa: B008
    engine.land()
    return try_plan(engine.lake, SETTINGS, ThresholdDefaults(), days=days, until=until, chosen=chosen)


def by_policy(trial):
    return {row["policy"]: row for row in figures(trial)}


def test_the_first_orders_are_those_of_the_plan_that_was_made_that_day(engine):
    """The same function of the same facts: back-test and plan cannot drift apart."""
    shop.take(engine, *week([10] * 7))

    placed = {
        (each["warehouse_id"], each["sku"], each["quantity"])
        for each in list_placed(tried(engine), is_transfers=False)
        if each["policy"] == "plan" and each["day"] == FIRST
    }

    made = rows(engine.lake, "SELECT warehouse_id, sku, order_quantity FROM out.plans WHERE order_quantity > 0")
    assert placed
    # Without a lead time there is a line, and no day on which its order would come.
    assert placed == {each for each in made if each[1] == "S1"}


def test_it_moves_what_the_plan_of_that_day_moves(engine):
    shop.take(engine, *week([10] * 7))

    moved = [
        each
        for each in list_placed(tried(engine), is_transfers=True)
        if (each["policy"], each["day"]) == ("plan", FIRST)
    ]

    [(units,)] = rows(engine.lake, "SELECT transferred_in FROM out.plans WHERE transferred_in > 0")
    assert [("W2", "W1", units)] == [(m["from_warehouse_id"], m["warehouse_id"], m["quantity"]) for m in moved]


def test_what_a_lake_takes_in_of_later_days_changes_no_order_before(filled, open_engine, tmp_path):
    """A leak would show: from the fourth day on all is another, rules of stock documents too."""
    found = []
    for number, later in enumerate(
        (
            week([9, 11, 30]),
            week(
                [9, 11, 30, 500, 0, 3, 8],
                transaction("R9", "RESTOCK", 700, at(3, 6)),
                level(2, at(4), min_threshold=900, reorder_threshold=950),
                level(0, at(5), sku="S1", warehouse_id="W2"),
                transaction("A9", "ADJUSTMENT", -9, at(5, 9)),
            ),
        )
    ):
        engine = open_engine(chosen=Settings(home=filled(fill, tmp_path / str(number))))
        shop.take(engine, *later)
        trial = tried(engine)
        found.append(
            [
                each
                for is_transfers in (False, True)
                for each in list_placed(trial, is_transfers=is_transfers)
                if each["day"] <= FIRST + timedelta(days=3)
            ]
        )

    assert found[0]
    assert found[0] == found[1]


def test_what_happened_is_counted_from_the_restocks_and_the_days_without_stock(engine):
    """20 left: two days of ten, and then a restock of 50 on the fifth; two days ask for what nobody sees."""
    shop.take(engine, *week([10, 10, 0, 0, 10, 10, 10], transaction("R1", "RESTOCK", 50, at(4, 6))))
    row = by_policy(tried(engine, chosen=Chosen("W1")))["history"]

    assert (50, 1, 50) == (row["sold"], row["orders"], row["ordered_units"])
    # 10 a day on average before.
    assert (70, 20, round(50 / 70, 4)) == (row["asked"], row["lost"], row["service_level"])
    assert round((10 + 0 + 0 + 0 + 40 + 30 + 20) / 7, 1) == row["held_units"]
    assert (0.0, 40.0) == (row["periods_in_stock"], row["lost_value"])


def test_all_are_asked_for_the_same(engine):
    shop.take(engine, *week([10, 10, 0, 0, 30, 10, 10], transaction("R1", "RESTOCK", 50, at(4, 6))))
    found = by_policy(tried(engine))

    assert 1 == len({row["asked"] for row in found.values()})
    assert all(row["asked"] == row["sold"] + row["lost"] for row in found.values())


def test_shelves_are_counted_that_are_asked_for_and_tried_with_all_of_their_sku(engine):
    """W2 gives, so that W1 sells: counted or not."""
    shop.take(engine, *week([10] * 7))
    one, both = by_policy(tried(engine, chosen=Chosen("W1"))), by_policy(tried(engine))

    assert one["plan"]["sold"] <= both["plan"]["sold"]
    assert one["plan"]["transfers"] == both["plan"]["transfers"] == 1
    assert one["plan"]["held_units"] < both["plan"]["held_units"]


def test_a_back_test_leaves_the_lake_as_it_was(engine):
    before = rows(engine.lake, "SELECT max(version) FROM meta.versions")
    tried(engine, until=FIRST)

    assert before == rows(engine.lake, "SELECT max(version) FROM meta.versions")


def test_without_a_lead_time_a_shelf_is_left_out_and_told(engine):
    assert 1 == tried(engine, until=FIRST).left_out


def test_without_any_lead_time_there_is_nothing_to_try(open_engine):
    engine = open_engine()
    shop.take(engine, *shop.trade("S2", 45))

    with pytest.raises(NoHistoryError, match="nobody knows when an order would have come"):
        tried(engine, until=FIRST)


@pytest.mark.parametrize(
    ("until", "chosen", "text"),
    [
        (date(2020, 1, 1), Chosen(), "no stock event before 2020-01-01"),
        (FIRST, Chosen("W9"), "no shelf is of warehouse 'W9'"),
        (FIRST, Chosen("W1", supplier_id="?'"), """no shelf is of warehouse 'W1' and supplier "?'\""""),
    ],
)
def test_where_there_is_nothing_to_try_it_says_so(engine, until, chosen, text):
    with pytest.raises(NoHistoryError) as caught:
        tried(engine, until=until, chosen=chosen)
    assert text in str(caught.value)


def test_an_empty_lake_is_named(open_engine):
    engine = open_engine()
    shop.take(engine, rule(10, 20))

    with pytest.raises(NoHistoryError, match="no stock event yet"):
        tried(engine, until=None)
