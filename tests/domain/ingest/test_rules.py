"""A rule steps the keys it touches."""

from tests.rules.cases import rules
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(rules.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
