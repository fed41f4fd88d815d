"""Which rule is in force for a key."""

from tests.rules.cases import resolve
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(resolve.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
