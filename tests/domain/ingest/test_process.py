"""Which points of a burst step a key's alerts."""

import gc
import weakref

import pytest

from inventory_assets.domain.events.kinds import Outcome, Transaction
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import EventMemory, InventoryState
from tests.builders import level, messages, transaction
from tests.rules.cases import process
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(process.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


@pytest.mark.parametrize(
    ("contained_at", "expected"),
    [(None, (Outcome.APPLIED, 93)), ("W1", (Outcome.APPLIED, None)), ("W2", (Outcome.APPLIED, 93))],
    ids=["counts at both", "at its receiver alone", "at its sender alone"],
)
def test_a_transfer_is_recorded_with_the_stock_of_its_sender_if_it_counts_there(contained_at, expected):
    """RULES 9, 16: what counts at the receiver alone moved nothing at the sender."""
    levels = [
        level(100, "09:00" if contained_at == "W1" else "07:00"),
        level(10, "09:00" if contained_at == "W2" else "07:00", warehouse_id="W2"),
    ]
    state = InventoryState()
    for version, documents in enumerate((levels, [transaction("T", "TRANSFER", 7, to_warehouse_id="W2")]), start=1):
        result = process_burst(state, parse_burst(messages(*documents), ParseSettings()), version=version)
        result.draft.merge(version)

    [arrival] = result.arrivals
    assert expected == (arrival.outcome, arrival.available)


def test_a_burst_is_gone_with_its_result():
    """Held by itself it would stay until a collection: tens of thousands of objects, bursts a second."""
    state = InventoryState()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        result = process_burst(
            state, parse_burst(messages(level(1, min_threshold=5), transaction("T")), ParseSettings()), version=1
        )
        result.draft.merge(1)
        left = [weakref.ref(result), weakref.ref(result.draft)]
        assert result.transitions
        del result
        assert [None, None] == [each() for each in left]
    finally:
        if was_enabled:
            gc.enable()


def version_of(name, status="COMPLETED"):
    return Transaction(f"{name}:{status}", name, "ORDER", status, "W1", "S1", None, -1, 0, (0, 0, 0), False)


def test_memory_lets_go_of_no_more_than_it_must_and_keeps_what_is_open():
    """The oldest finished first; what is PENDING or SHIPPED will be asked for again."""
    memory = EventMemory()
    for name, status in (
        ("A", "PENDING"),
        ("B", "COMPLETED"),
        ("C", "SHIPPED"),
        ("D", "CANCELLED"),
        ("E", "COMPLETED"),
    ):
        memory.add(version_of(name, status))

    memory.forget_down_to(5)
    assert 5 == len(memory)
    memory.forget_down_to(3)
    assert ["A", "C", "E"] == [events[0].transaction_id for events in memory.by_entity.values()]
    memory.forget_down_to(0)
    assert ["A", "C"] == [events[0].transaction_id for events in memory.by_entity.values()]


def test_an_older_first_event_without_effect_ends_a_grace_as_well():
    """RULES 24: from a day after its first event on. No later event, and no sweep, would judge it."""
    state = InventoryState()
    for version, document in enumerate(
        (transaction("T1", at="2022-04-20T09:00:00Z"), transaction("T1", at="2022-04-19T08:00:00Z", status="PENDING")),
        start=1,
    ):
        result = process_burst(state, parse_burst(messages(document), ParseSettings()), version=version)
        result.draft.merge(version)

    assert Outcome.SUPERSEDED is result.arrivals[0].outcome
    assert [("opened", "breach"), ("notified", "breach")] == [(t.transition, t.reason) for _, t in result.transitions]
