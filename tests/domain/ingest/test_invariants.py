"""A result that contradicts itself is never committed (RULES 35)."""

import msgspec
import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.invariants import MAX_STOCK, InvariantViolation, check_invariants
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import level, messages, transaction

BURST = (level(100), transaction("T1", "TRANSFER", 7, to_warehouse_id="W2"), transaction("T2", quantity=-5), b"broken")


@pytest.fixture
def result():
    state = InventoryState()
    return process_burst(state, parse_burst(messages(*BURST), ParseSettings()), version=1)


def test_a_burst_as_it_comes_holds(result):
    check_invariants(result, len(BURST))


def test_each_message_has_an_outcome(result):
    result.arrivals.pop()

    with pytest.raises(InvariantViolation, match="4 messages but 3 outcomes"):
        check_invariants(result, len(BURST))


def test_a_transfers_receiver_is_not_lost(result):
    """The sender alone changing would make units vanish."""
    del result.draft.keys.changed[("W2", "S1")]

    with pytest.raises(InvariantViolation, match=r"key \('W2', 'S1'\) of event .* was lost"):
        check_invariants(result, len(BURST))


def test_every_changed_key_is_rolled_up(result):
    result.draft.leaves.pop()

    with pytest.raises(InvariantViolation, match="2 keys changed but 1 were rolled up"):
        check_invariants(result, len(BURST))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [("on_hand", 101, "rollups moved by"), ("inbound", 1, "rollups moved by"), ("reserved", MAX_STOCK, "64-bit")],
)
def test_rollups_are_the_sums_of_their_leaves(result, field, value, message):
    assert result.draft.rollup_change  # summed before, from the leaves as they were
    key, sku, old, links, new = result.draft.leaves[0]
    result.draft.leaves[0] = (key, sku, old, links, msgspec.structs.replace(new, **{field: value}))

    with pytest.raises(InvariantViolation, match=message):
        check_invariants(result, len(BURST))
