"""Repeats have no effect, contradictions are refused."""

from tests.rules.cases import dedupe
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(dedupe.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
