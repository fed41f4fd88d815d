"""What a heartbeat says, and which of several counts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.events.connectors import MAX_ERROR, Heard, Heartbeat, read_heartbeat
from inventory_assets.domain.events.kinds import Filtered, Level, Outcome
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.ingest.process import process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import heartbeat, level

AT = 1_772_625_600_000_000


def parse(body: dict, at: int = AT) -> object:
    return parse_message("inventory-updates-topic", json.dumps(body).encode(), {}, at, ParseSettings())


def test_a_heartbeat_is_heard_as_of_its_publish_time():
    found = parse(
        heartbeat(
            published_until="2026-03-04T11:59:59Z", lag_seconds=1.5, open_gaps=1, last_error="refused",
            started_at="2026-03-04T11:00:00Z", counters={"read": 7, "published": 6, "dead_lettered": 1},
        )
    )  # fmt: skip

    assert found == Heartbeat(
        "no_stock_fact",
        Heard(
            connector_id="connector-w1", warehouse_id="W1", heard_at=AT, state="streaming",
            published_until=AT - 1_000_000, lag_seconds=1.5, source_epoch=1, open_gaps=1, read=7, published=6,
            dead_lettered=1, owner_id="process-1", started_at=AT - 3_600_000_000, last_error="refused",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"type": "heartbeat"},
        {"type": "heartbeat", "connector_id": None, "state": None, "counters": None},
        heartbeat(connector_id=""),
        heartbeat(connector_id=["x"]),
        heartbeat(state=None),
        heartbeat(started_at="soon"),
        heartbeat(counters={"read": "many"}),
        heartbeat(warehouse_id="a\nb"),
        heartbeat(lag_seconds=10**400),
    ],
)
def test_a_malformed_heartbeat_is_filtered_and_not_heard(body):
    """It states no stock fact either way: no dead letter, and no row that says nothing."""
    assert parse(body) == Filtered("no_stock_fact")


def test_an_empty_body_is_no_heartbeat():
    assert read_heartbeat({}, AT) is None


@pytest.mark.parametrize("warehouse_id", [None, ""])
def test_a_connector_of_several_warehouses_is_heard_however_it_says_so(warehouse_id):
    """An older one says "": refused, it was silent to all operational alerts."""
    found = read_heartbeat(heartbeat(warehouse_id=warehouse_id), AT)

    assert found is not None
    assert (found.connector_id, found.warehouse_id) == ("connector-w1", None)


@pytest.mark.parametrize("operation", ["drop", "rename", "dropDatabase", "invalidate", "create"])
@pytest.mark.parametrize("more", [{}, {"document": None}, {"document": {"sku": "S1"}}], ids=["none", "null", "one"])
def test_what_happens_to_a_whole_collection_is_no_stock_fact(operation, more):
    """RULES 9: filtered, whether the event carries a document or not; nothing of it is anybody's to mend."""
    body = {"source": "mongodb", "namespace": "shop.inventory", "operation": operation, **more}

    assert parse(body) == Filtered("no_document")


def test_a_document_that_calls_a_field_operation_is_a_document():
    found = parse(level(40, operation="recount"))

    assert isinstance(found, Level)


def test_errors_are_cut_and_cannot_steer_a_terminal():
    found = read_heartbeat(heartbeat(last_error="\x1b[2Jbad " + "x" * 2_000), AT)

    assert found is not None and found.last_error is not None
    assert (" [2Jbad x", MAX_ERROR) == (found.last_error[:9], len(found.last_error))


def test_an_epoch_that_went_back_is_remembered_until_it_is_passed():
    """A token store that was lost after a gap: all the connector says is superseded (RULES 12)."""
    told = [parse(heartbeat(source_epoch=epoch), AT + at).heard for at, epoch in enumerate((0, 9, 0, 3, 12))]

    known, seen = None, []
    for each in told:
        known = each.join(known)
        seen.append(known.outranked_by)

    assert [None, None, 9, 9, None] == seen


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9))), st.randoms())
def test_which_heartbeat_counts_does_not_depend_on_the_order_of_arrival(told, rng):
    """RULES 18, and a redelivered heartbeat of an hour ago is no sign of life."""
    items = [
        parse(
            heartbeat(f"c{number}", counters={"read": count, "published": count}, source_epoch=count % 3), AT + seconds
        )
        for number, seconds, count in told
    ]
    whole, pieces = InventoryState(), InventoryState()
    shuffled = [*items, *items[:2]]
    rng.shuffle(shuffled)

    result = process_burst(whole, items, version=1)
    result.draft.merge(1)
    for version, item in enumerate(shuffled, 1):
        process_burst(pieces, [item], version=version).draft.merge(version)

    assert whole.connectors == pieces.connectors
    assert {Outcome.FILTERED} >= {arrival.outcome for arrival in result.arrivals}


@pytest.mark.parametrize(("epoch", "outranked_by"), [(0, None), (1, None), (2, 2)])
def test_a_connector_is_outranked_by_a_greater_epoch_alone(epoch, outranked_by):
    """RULES 12: under its own epoch what it says counts."""
    earlier = parse(heartbeat(source_epoch=epoch), AT).heard
    now = parse(heartbeat(source_epoch=1), AT + 1).heard

    assert outranked_by == now.join(earlier).outranked_by
