"""What to do is said in the same words in a terminal, on a page and in a mail."""

from datetime import date

import pytest

from inventory_assets.console.pages.views import steps_of
from inventory_assets.notify.message.sample import sample_notification
from inventory_assets.replenish.present import Present, listed
from inventory_assets.words.advice import (
    action_lines,
    action_sentence,
    days_left,
    difference_sentence,
    fields,
    nothing_because,
    outlook_lines,
    steps,
    why,
)

# 45 left, nine a day, twelve days of lead time; TEST-WEST can spare 60.
SAMPLE = sample_notification("x").alerts[0].line
NOTHING = {
    "transfers": None, "transferred_in": 0, "needed": 0, "order_quantity": 0, "revenue_at_risk": None,
    "runs_out_on": None, "order_by": None,
}  # fmt: skip
NO_DEMAND = {
    "not_known": "demand", "daily_units": None, "daily_deviation": None, "demand": None, "risk_percent": None,
    "model": None, "runs_out_on": None, "order_by": None, "revenue_at_risk": None,
}  # fmt: skip


def line(**more):
    """The sample's line, another in some fields."""
    return {**SAMPLE, **more}


def row(found):
    """The same as the console's list has it."""
    return listed({"body": {}}, Present(45, 0, 0, found))


def told(suggested):
    """A message's body that suggests so many."""
    return {"restock_recommendation": None if suggested is None else {"suggested_quantity": suggested}}


def test_moves_come_first_and_then_the_order_and_why():
    found = line(order_quantity=1_100)

    assert ["move 60 here from TEST-WEST", "order 1,100 from TEST-SUPPLIER now"] == steps(found)
    assert "Move 60 here from TEST-WEST, order 1,100 from TEST-SUPPLIER now" == action_sentence(found)
    assert [
        "Move 60 here from TEST-WEST (leaves TEST-WEST 100, it keeps at least 100)",
        "Order 1,100 from TEST-SUPPLIER now, lead time 12 days, in packs of 10",
        "Why: empty before an order can arrive",
    ] == action_lines(found)
    assert ["Move 60 here from TEST-WEST", "order 1,100 from TEST-SUPPLIER now"] == steps_of(row(found))


def test_an_order_that_is_in_time_says_by_when():
    found = line(reason="due", order_by=date(2026, 1, 6), transfers=None)

    assert ["order 100 from TEST-SUPPLIER by 2026-01-06"] == steps(found)


def test_the_rule_that_does_not_see_it_is_named_with_the_one_that_would():
    found = line(rule="GLOBAL", seen_by_limit=516)

    assert "the rule GLOBAL is too low: a reorder of 516 would have seen it" in why(found)


def test_what_is_not_known_of_a_supplier_is_not_said():
    found = line(supplier_id=None, lead_time_days=None, pack_multiple=None, transfers=None, reason="below_limit",
                 **{**NO_DEMAND, "not_known": "demand,lead_time,supplier"})  # fmt: skip

    assert "Order 100" == action_sentence(found) == action_lines(found)[0]
    assert why(found).endswith(
        "not known: demand (under 14 days with stock, or under 3 with a sale), lead time and supplier"
    )
    assert [] == outlook_lines(found)
    assert days_left(found) is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        # The stock and what comes are enough.
        ({"reason": "enough"}, "nothing to order: enough"),
        ({"reason": "limit_is_high"}, "nothing to order: enough for its demand, though a limit in force asks for more"),
        # No order ends what its own target keeps low.
        ({"reason": "below_limit", "target": 30, **NO_DEMAND},
         "nothing to order: its target 30 is reached, so no order ends the alert; raise order_up_to"),
        ({"reason": "below_limit", "inbound": 60, **NO_DEMAND}, "nothing to order: the 60 on the way fill it"),
        ({"reason": "below_limit", "target": 30, "inbound": 5, **NO_DEMAND},
         "nothing to order: its target 30 is reached, so no order ends the alert; raise order_up_to"),
    ],
)  # fmt: skip
def test_why_nothing_is_to_be_ordered_is_said_wherever_it_is(more, said):
    found = line(**(NOTHING | more))

    assert [said] == steps(found)
    assert "N" + said[1:] == action_sentence(found) == action_lines(found)[0] == steps_of(row(found))[0]
    assert (
        said
        == f"nothing to order: {nothing_because(found)}"
        == f"nothing to order: {row(found)['nothing_because_now']}"
    )


def test_a_shelf_that_cannot_be_saved_is_never_done_with():
    """What was ordered comes too late: there is nothing more to order, and something to do."""
    for reason in ("too_late", "out"):
        found = line(**(NOTHING | {"reason": reason, "inbound": 300, "accepted": 40}))

        assert ["chase the 340 on the way"] == steps(found)


def test_no_quantity_is_made_up_where_nothing_says_one():
    found = line(
        **(NOTHING | NO_DEMAND | {"order_quantity": None, "needed": None, "target": None, "reason": "unknown"})
    )
    said = "no quantity is suggested: no limit or order_up_to says what it should hold, and its demand is not known"

    assert [said] == steps(found)
    assert "N" + said[1:] == steps_of(row(found))[0]
    assert "" == nothing_because(found)
    assert (None, None) == tuple(row(found)[name] for name in ("transfers_now", "order_now"))


def test_a_message_that_suggests_another_quantity_is_explained():
    """The wire's is of the key alone (RULES 30), so both are said."""
    assert (
        "The message suggests 160, what fills the shelf by its limits alone; the plan asks for 100 and 60 moved here: "
        "demand of 171 over the next 19 days"
    ) == difference_sentence(told(160), SAMPLE)
    assert "The message suggests no quantity" in difference_sentence(told(None), SAMPLE)
    assert "the plan asks for no quantity" in difference_sentence(
        told(8), line(**(NO_DEMAND | {"order_quantity": None}))
    )
    assert "" == difference_sentence(told(100), line(transfers=None)) == difference_sentence(told(100), None)


def test_without_demand_what_the_message_does_not_count_is_named():
    found = line(**(NOTHING | NO_DEMAND | {"accepted": 40, "order_quantity": 60, "reason": "below_limit"}))

    assert difference_sentence(told(100), found).endswith("the plan asks for 60: 40 accepted before")


def test_a_warehouse_with_a_hostile_name_stays_on_its_line():
    found = line(transfers='[{"from":"W\\r\\n\\u202e2","to":"TEST-EAST","quantity":1,"leaves":8,"keeps":0}]')

    assert r"move 1 here from W\u000d\u000a\u202e2" == steps(found)[0]


def test_programs_get_the_words_and_the_numbers():
    found = fields(SAMPLE)

    assert ("2026-01-05", 100, []) == (found["runs_out_on"], found["order_quantity"], found["not_known"])
    assert "needed 95 = target 200 − available 45 − moved here 60" in found["sums"]
    assert fields(None) is None


def test_a_season_is_said_where_the_forecast_is():
    """Whose, by how much, and over how many days; a SKU's name as it is, the levels as words."""
    seasonal = line(season_of="CATEGORY GARDEN TOOLS", season_factor=1.4178)

    assert (
        "Sells 9 a day, × 1.42 over 19 days for the season of category GARDEN TOOLS: runs out on"
        in outlook_lines(seasonal)[0]
    )
    assert difference_sentence(told(7), seasonal).endswith(
        "demand of 171 over the next 19 days, by the season of category GARDEN TOOLS"
    )
    assert ("CATEGORY GARDEN TOOLS", 1.4178) == tuple(fields(seasonal)[name] for name in ("season_of", "season_factor"))
    assert "season of SKU S 1" in outlook_lines(line(season_of="SKU S 1", season_factor=0.5))[0]
    assert "season" not in " ".join(outlook_lines(line())) + difference_sentence(told(7), line())
