"""An alert's id and what leaves with it."""

from tests.rules.cases import alert
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(alert.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
