"""Sums over the hierarchy are those of their leaves; the law for every stream is in `tests/rules/test_laws.py`."""

from tests.rules.cases import rollup
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(rollup.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)
