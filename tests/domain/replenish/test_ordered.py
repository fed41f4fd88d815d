"""What became of an acceptance: each of its units is in one place, and late only where a supplier's day is over (RULES 42)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.replenish.decisions import allot, what_is_left
from inventory_assets.domain.replenish.ordered import Delivery, OrderState, what_became
from tests.domain.replenish.test_decisions import MAY, accepted, restock

PLACES = ("arrived", "announced", "unheard", "lapsed", "cancelled")


def seen(day, quantity, version, name):
    return restock(day, quantity, version)._replace(order_id=name)


def became(mine, restocks=(), deliveries=None, *, on=5, lead=7):
    allotted = allot(mine, restocks, MAY[on - 1], lead_time_days=lead)
    return what_became(allotted, deliveries or {}, MAY[on - 1], lead_time_days=lead)


def test_goods_are_ordered_then_announced_then_there():
    """A restock that is only announced has taken the units off, and nothing has arrived (RULES 15)."""
    mine, told = [accepted(2, 100, 8)], [seen(4, 60, 9, 1)]

    [ordered] = became(mine)
    [announced] = became(mine, told, {1: Delivery("PENDING", 60, MAY[3])})
    [arrived] = became(mine, [seen(4, 100, 9, 1)], {1: Delivery("COMPLETED", 100, MAY[4])})

    assert (OrderState.ON_ORDER, 100, MAY[8]) == (ordered.state, ordered.unheard, ordered.expected_on)
    assert (OrderState.ON_ORDER, 60, 40, 0) == (
        announced.state, announced.announced, announced.unheard, announced.arrived
    )  # fmt: skip
    assert (OrderState.ARRIVED, 100, MAY[4], None) == (
        arrived.state, arrived.arrived, arrived.arrived_on, arrived.expected_on
    )  # fmt: skip


@pytest.mark.parametrize(("on", "lead", "state", "overdue", "lapsed"), [
    (9, 7, "on_order", 0, 0), (10, 7, "overdue", 30, 0), (15, 7, "overdue", 30, 0), (16, 7, "lapsed", 0, 30),
    (15, None, "on_order", 0, 0), (16, None, "lapsed", 0, 30),
])  # fmt: skip
def test_what_nobody_told_of_is_overdue_after_its_lead_time_and_lapses_after_two(on, lead, state, overdue, lapsed):
    """What comes on the day itself comes in time; without a lead time nobody is late."""
    [found] = became([accepted(2, 30, 8)], on=on, lead=lead)

    assert (state, overdue, lapsed) == (found.state, found.overdue, found.lapsed)
    assert found.expected_on == (None if lead is None else MAY[8])


def test_a_delivery_that_is_cancelled_or_short_is_not_to_come():
    mine = [accepted(2, 50, 8), accepted(3, 30, 9)]
    told = [seen(4, 80, 10, 1)]

    short = became(mine, told, {1: Delivery("COMPLETED", 60, MAY[4])})
    gone = became(mine, told, {1: Delivery("CANCELLED", 80, MAY[4])})

    assert [(50, 0, "arrived"), (10, 20, "cancelled")] == [(e.arrived, e.cancelled, e.state) for e in short]
    assert [(0, 50, "cancelled"), (0, 30, "cancelled")] == [(e.arrived, e.cancelled, e.state) for e in gone]


def test_an_announced_delivery_is_overdue_by_its_own_day():
    [found] = became([accepted(2, 30, 8)], [seen(6, 30, 9, 1)], {1: Delivery("PENDING", 30, MAY[5])}, on=13)
    [late] = became([accepted(2, 30, 8)], [seen(6, 30, 9, 1)], {1: Delivery("PENDING", 30, MAY[5])}, on=14)

    assert (0, 30, MAY[12]) == (found.overdue, late.overdue, late.expected_on)


_QUANTITIES = st.integers(1, 50)


@given(
    st.lists(st.tuples(st.integers(1, 20), _QUANTITIES), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(1, 28), _QUANTITIES, st.sampled_from(["PENDING", "COMPLETED", "CANCELLED"]), _QUANTITIES),
        max_size=4,
    ),
    st.integers(1, 28), st.sampled_from([None, 0, 3, 7]),
)  # fmt: skip
def test_each_unit_is_in_one_place_and_the_plan_counts_the_same(orders, comings, on, lead):
    mine = [accepted(day, units, 10 * day + place, line=f"L{place}") for place, (day, units) in enumerate(orders)]
    told = [seen(day, units, 10 * day + 5, place) for place, (day, units, _, _) in enumerate(comings)]
    deliveries = {place: Delivery(state, units, MAY[day - 1]) for place, (day, _, state, units) in enumerate(comings)}
    allotted = allot(mine, told, MAY[on - 1], lead_time_days=lead)

    found = what_became(allotted, deliveries, MAY[on - 1], lead_time_days=lead)

    for each, units in zip(found, allotted, strict=True):
        assert sum(getattr(each, place) for place in PLACES) == units.decision.command.quantity
        assert all(getattr(each, place) >= 0 for place in PLACES) and each.overdue <= each.announced + each.unheard
    left = what_is_left(mine, told, MAY[on - 1], lead)
    assert (left.units, left.lapsed) == (sum(e.unheard for e in found), sum(e.lapsed for e in found))
