"""A SKU stands where its newest level says."""

from tests.rules.cases import hierarchy
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(hierarchy.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
