"""The laws of RULES as properties: product against oracle, and product against itself.

Belongs here: what must hold for every stream. Does not: single readings (`cases`), nor what
a stream is made of (`generators`). `INVENTORY_EXAMPLES=5000` hunts with new seeds; without
it the examples are the same in every run.
"""

import os
from datetime import datetime

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rules.cases import Sweep, message
from tests.rules.generators import bursts, options
from tests.rules.oracle import Oracle
from tests.rules.product import ProductEngine

EXAMPLES = int(os.environ.get("INVENTORY_EXAMPLES", "0"))


def law(examples: int):
    """Settings of one law: `examples` in CI, the same ones every time."""
    return settings(
        max_examples=EXAMPLES or examples,
        deadline=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def play(engine, steps: list) -> list:
    """Play bursts and sweeps; outcomes in arrival order."""
    outcomes = []
    for step in steps:
        if isinstance(step, Sweep):
            engine.sweep(datetime.fromisoformat(step.now))
        else:
            outcomes += engine.burst([message(document) for document in step])
    return outcomes


def by_key(transitions: list[dict]) -> dict:
    """Transitions per key: RULES order them within a key only."""
    found: dict[tuple, list] = {}
    for transition in transitions:
        found.setdefault((transition["warehouse_id"], transition["sku"]), []).append(transition)
    return found


def by_id(alerts: list[dict], names: set[str]) -> dict:
    """Alerts by id, with the facts that both sides state."""
    return {alert["alert_id"]: {name: alert[name] for name in sorted(names)} for alert in alerts}


@law(250)
@given(bursts(), options())
def test_product_agrees_with_the_oracle(steps, made_with):
    """Two programs written from RULES by two people must say the same of any stream."""
    oracle, product = Oracle(**made_with), ProductEngine(**made_with)

    expected, actual = play(oracle, steps), play(product, steps)

    assert expected == actual
    assert oracle.states() == product.states()
    assert oracle.rollups() == product.rollups()
    for key in oracle.states():
        assert oracle.resolved(*key) == product.resolved(*key)
    assert by_key(oracle.transitions()) == by_key(product.transitions())
    names = set().union(*oracle.alerts())
    assert by_id(oracle.alerts(), names) == by_id(product.alerts(), names)
