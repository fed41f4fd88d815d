"""Two engines, one truth: sets of events give what the bursts wrote, on any stream (RULES 12-20)."""

from hypothesis import given

from inventory_assets.settings import Settings
from tests.recompute.streaming import recomputed
from tests.rules.generators import bursts, options
from tests.rules.test_laws import law


@law(60)
@given(bursts(), options())
def test_sets_of_events_give_what_bursts_wrote(steps, made_with):
    """Late, doubled, shuffled, of several sources and epochs, with deletions and moves."""
    found = recomputed(Settings(), steps, **made_with)

    assert found.differences.rows() == []
