"""Which rule is in force for a key."""

import pytest

from inventory_assets.domain.thresholds.resolve import DynamicLimits, StoredRule, from_rule
from tests.builders import rule
from tests.domain.events.reading import read
from tests.rules.cases import resolve
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(resolve.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


COMPUTED = DynamicLimits(7, 47, "mean", 10.0, 40.0, 4.0, 4, 0.95, 1.645)


@pytest.mark.parametrize(
    ("bounds", "computed", "expected"),
    [
        ({}, COMPUTED, (7, 47)),
        ({"floor_qty": 7, "ceiling_qty": 47}, COMPUTED, (7, 47)),
        ({"floor_qty": 8}, COMPUTED, (8, 47)),
        ({"floor_qty": 48}, COMPUTED, (48, 48)),
        ({"ceiling_qty": 46}, COMPUTED, (7, 46)),
        ({"ceiling_qty": 6}, COMPUTED, (6, 6)),
        ({"floor_qty": 5}, None, (5, 5)),
        ({"floor_qty": 5, "min_threshold_qty": 2, "reorder_threshold_qty": 9}, None, (2, 9)),
        ({"min_threshold_qty": 2, "reorder_threshold_qty": 9}, COMPUTED, (7, 47)),
        ({}, None, (None, None)),
    ],
    ids=str,
)
def test_a_dynamic_rule_bounds_what_is_computed_and_stands_in_where_nothing_is(bounds, computed, expected):
    """RULES 22: floor <= result <= ceiling; unknown demand invents nothing."""
    numbers = {"min_threshold_qty": None, "reorder_threshold_qty": None} | bounds
    stored = StoredRule(read(rule(**numbers, mode="dynamic", service_level=0.95)), 1)

    limits = from_rule(stored, computed)

    assert expected == (limits.min_qty, limits.reorder_qty)
