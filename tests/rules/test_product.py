"""The product against the hand-computed table and against the oracle, on the same messages."""

from datetime import datetime

import pytest

from tests.rules.cases import CASES, Sweep, message
from tests.rules.product import ProductEngine
from tests.rules.test_oracle import spell, spell_outcome


def play(engine, case) -> list:
    outcomes = []
    for step in case.steps:
        if isinstance(step, Sweep):
            engine.sweep(datetime.fromisoformat(step.now))
        else:
            outcomes += engine.burst([message(document) for document in step])
    return outcomes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_product_agrees_with_the_hand_computed_case(case):
    """The table was worked out from RULES by someone who never saw this code."""
    engine = ProductEngine(
        products=case.products,
        velocity=case.velocity,
        default_min=case.default_min,
        default_reorder=case.default_reorder,
    )

    outcomes = play(engine, case)

    if case.outcomes is not None:
        assert case.outcomes == [spell_outcome(*outcome) for outcome in outcomes]
    for key, expected in case.states.items():
        actual = engine.states()[key]
        assert expected == {name: actual[name] for name in expected}
    for node, expected in case.rollups.items():
        actual = engine.rollups().get(node)
        assert expected == (actual and {name: actual[name] for name in expected})
    for key, expected in case.resolved.items():
        actual = engine.resolved(*key)
        assert expected == {name: actual[name] for name in expected}
    if case.alerts is not None:
        actual = engine.alerts()
        assert len(case.alerts) == len(actual)
        for expected, alert in zip(case.alerts, actual, strict=True):
            assert expected == {name: alert[name] for name in expected}
    for key, expected in case.transitions.items():
        actual = [t for t in engine.transitions() if (t["warehouse_id"], t["sku"]) == key]
        assert expected == [spell(t) for t in actual]
