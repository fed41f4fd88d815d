"""Which points of a burst step a key's alerts."""

from tests.rules.cases import process
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(process.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
