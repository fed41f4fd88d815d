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
from inventory_assets.words.plan import order_by_day, outlook_text
from inventory_assets.words.text import capital

# 45 left, nine a day, twelve days of lead time; TEST-WEST can spare 60.
SAMPLE = sample_notification("x").alerts[0].line
NOTHING = {
    "transfers": None, "transferred_in": 0, "needed": 0, "order_quantity": 0, "revenue_at_risk": None,
    "runs_out_on": None, "order_by": None, "is_order_urgent": False,
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
         "nothing to order: its target 30 is reached, so no order ends the alert; raise its order-up-to level"),
        ({"reason": "below_limit", "inbound": 60, "method": None, **NO_DEMAND},
         "nothing to order: the 60 on the way fill it"),
        ({"reason": "below_limit", "target": 30, "inbound": 5, **NO_DEMAND},
         "nothing to order: its target 30 is reached, so no order ends the alert; raise its order-up-to level"),
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


ON_THE_WAY = {"inbound": 300, "accepted": 40, "target": 330}
COMES = {"arriving": 300, "arrives_on": date(2026, 1, 9)}
LATE = {"overdue": 300, "overdue_since": date(2025, 12, 3), "order_without_overdue": 290}


def test_a_limit_is_broken_until_goods_come():
    found = NOTHING | NO_DEMAND | {"reason": "below_limit", "inbound": 300}

    assert ["wait for the 300 due on 2026-01-09"] == steps(line(**found | COMES))
    assert ["ask when the 300 on the way come: no lead time is known"] == steps(line(**found))


@pytest.mark.parametrize("reason", ["too_late", "out"])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        # When they come is known, is past, or is not known.
        (COMES | {"revenue_at_risk": 120.4}, "wait for the 300 due on 2026-01-09 (120 of revenue at risk until then)"),
        (COMES, "wait for the 300 due on 2026-01-09"),
        (LATE, "chase TEST-SUPPLIER for the 300 overdue since 2025-12-03 (if they do not come, order 290)"),
        (LATE | {"supplier_id": None, "order_without_overdue": 0}, "chase the 300 overdue since 2025-12-03"),
        ({}, "ask when the 340 on the way come: no lead time is known"),
        # A line of releases before does not say.
        ({"method": None, "is_order_urgent": None, "overdue": None}, "chase the 340 on the way"),
    ],
)
def test_a_shelf_that_cannot_be_saved_is_never_done_with(reason, more, said):
    """What was ordered comes too late: there is nothing more to order, and something to do."""
    found = line(**(NOTHING | ON_THE_WAY | {"reason": reason} | more))

    assert [said] == steps(found)
    assert "" == nothing_because(found)
    assert capital(said) == action_lines(found)[0] == steps_of(row(found))[0]


def test_a_top_up_of_a_shelf_that_goods_fill_can_wait():
    """Nobody is told to order now what is for afterwards."""
    found = line(**(NOTHING | ON_THE_WAY | COMES | {"reason": "out", "available": 0, "order_quantity": 20, "needed": 20,
                                                    "revenue_at_risk": 45.0}))  # fmt: skip

    assert [
        "wait for the 300 due on 2026-01-09 (45 of revenue at risk until then)",
        "order 20 from TEST-SUPPLIER at the review of 2026-01-08",
    ] == steps(found)
    assert "Revenue at risk until the 300 due on 2026-01-09 are there: 45.00" in outlook_lines(found)[-1]


def test_what_is_overdue_is_said_with_what_to_order_instead():
    found = line(**(NOTHING | LATE | {"reason": "out", "available": 0, "order_quantity": 48, "needed": 48,
                                      "order_without_overdue": 120, "is_order_urgent": True,
                                      "order_by": date(2025, 12, 20)}))  # fmt: skip

    assert [
        "chase TEST-SUPPLIER for the 300 overdue since 2025-12-03 (needed now; no order comes in time any more: if they do not come, order 120 instead of 48)",
        "order 48 from TEST-SUPPLIER now",
    ] == steps(found)
    assert "300 overdue since 2025-12-03" in why(found)
    assert "order 120 without the 300 overdue, in doubt" in fields(found)["sums"]
    assert ("2025-12-03", 300) == tuple(fields(found)[name] for name in ("overdue_since", "overdue"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"runs_out_on": date(2026, 1, 15), "order_by": date(2026, 1, 3)},
         "needed by 2026-01-15; if they are not sure by 2026-01-03, order 290 that day: later no order comes in time"),
        ({"runs_out_on": date(2026, 1, 15), "order_by": date(2026, 1, 1), "transferred_in": 9},
         "needed by 2026-01-15, without the 9 moved here; if they are not sure by 2026-01-01, order 290 that day: "
         "later no order comes in time"),
        ({"runs_out_on": date(2026, 1, 5), "order_by": date(2025, 12, 31)},
         "needed by 2026-01-05; no order comes in time any more: if they do not come, order 290"),
        (NO_DEMAND, "by when they are needed is not known; if they do not come, order 290"),
        ({"runs_out_on": date(2026, 1, 15), "order_without_overdue": 0}, "needed by 2026-01-15"),
    ],
)  # fmt: skip
def test_a_chase_says_until_when_it_is_of_use(more, said):
    """`order_by` leaves the overdue goods out: up to that day an order in their place comes in time."""
    found = line(**(NOTHING | LATE | {"reason": "overdue"} | more))

    assert [f"chase TEST-SUPPLIER for the 300 overdue since 2025-12-03 ({said})"] == steps(found)


def test_what_a_move_saves_is_no_part_of_the_outlook():
    """A shelf's outlook is of doing nothing (RULES 42); beside a move that is said."""
    moved, still = line(revenue_at_risk=50.0), line(revenue_at_risk=50.0, transferred_in=0)

    assert outlook_text(moved) == f"without the 60 moved here: {outlook_text(still)}"
    assert "Revenue at risk until an order arrives, without the 60 moved here: 50.00" in outlook_lines(moved)[-1]
    assert "moved" not in " ".join(outlook_lines(still))
    assert "" == outlook_text(moved | dict.fromkeys(("runs_out_on", "order_by", "projected", "risk_percent",
                                                     "revenue_at_risk", "arriving", "overdue")))  # fmt: skip


def test_a_shelf_that_waits_for_goods_has_no_day_to_order_that_is_past():
    waits = line(**(NOTHING | COMES | {"reason": "out", "available": 0, "order_by": date(2025, 12, 20)}))

    assert None is order_by_day(waits) and "order by" not in outlook_text(waits)
    assert date(2026, 1, 8) == order_by_day(waits | {"order_quantity": 20})
    assert date(2025, 12, 20) == order_by_day(waits | {"arriving": None}) == order_by_day(waits | {"method": None})


def test_overdue_goods_that_are_not_needed_are_no_step():
    found = line(**(NOTHING | LATE | {"reason": "enough", "order_without_overdue": 0}))

    assert ["nothing to order: enough; 300 overdue since 2025-12-03"] == steps(found)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"reason": "due", "order_by": date(2026, 1, 6)}, "by 2026-01-06"),
        ({"reason": "not_yet", "order_by": date(2026, 1, 8), "is_order_urgent": False}, "at the review of 2026-01-08"),
        ({"reason": "fill_up", "order_by": date(2029, 8, 1), "is_order_urgent": False}, "at the review of 2026-01-08"),
        # It gives what it would have needed in a month.
        ({"reason": "enough", "order_by": date(2026, 2, 1)}, "before the next review"),
        ({"reason": "below_limit", "order_by": None}, ""),
        # Of releases before: what they said.
        ({"reason": "fill_up", "order_by": date(2026, 2, 1), "is_order_urgent": None}, "by 2026-02-01"),
    ],
)
def test_when_to_order_never_contradicts_the_order_by_date(more, said):
    [step] = steps(line(transfers=None, **more))

    assert f"order 100 from TEST-SUPPLIER {said}".strip() == step


def test_what_can_wait_says_until_when_and_at_what_risk():
    found = line(reason="not_yet", order_by=date(2026, 1, 9), is_order_urgent=False, waiting_risk_percent=19)

    assert (
        "can wait for the review of 2026-01-08, at 19 % risk of a stockout before what is ordered then arrives"
        == why(found)
    )
    assert "can wait for the review of 2026-01-08" == why({**found, "waiting_risk_percent": 0})


@pytest.mark.parametrize(
    ("risk", "said"),
    [(20, "what is on its way is enough"), (21, "what is on its way is enough, at 21 % risk of a stockout meanwhile")],
)
def test_goods_that_may_come_too_late_are_not_just_enough(risk, said):
    found = line(**(NOTHING | ON_THE_WAY | {"reason": "on_its_way", "risk_percent": risk}))

    assert steps(found) == [f"nothing to order: {said}"]


def test_what_may_be_empty_before_the_next_orders_goods_come_is_not_called_due():
    """By the forecast it lasts: the date says so, and the risk why nobody waits for it."""
    found = line(reason="at_risk", order_by=date(2026, 1, 9), runs_out_on=date(2026, 1, 21), is_order_urgent=True,
                 waiting_risk_percent=47, transfers=None)  # fmt: skip

    assert ["order 100 from TEST-SUPPLIER before the next review"] == steps(found)
    assert (
        "47 % risk of a stockout before an order of the next review arrives; by the forecast it lasts until 2026-01-21"
    ) == why(found)
    assert date(2026, 1, 7) == order_by_day(found)
    assert "arrives" == why({**found, "runs_out_on": None})[-7:]
    # A line of which the order can wait has the forecast's day.
    assert date(2026, 1, 9) == order_by_day({**found, "is_order_urgent": False})
    assert date(2026, 1, 6) == order_by_day({**found, "order_by": date(2026, 1, 6)})
    assert order_by_day({**found, "order_by": None}) is None


def test_no_quantity_is_made_up_where_nothing_says_one():
    found = line(
        **(NOTHING | NO_DEMAND | {"order_quantity": None, "needed": None, "target": None, "reason": "unknown"})
    )
    said = (
        "no quantity is suggested: no limit or order-up-to level says what it should hold, and its demand is not known"
    )

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
