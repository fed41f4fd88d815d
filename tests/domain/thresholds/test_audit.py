"""The audit follows from the rules that took effect, whatever the stream (RULES 22)."""

from hypothesis import given

from inventory_assets.domain.thresholds.audit import GENESIS, find_breaks
from tests.rules.generators import bursts, options
from tests.rules.test_laws import law, played


@law(60)
@given(bursts(), options())
def test_the_chain_is_unbroken_and_ends_in_the_rules_in_force(steps, made_with):
    engine = played(steps, made_with)

    changes = [change for result in engine.results for change in result.draft.rule_changes]
    in_force = {scope: stored.rule for scope, stored in engine.state.rules.items()}
    assert find_breaks(changes, in_force) == []
    assert engine.state.audit_head == (changes[-1].hash if changes else GENESIS)
    again = played(steps, made_with)
    assert [change for result in again.results for change in result.draft.rule_changes] == changes
