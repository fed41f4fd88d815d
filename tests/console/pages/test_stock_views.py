"""What a SKU's page says of its past: limits in days by what is sold, an outlook only where a plan looks beyond now."""

from datetime import date

import pytest

from inventory_assets.console.pages.stock_views import Past, chart_of, marked
from inventory_assets.domain.stock.shelf_history import ledger_of
from inventory_assets.domain.values import DAY_US
from inventory_assets.queries.shelf_history import SkuHistory
from inventory_assets.words.stock_chart import Outlook
from tests.builders import level, messages, transaction
from tests.domain.stock.test_shelf_history import SEVEN, history, limits

DAY_AFTER = SEVEN + DAY_US


def past(*, plan=None, warehouse="W1", rows=None, last=DAY_AFTER):
    events, _ = history(
        messages(level(100), transaction("R1", "RESTOCK", 5), transaction("T1", quantity=-60, at="09:00"))
    )
    alert = {"alert_id": "a/1", "warehouse_id": "W1", "alert_type": "LOW_STOCK", "priority": "HIGH", "state": "firing",
             "opened_us": SEVEN + DAY_US // 12, "resolved_us": None}  # fmt: skip
    found = SkuHistory(
        ["W1"], ledger_of(events), [alert], rows or [limits(1, 50, None) | {"warehouse_id": "W1"}],
        {"W1": {"plan_date": date(2022, 4, 20), "horizon_days": 10, "projected": 20, "projected_low": 5,
                "projected_high": 40} | (plan or {})},
    )  # fmt: skip
    return Past(found, last=last, days=7, warehouse=warehouse)


def test_an_outlook_is_the_plans_from_now_to_its_horizon():
    found = past().outlook()

    assert Outlook(DAY_AFTER, found.ends, 20, 5, 40) == found
    assert 10 * DAY_US > found.ends - DAY_AFTER > 8 * DAY_US


@pytest.mark.parametrize("plan", [{"projected": None}, {"horizon_days": None}, {"plan_date": date(2022, 4, 1)}])
def test_a_plan_that_says_nothing_of_what_comes_is_no_outlook(plan):
    assert past(plan=plan).outlook() is None
    assert past(warehouse=None).outlook() is None


def test_of_a_past_moment_nothing_is_expected():
    assert chart_of(past(), "S1", daily_units=None, is_now=False)["outlook"] is None


def test_limits_in_days_are_drawn_by_what_is_sold():
    rows = [limits(1, None, None, min_threshold_days=4.0, warehouse_id="W1")]

    drawn = chart_of(past(rows=rows), "S1", daily_units=2.1, is_now=True)

    assert drawn["limits"]["low"] and not drawn["limits"]["reorder"]
    assert not chart_of(past(rows=rows), "S1", daily_units=None, is_now=True)["limits"]["low"]


def test_what_is_marked_is_told_newest_first():
    assert ["Low stock", "arrival"] == [each["what"] for each in marked(past())]
    assert "/alerts/a%2F1" == marked(past())[0]["href"]


def test_what_came_after_a_moment_is_not_told():
    early = past(last=SEVEN)

    assert [] == marked(early)
    assert [100] == [row["available"] for row in early.shelves()]
    assert ["LEVEL"] == [each["kind"] for each in early.entries(0, 50)]
