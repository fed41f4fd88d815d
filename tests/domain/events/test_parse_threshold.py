"""Which threshold documents are rules."""

from tests.rules.cases import parse_threshold
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(parse_threshold.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
