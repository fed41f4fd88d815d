"""One key's stock is what its events make of it, in any order (RULES 12-18)."""

import pytest

from inventory_assets.domain.events.kinds import Outcome, Transaction
from inventory_assets.domain.stock.fold import KeyState, Mark, apply_transaction, effect, is_contained
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


@pytest.mark.parametrize(
    ("sources", "is_inside"),
    [(("A", "A"), True), ((None, "A"), True), (("A", None), True), (("A", "B"), False)],
    ids=["one source", "an order of before", "a level of before", "two sources"],
)
def test_what_was_recorded_before_sources_were_kept_is_of_one_clock(sources, is_inside):
    """RULES 37a: epoch 1 is after epoch 0 whatever the instant; only another source's epoch says nothing."""
    version = Transaction("id", "T1", "ORDER", "COMPLETED", "W1", "S1", None, -1, 9, (0, 9, 0), False, sources[0])
    level = Mark((1, 5, 0), "level", sources[1], False, 100, None, False, None, None)

    assert is_inside == is_contained(version, level)


def order(name, at, place, status="COMPLETED"):
    return Transaction(f"{name}:{status}", name, "ORDER", status, "W1", "S1", None, -1, at, (0, place, 0), True)


@pytest.mark.parametrize("times", [(20, 10), (10, 20)])
def test_the_first_and_last_times_of_a_key_are_those_of_all_its_events(times):
    """RULES 18: in any order."""
    state = KeyState("W1", "S1")
    for number, at in enumerate(times):
        apply_transaction(state, (), order(f"T{number}", at, at))

    assert (10, 20) == (state.first_at, state.last_event_at)


def test_a_frontiers_time_never_goes_back():
    """RULES 12, 25: a later cluster time may come with an earlier event time."""
    state = KeyState("W1", "S1")
    apply_transaction(state, (), order("T1", 20, 1))
    apply_transaction(state, (), order("T2", 10, 2))

    assert ((0, 2, 0), 20) == (state.frontier[0], state.frontier_at)


def test_what_is_superseded_does_not_move_the_frontier():
    """RULES 25: an event after it would be late for nothing."""
    state, done = KeyState("W1", "S1"), order("T1", 10, 1)
    apply_transaction(state, (), done)
    outcome = apply_transaction(state, (done,), order("T1", 20, 2, "PENDING"))

    assert (Outcome.SUPERSEDED, (0, 1, 0), 10) == (outcome, state.frontier[0], state.frontier_at)
