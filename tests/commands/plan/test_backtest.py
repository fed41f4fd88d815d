"""`inventory plan backtest` as a planner uses it."""

import pytest

from inventory_assets.ingest.engine import Engine
from tests.builders import transaction
from tests.replenish import shop


def _fill(engine: Engine) -> None:
    shop.fill(engine)
    shop.take(engine, *(transaction(f"N{n}", quantity=-10, at=f"2022-05-2{n}T08:00:00Z") for n in range(5)))


@pytest.fixture(scope="module")
def shop_home(filled, tmp_path_factory):
    """A shop with 30 days of sales and five more. Read it only."""
    return filled(_fill, tmp_path_factory.mktemp("shop"))


@pytest.fixture
def home(shop_home):
    return shop_home


def test_a_row_for_the_plan_the_rules_and_what_happened(run):
    found = run("plan", "backtest", "--days", "4", "--format", "json")

    assert 0 == found.code, found.err
    assert ["plan", "plan_urgent", "order_up_to", "history"] == [row["policy"] for row in found.rows]
    assert 1 == len({row["asked"] for row in found.rows})


def test_the_table_fits_a_terminal_and_says_what_is_left_out_and_estimated(run):
    found = run("plan", "backtest", "--days", "4")

    assert "what happened" in found.out and "2022-05-20 to 2022-05-23: 2 shelves" in found.out
    assert max(map(len, found.out.splitlines())) <= 160
    assert "no lead time is known: 1 shelf" in found.err and "Estimated" in found.err


def test_listed_orders_name_their_day_and_shelf(run):
    found = run("plan", "backtest", "--days", "4", "--list", "orders", "--format", "json")

    assert {"policy": "plan", "day": "2022-05-20", "warehouse_id": "W1", "sku": "S1", "from_warehouse_id": None} == {
        name: value for name, value in found.rows[0].items() if name != "quantity"
    }


def test_a_shelf_that_nobody_has_is_named(run):
    found = run("plan", "backtest", "--warehouse", "W9")

    assert 1 == found.code
    assert "no shelf is of warehouse 'W9'" in found.err
