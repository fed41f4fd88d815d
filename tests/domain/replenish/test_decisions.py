"""What is left of an accepted quantity: each restocked unit takes one off, oldest first, and time the rest (RULES 42)."""

from datetime import date

import pytest

from inventory_assets.domain.events.kinds import NO_POSITION, Command
from inventory_assets.domain.replenish.decisions import (
    Decision,
    PlanLine,
    Restock,
    decisions_that_hold,
    make_line_id,
    refuse,
    what_is_left,
)

MAY = [date(2026, 5, day) for day in range(1, 32)]


def accepted(day, quantity, version, *, name="plan-accept", at=0, line="L"):
    command = Command(
        f"{line}{version}", name, None, None, "ordered", "ann", at, NO_POSITION, plan_line_id=line, quantity=quantity
    )
    return Decision(line, MAY[day - 1], command, (version, 0))


def restock(day, quantity, version):
    return Restock((version, 5), MAY[day - 1], quantity)


def left(given, restocks=(), *, on=5, lead=7):
    found = what_is_left(given, restocks, MAY[on - 1], lead)
    return found.units, found.lapsed


@pytest.mark.parametrize(
    ("restocks", "expected"),
    [
        ([], 100), ([restock(3, 40, 9)], 60), ([restock(3, 40, 9), restock(4, 90, 12)], 0),
        ([restock(3, 40, 2)], 100),  # seen before the acceptance: it is in the stock that the plan was made of
    ],
)  # fmt: skip
def test_each_unit_first_seen_afterwards_takes_one_off(restocks, expected):
    assert (expected, 0) == left([accepted(2, 100, 8)], restocks)


def test_the_oldest_is_taken_off_first_and_a_restock_counts_once():
    given = [accepted(3, 50, 20), accepted(2, 30, 10)]

    assert (40, 0) == left(given, [restock(4, 40, 30)])
    assert ((MAY[2], 40),) == what_is_left(given, [restock(4, 40, 30)], MAY[4], 7).parts
    # What came before the younger one was accepted is the older one's alone.
    assert (50, 0) == left(given, [restock(4, 40, 15)])


def test_what_is_left_lapses_after_twice_the_lead_time_or_a_fortnight():
    given = [accepted(2, 30, 8)]

    assert [(30, 0), (0, 30)] == [left(given, on=day) for day in (15, 16)]
    assert [(30, 0), (0, 30)] == [left(given, on=day, lead=None) for day in (15, 16)]
    assert [(30, 0), (0, 30)] == [left(given, on=day, lead=3) for day in (7, 8)]
    assert [(30, 0), (0, 30)] == [left(given, on=day, lead=0) for day in (2, 3)]


def test_a_restock_after_it_lapsed_is_the_next_ones():
    given = [accepted(1, 30, 5), accepted(20, 30, 50)]

    assert (0, 30) == left(given, [restock(22, 30, 60)], on=23)
    assert (30, 0) == left(given, [restock(10, 30, 20)], on=23)


def test_a_plan_of_before_knows_nothing_of_it():
    assert (0, 0) == left([accepted(9, 30, 8)], on=8)


def test_the_latest_decision_by_its_own_time_holds():
    """Whatever the arrival: a dismissal takes an acceptance back, another acceptance replaces it."""
    first, second = accepted(2, 10, 8, at=5), accepted(2, None, 7, name="plan-dismiss", at=9)
    again = accepted(2, 40, 9, at=7)

    assert [second] == decisions_that_hold([first, second, again])
    assert [again] == decisions_that_hold([again, first])
    assert 2 == len(decisions_that_hold([first, accepted(2, 1, 3, line="M")]))
    assert 2 == len(decisions_that_hold([first, accepted(2, None, 9, name="plan-snooze", at=99)]))


def test_a_line_that_came_later_under_the_same_id_orders_more_and_a_dismissal_ends_both():
    """Accepted, planned again on the same day, accepted again: 84 and 6 are 90, not 6."""
    first, more = accepted(2, 84, 8, at=5), accepted(2, 6, 12, at=9)._replace(line_version=11)
    gone = accepted(2, None, 13, name="plan-dismiss", at=10)._replace(line_version=12)

    assert (90, 0) == left(decisions_that_hold([more, first]))
    assert [gone] == decisions_that_hold([first, more, gone])


LINES = {("WH-2", "A-1"): PlanLine(MAY[4], 12), ("WH", "2-A-1"): None, ("W1", "S1"): PlanLine(MAY[4], 0)}


def decided(line_id, name="plan-accept", **more):
    warehouse_id, sku = more.pop("key", (None, None))
    return Command("c", name, warehouse_id, sku, "why", "ann", 0, NO_POSITION, plan_line_id=line_id, **more)


def test_a_lines_id_is_its_plans_date_and_its_shelf():
    assert "pln-20260505-WH-2-A-1" == make_line_id(MAY[4], "WH-2", "A-1")
    assert refuse(LINES, decided("pln-20260505-WH-2-A-1")) is None


@pytest.mark.parametrize(
    ("command", "reason", "says"),
    [
        (decided("pln-20260505-W9-S1"), "unknown_line", "no plan of now"),
        (decided("pln-20260505"), "unknown_line", "no plan of now"),
        (decided(""), "unknown_line", "no plan of now"),
        (decided("alt-20260505-W1-S1"), "superseded_line", "'pln-20260505-W1-S1' is; decide on that"),
        (decided("pln-20260504-W1-S1", "plan-dismiss"), "superseded_line", "'pln-20260505-W1-S1' is"),
        (decided("pln-20260505-W1-S1"), "illegal_transition", "give the quantity"),
        (decided("pln-20260505-W1-S1", key=("W2", "S1")), "unknown_line", "no plan of now"),
    ],
)
def test_a_decision_on_another_line_than_a_present_one_is_refused(command, reason, says):
    found = refuse(LINES, command)

    assert found is not None and reason == found.reason and says in found.detail


def test_a_line_that_orders_nothing_can_be_accepted_with_a_quantity_and_dismissed():
    assert refuse(LINES, decided("pln-20260505-W1-S1", quantity=5)) is None
    assert refuse(LINES, decided("pln-20260505-W1-S1", "plan-dismiss")) is None


def test_an_id_of_two_shelves_needs_their_names():
    lines = LINES | {("WH", "2-A-1"): PlanLine(MAY[4], 3)}
    found = refuse(lines, decided("pln-20260505-WH-2-A-1"))

    assert found is not None and "give warehouse_id and sku" in found.detail
    assert refuse(lines, decided("pln-20260505-WH-2-A-1", key=("WH", "2-A-1"))) is None
