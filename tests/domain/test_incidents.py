"""When many keys together are an incident, number by number."""

import pytest

from inventory_assets.domain.incidents import (
    DAY_US,
    IncidentPolicy,
    find_breach_trends,
    find_category_stockouts,
    find_overdue_restocks,
    find_unusual_depletion,
    make_incident_id,
    robust_score,
)

POLICY = IncidentPolicy()


def stockout(n, category_id="C1"):
    return {
        "category_id": category_id, "warehouse_id": "W1", "sku": f"S{n}", "alert_id": f"alt-{n}", "opened_at": n,
    }  # fmt: skip


def day(units, history, **more):
    return {
        "warehouse_id": "W1", "sku": "S1", "date": "2022-04-20", "day_at": 0, "units": units, "history": history,
        "transaction_ids": ["T1"],
    } | more  # fmt: skip


def test_a_category_needs_its_number_of_stockouts():
    few = [stockout(1), stockout(2), stockout(3, "C2"), stockout(4, "C2")]

    assert find_category_stockouts(few, POLICY) == []
    [found] = find_category_stockouts([*few, stockout(5)], POLICY)
    assert (found.subject, found.members, found.anchor) == ("C1", ("alt-1", "alt-2", "alt-5"), "alt-5")
    # A fourth member leaves the id as it is: the third one began it.
    [more] = find_category_stockouts([*few, stockout(5), stockout(6)], POLICY)
    assert make_incident_id(more) == make_incident_id(found)


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
