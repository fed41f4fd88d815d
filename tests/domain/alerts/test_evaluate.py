"""Alerts follow the stock of a key, point by point (RULES 23-28)."""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.alerts.alert import SEVERITY
from inventory_assets.domain.alerts.evaluate import (
    Cause,
    Point,
    find_breaches,
    needs_step,
    notification_due_at,
    step,
    tell_again,
)
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import Thresholds
from inventory_assets.domain.values import to_microseconds
from tests.rules.cases import cooldown, evaluate
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine

START = to_microseconds(datetime(2022, 4, 20, 7, tzinfo=UTC))
MINUTE = 60_000_000


@hand_computed(evaluate.CASES + cooldown.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


def limits(low=None, reorder=None, *, days=None, reorder_days=None, is_enabled=True):
    return Thresholds("SKU", "S1", None, low, reorder, days, reorder_days, 60, is_enabled, 1, "rule")


def point(available, thresholds, velocity=None, **state):
    return Point(KeyState("W1", "S1", on_hand=available, **state), thresholds, velocity, 1, ())


def cause(minute=0):
    return Cause(f"event-{minute}", START + minute * MINUTE, START + minute * MINUTE, False)


def run(*points):
    """Step through points a minute apart; the key's alerts and the names of what happened."""
    alerts, happened = {}, []
    for minute, each in enumerate(points):
        changed, transitions = step(alerts, each, cause(minute))
        alerts |= changed
        happened += [(t.transition, t.reason) for t in transitions]
    return alerts, happened


# Few numbers, so that stock is often at a limit or one off it.
QUANTITIES = st.none() | st.integers(0, 6)
DAYS = st.sampled_from([None, None, None, 0.5, 3.0])
THRESHOLDS = st.builds(
    limits, QUANTITIES, QUANTITIES, days=DAYS, reorder_days=DAYS, is_enabled=st.sampled_from([True, True, False])
)
POINTS = st.builds(
    point,
    st.integers(-1, 8),
    THRESHOLDS,
    st.sampled_from([None, 0.0, 18 / 28, 2.0]),
    inbound=st.sampled_from([0, 0, 4]),
    is_active=st.sampled_from([True, True, True, False]),
)


def test_what_needs_no_step_breaches_nothing():
    """The cheap test may ask for a step too many and never for one too few."""
    quantities = (None, 0, 1, 2, 3)
    for low, reorder, days, available in product(quantities, quantities, (None, 2.0), range(-1, 5)):
        found = point(available, limits(low, reorder, reorder_days=days), 1.0)

        assert needs_step(None, found.thresholds, available) or find_breaches(found) == []


@given(st.lists(POINTS, min_size=1, max_size=6))
def test_at_most_one_alert_fires_and_the_same_point_again_changes_nothing(points):
    """RULES 26. A repeat that moved a key would tell the same stock twice."""
    alerts, _ = run(*points)
    firing = [alert for alert in alerts.values() if alert.is_firing]

    assert len(firing) <= 1
    assert ({}, []) == step(alerts, points[-1], cause(len(points)))


@given(st.lists(POINTS, min_size=1, max_size=6))
def test_what_fires_is_no_milder_than_what_is_breached(points):
    """RULES 26-27: hysteresis may hold something worse, and nothing hides the worst."""
    alerts, _ = run(*points)
    breaches = find_breaches(points[-1])

    for alert in alerts.values():
        if alert.is_firing and breaches:
            assert SEVERITY[alert.condition] >= SEVERITY[breaches[0].condition]
    assert not breaches or any(alert.is_firing for alert in alerts.values())


@pytest.mark.parametrize(
    ("available", "is_found"), [(34, True), (35, False), (-1, True)], ids=["below", "at the limit", "negative"]
)
def test_days_of_cover_are_compared_strictly(available, is_found):
    """RULES 24: 5 a day for 7 days is 35."""
    found = [breach.condition for breach in find_breaches(point(available, limits(days=7.0), 5.0))]

    assert is_found == (Condition.LOW_STOCK in found)


def test_days_that_breach_later_must_clear_too():
    """RULES 27: opened by the quantity, and by the days while it was open."""
    low = limits(10, days=7.0)

    # 9 is above the 7 of a slow week, and below the 14 of a faster one; a tenth more than 14 is 15.4.
    alerts, happened = run(point(9, low, 1.0), point(9, low, 2.0), point(15, low, 2.0))

    assert [("opened", "breach"), ("notified", "breach")] == happened
    _, [resolved] = step(alerts, point(16, low, 2.0), cause(4))
    assert ("resolved", "recovered") == (resolved.transition, resolved.reason)


def test_a_cooldown_counts_from_the_last_telling_and_by_the_rule_in_force_now():
    low = limits(10)
    alerts, _ = run(point(9, low), point(20, low), point(9, low))
    alert = alerts[Condition.LOW_STOCK]

    assert alert.is_notification_due and alert.notification_count == 1
    assert START + 60 * MINUTE == notification_due_at(alert, low)


@pytest.mark.parametrize(("inbound", "found"), [(-1, True), (0, True), (1, False)])
def test_a_single_unit_on_its_way_is_a_restock(inbound, found):
    """RULES 24: inbound > 0."""
    breaches = find_breaches(point(60, limits(None, 100), inbound=inbound))

    assert found == ([Condition.REORDER] == [breach.condition for breach in breaches])


def test_days_that_never_breached_need_not_clear():
    """RULES 27: "if they breached". 11 clears the 10 (110 >= 110) and is within a tenth of 10.5 days."""
    low = limits(10, days=7.0)

    _, happened = run(point(9, low, 1.0), point(11, low, 1.5))

    assert [("opened", "breach"), ("notified", "breach"), ("resolved", "recovered")] == happened


def test_what_holds_an_alert_is_what_is_shown():
    """RULES 30: 11 is eleven tenths of 10, so the days of cover alone hold it, at 7.33 of 7.7."""
    low = limits(10, days=7.0)
    alerts, _ = run(point(9, low, 2.0))

    told, _ = tell_again(
        alerts[Condition.LOW_STOCK], point(11, low, 1.5), at=START, reason="repeat", event_id=None, actor="policy"
    )

    assert (7.0, "days_of_cover 7.33 < 1.1 x min_threshold_days 7") == (told.threshold, told.comparison)


def test_alerts_of_a_condition_are_numbered():
    """Of two, a restarted process takes the later by its number, as one may re-open long after it opened."""
    low = limits(10)
    alerts, _ = run(point(9, low), point(20, low))
    later = Cause("event-60", START + 60 * MINUTE, START + 60 * MINUTE, False)

    changed, _ = step(alerts, point(9, low), later)

    assert (0, 1) == (alerts[Condition.LOW_STOCK].ordinal, changed[Condition.LOW_STOCK].ordinal)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ((), ((START, 9),)),
        (((START, 9),), ((START, 9),)),
        (((START - MINUTE, 9),), ((START - MINUTE, 9), (START, 9))),
        (((START, 12),), ((START, 12), (START, 9))),
    ],
    ids=["first", "the breach itself", "earlier", "other stock at the same time"],
)
def test_a_trend_ends_with_the_breach_and_has_it_once(before, expected):
    """A rule finds its key at a point that is in the trend already."""
    changed, _ = step({}, point(9, limits(10))._replace(trend=before), cause())

    assert expected == changed[Condition.LOW_STOCK].trend
