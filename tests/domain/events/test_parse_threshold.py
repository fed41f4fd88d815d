"""Which threshold documents are rules."""

import pytest

from inventory_assets.domain.events.kinds import Rejection
from tests.builders import rule
from tests.domain.events.reading import read
from tests.rules.cases import parse_threshold
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(parse_threshold.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


TEN_YEARS = 3_650 * 24 * 60


def dynamic(**more):
    return {"mode": "dynamic", "service_level": 0.95, **more}


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"min_threshold_qty": 0}, {"min_threshold_qty": -1}),
        ({"min_threshold_qty": None, "reorder_threshold_qty": 0}, {"min_threshold_qty": None, "reorder_threshold_qty": -1}),
        ({"min_threshold_qty": 20}, {"min_threshold_qty": 21}),
        ({"min_threshold_days": 0}, {"min_threshold_days": -0.001}),
        ({"min_threshold_days": 3_650}, {"min_threshold_days": 3_650.001}),
        ({"min_threshold_days": 7, "reorder_threshold_days": 7}, {"min_threshold_days": 7.5, "reorder_threshold_days": 7}),
        (
            {"alert_settings": {"cooldown_period_minutes": 0}},
            {"alert_settings": {"cooldown_period_minutes": -1}},
        ),
        (
            {"alert_settings": {"cooldown_period_minutes": TEN_YEARS}},
            {"alert_settings": {"cooldown_period_minutes": TEN_YEARS + 1}},
        ),
        (dynamic(floor_qty=0), dynamic(floor_qty=-1)),
        (dynamic(ceiling_qty=0), dynamic(ceiling_qty=-1)),
        (dynamic(floor_qty=20), dynamic(floor_qty=21)),
        (dynamic(floor_qty=5, ceiling_qty=5), dynamic(floor_qty=6, ceiling_qty=5)),
        (dynamic(service_level=0.0001), dynamic(service_level=0.0)),
        (dynamic(service_level=0.9999), dynamic(service_level=1.0)),
    ],
    ids=str,
)  # fmt: skip
def test_a_rules_numbers_hold_at_their_very_ends(inside, outside):
    """RULES 22: integers >= 0, min <= reorder, floor <= ceiling and the fixed reorder (20 here), 0 < service level < 1."""
    refused = read(rule(**outside))

    assert not isinstance(read(rule(**inside)), Rejection)
    assert isinstance(refused, Rejection) and "invalid_threshold" == refused.reason


@pytest.mark.parametrize(("settings", "expected"), [({}, 60), ({"cooldown_period_minutes": 59}, 59)])
def test_a_cooldown_is_an_hour_where_a_rule_says_nothing(settings, expected):
    """RULES 22."""
    assert expected == read(rule(alert_settings=settings)).cooldown_minutes


@pytest.mark.parametrize(
    ("created", "updated", "expected"),
    [("09:00", "08:00", "08:00"), ("09:00", None, "09:00"), (None, None, "published")],
)
def test_a_rule_is_of_its_update_else_of_its_creation_else_of_its_publishing(created, updated, expected):
    """RULES 10, 12."""
    times = {
        name: None if time is None else f"2022-04-20T{time}:00Z"
        for name, time in (("created_at", created), ("updated_at", updated))
    }
    hours = {"08:00": 8, "09:00": 9, "published": 24}[expected]

    assert 1_650_412_800_000_000 + hours * 3_600_000_000 == read(rule(**times)).event_at
