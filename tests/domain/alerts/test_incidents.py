"""When many keys together are an incident, number by number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.alerts.incidents import (
    IncidentPolicy,
    find_breach_trends,
    find_category_stockouts,
    find_overdue_restocks,
    find_unusual_depletion,
    make_incident_id,
    robust_score,
)
from inventory_assets.domain.values import DAY_US

POLICY = IncidentPolicy()


def stockout(n, category_id="C1", *, sku=None, warehouse_id="W1", at=None):
    return {
        "category_id": category_id, "warehouse_id": warehouse_id, "sku": sku or f"S{n}", "alert_id": f"alt-{n}",
        "opened_at": n if at is None else at,
    }  # fmt: skip


def day(units, history, **more):
    return {
        "warehouse_id": "W1", "sku": "S1", "date": "2022-04-20", "day_at": 0, "units": units, "history": history,
        "transaction_ids": ["T1"],
    } | more  # fmt: skip


def test_a_category_needs_its_number_of_stockouts():
    few = [stockout(1), stockout(2), stockout(3, "C2"), stockout(4, "C2")]

    assert find_category_stockouts(few, {}, 9, POLICY) == []
    [found] = find_category_stockouts([*few, stockout(5)], {}, 9, POLICY)
    assert (found.subject, found.members, found.anchor) == ("C1", ("alt-1", "alt-2", "alt-5"), "alt-5")
    # A fourth member leaves the id as it is: the third one began it.
    [more] = find_category_stockouts([*few, stockout(5), stockout(6)], {}, 9, POLICY)
    assert make_incident_id(more) == make_incident_id(found)


def test_empty_shelves_of_one_sku_are_one_stockout():
    """One SKU at 0 in three warehouses was CRITICAL, "3 stockouts in category CAT1"."""
    one = [stockout(n, sku="S1", warehouse_id=f"W{n}") for n in (1, 2, 3)]

    assert find_category_stockouts([*one, stockout(4)], {}, 9, POLICY) == []
    [found] = find_category_stockouts([*one, stockout(4), stockout(5)], {}, 9, POLICY)
    assert found.title == "3 SKUs of category C1 are out of stock: S1 (W1, W2, W3), S4 (W1), S5 (W1)"
    assert found.anchor == "alt-5"
    assert found.arithmetic["comparison"] == "3 SKUs out of stock within 24 h >= 3"
    assert found.arithmetic["places"] == ["S1 at W1", "S1 at W2", "S1 at W3", "S4 at W1", "S5 at W1"]


WEEK = 7 * DAY_US


@pytest.mark.parametrize(
    ("stockouts", "is_open", "expected"),
    [
        ((1, 2, 3), False, None),  # a week old: nothing begins
        ((1, 2, 3), True, (1, 2, 3)),  # the window opens, it does not close
        ((1, 2), True, None),
        ((-2 * WEEK, 1, 2), True, None),  # what was out long before is no part of it
        ((-2 * WEEK, 1, 2, 3, WEEK), True, (1, 2, 3, WEEK)),
        ((WEEK - 2, WEEK - 1, WEEK), False, (WEEK - 2, WEEK - 1, WEEK)),
    ],
)
def test_it_begins_by_the_window_and_lasts_while_enough_members_fire(stockouts, is_open, expected):
    rows = [stockout(n, at=at) for n, at in enumerate(stockouts)]

    found = find_category_stockouts(rows, {"C1": 3} if is_open else {}, WEEK, POLICY)

    by_id = {row["alert_id"]: row["opened_at"] for row in rows}
    assert (tuple(by_id[id_] for id_ in found[0].members) if found else None) == expected


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 3 * DAY_US)), max_size=12, unique=True),
    st.integers(0, 3 * DAY_US),
)
def test_an_incident_that_began_goes_on_as_long_as_its_members_fire(drawn, later):
    """Time alone never ends it."""
    rows = sorted(
        (stockout(n, sku=f"S{sku}", warehouse_id=f"W{place}", at=at) for n, (sku, place, at) in enumerate(drawn)),
        key=lambda row: (row["opened_at"], row["alert_id"]),
    )
    now = 3 * DAY_US
    found = find_category_stockouts(rows, {}, now, POLICY)

    for begun in found:
        assert len(begun.arithmetic["skus"]) >= POLICY.least_stockouts
        [still] = find_category_stockouts(rows, {"C1": begun.opened_at}, now + later, POLICY)
        assert set(begun.members) == set(still.members)


@pytest.mark.parametrize(
    ("units", "history", "expected"),
    [
        (40, [8, 9, 10, 11, 12], True),
        (13, [8, 9, 10, 11, 12], False),
        (40, [5, 60, 2, 44, 51], False),  # it is noisy: 40 is nothing
        (40, [39, 41, 40, 42], False),  # Saturdays are like that
        (4, [0, 0, 0, 0], False),  # too few units to say anything
        (5, [0, 0, 0, 0], True),
        (40, [1, 1, 1], False),  # too few weeks
    ],
)
def test_depletion_is_judged_against_the_same_weekday_and_its_noise(units, history, expected):
    assert bool(find_unusual_depletion([day(units, history)], POLICY)) is expected


def test_the_robust_score_is_the_modified_z_score():
    """Iglewicz & Hoaglin 1993: 0.6745 (x - median) / MAD; one wild week does not hide the next."""
    score, middle, deviation = robust_score(100, [10, 30, 50, 1_000, 10])

    assert (middle, round(deviation, 3)) == (30, round(20 / 0.6745, 3))
    assert round(score, 3) == round(0.6745 * 70 / 20, 3)


def test_a_restock_is_overdue_after_its_lead_time_and_never_without_one():
    row = {
        "transaction_id": "R1",
        "warehouse_id": "W1",
        "sku": "S1",
        "quantity": 5,
        "ordered_at": 0,
        "lead_time_days": 3,
    }

    assert find_overdue_restocks([row], 3 * DAY_US) == []
    [found] = find_overdue_restocks([row], 3 * DAY_US + 1)
    assert (found.subject, found.opened_at) == ("R1", 3 * DAY_US)
    assert find_overdue_restocks([row | {"lead_time_days": None}], 99 * DAY_US) == []


@pytest.mark.parametrize(
    ("breaches", "earlier", "expected"),
    [(30, [10, 12, 8], True), (19, [10, 10], False), (30, [10], False), (9, [0, 0, 0], False), (10, [0, 0], True)],
)
def test_a_trend_is_more_than_twice_a_usual_week_and_than_chance(breaches, earlier, expected):
    week = {"warehouse_id": "W1", "breaches": breaches, "earlier": earlier, "day_at": 0, "alert_ids": []}

    assert bool(find_breach_trends([week], POLICY)) is expected
