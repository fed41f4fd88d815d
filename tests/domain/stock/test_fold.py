"""One key's stock is what its events make of it, in any order (RULES 12-18)."""

import pytest

from inventory_assets.domain.events.kinds import Transaction
from inventory_assets.domain.stock.fold import effect
from tests.rules.cases import fold
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(fold.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


@pytest.mark.parametrize("status", ["PENDING", "SHIPPED", "COMPLETED", "CANCELLED"])
def test_a_transfer_makes_and_loses_no_unit(status):
    """RULES 16: what leaves the sender is inbound or on hand at the receiver."""
    version = Transaction("id", "T1", "TRANSFER", status, "W1", "S1", "W2", 7, 0, (0, 0, 0), False)

    moved = [effect(version, warehouse_id) for warehouse_id in ("W1", "W2")]

    assert 0 == sum(on_hand + inbound for on_hand, _, inbound in moved)


@pytest.mark.parametrize("type_", ["RESERVE", "RELEASE"])
@pytest.mark.parametrize("status", ["PENDING", "CANCELLED"])
def test_a_reservation_acts_when_it_is_completed(type_, status):
    """A reading of RULES 16: asked for is not reserved."""
    version = Transaction("id", "T1", type_, status, "W1", "S1", None, 7, 0, (0, 0, 0), False)

    assert (0, 0, 0) == effect(version, "W1")
