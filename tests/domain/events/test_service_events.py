"""Events of other services, in R4's envelope (RULES 39)."""

import pytest

from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import TRANSACTIONS, UPDATES, level, message, rule, transaction
from tests.domain.events.reading import read
from tests.envelopes import ADJUSTMENTS, SERVICES, adjustment, service_event

# R4's own sample, as its text has it but for the uuid.
SAMPLE = {
    "eventId": "0b9c1a52-6f0e-4f7e-9d0e-2a7d1f6f8c11", "eventType": "INVENTORY_UPDATE", "sku": "LAPTOP-001",
    "warehouseId": "WAREHOUSE-001", "quantityChange": -2, "timestamp": "2022-04-20T00:00:00Z",
    "referenceId": "ORDER-12345", "notes": "Sale transaction",
}  # fmt: skip


@pytest.mark.parametrize("name", ["INVENTORY_UPDATE", "TRANSACTION"])
@pytest.mark.parametrize(
    ("quantity", "more", "type_"),
    [
        (-2, {}, "ADJUSTMENT"),
        (-2, {"referenceId": None}, "ADJUSTMENT"),
        (-2, {"referenceId": 12345}, "ADJUSTMENT"),
        (-2, {"referenceId": "ORDER-1"}, "ORDER"),
        (-2, {"referenceId": "SO-1"}, "ORDER"),
        (5, {"referenceId": "PO-1"}, "RESTOCK"),
        (5, {"referenceId": "RET-1"}, "RETURN"),
        (5, {"referenceId": "RMA-1"}, "RETURN"),
        # A prefix is what it begins with, letter for letter.
        (-2, {"referenceId": "order-1"}, "ADJUSTMENT"),
        (-2, {"referenceId": "REORDER-1"}, "ADJUSTMENT"),
        (5, {"referenceId": "PO1"}, "ADJUSTMENT"),
        # A sign against the type: what moves is what is said, its reason is not.
        (2, {"referenceId": "ORDER-1"}, "ADJUSTMENT"),
        (-5, {"referenceId": "PO-1"}, "ADJUSTMENT"),
        (-5, {"referenceId": "RMA-1"}, "ADJUSTMENT"),
        (-5, {"transactionType": "RESTOCK"}, "ADJUSTMENT"),
        (-5, {"transactionType": "RESERVE"}, "ADJUSTMENT"),
        (-5, {"transactionType": "TRANSFER"}, "ADJUSTMENT"),
        # What it says of itself comes first.
        (5, {"transactionType": "RESERVE", "referenceId": "PO-1"}, "RESERVE"),
        (5, {"transactionType": "RELEASE"}, "RELEASE"),
        (-5, {"transactionType": "ORDER", "referenceId": "PO-1"}, "ORDER"),
        (5, {"transactionType": "ADJUSTMENT", "referenceId": "PO-1"}, "ADJUSTMENT"),
    ],
)
def test_its_type_is_said_or_follows_from_the_reference(name, quantity, more, type_):
    found = read(service_event(name, quantity, **more), topic=SERVICES)

    assert (type_, "COMPLETED", quantity) == (found.type, found.status, found.quantity)


def test_the_sample_says_the_same_as_a_document():
    bare = transaction(
        "T", quantity=-2, sku="LAPTOP-001", warehouse_id="WAREHOUSE-001", timestamp="2022-04-20T00:00:00Z"
    )
    expected, found = read(bare), read(SAMPLE, topic=SERVICES)

    assert (expected.content, expected.event_at, expected.position) == (found.content, found.event_at, found.position)
    assert found.event_id == f"r4:{SAMPLE['eventId']}"


def test_a_transfer_names_its_receiver():
    found = read(service_event(quantity=3, transactionType="TRANSFER", toWarehouseId="W2"), topic=SERVICES)

    assert ("TRANSFER", "W1", "W2", 3) == (found.type, found.warehouse_id, found.to_warehouse_id, found.quantity)


def test_a_level_states_what_is_on_hand_and_nothing_of_what_is_reserved():
    found = read(service_event("STOCK_LEVEL", 40), topic=SERVICES)
    expected = read(level(40, "08:00"))

    assert (expected.content, expected.position) == (found.content, found.position)
    assert found.reserved is None


def test_it_is_itself_by_its_id_alone_and_no_document_s_version():
    """A warehouse may number its transactions as a service its events: the same fact twice is two."""
    sent = [
        message(transaction("e1", quantity=-1)),
        message(service_event(quantity=-1), topic=SERVICES),
        message(service_event(quantity=-1, notes="again"), topic=SERVICES),
        message(service_event(quantity=-1, warehouseId="W2"), topic=SERVICES),
        message(service_event("STOCK_LEVEL", 1), topic=SERVICES),
        message(service_event("TRANSACTION", -1), topic=SERVICES),
    ]
    result = process_burst(InventoryState(), parse_burst(sent, ParseSettings()), version=1)

    assert ["applied", "applied", "duplicate", "conflicting_duplicate", "conflicting_duplicate", "duplicate"] == [
        arrival.outcome if arrival.rejection is None else arrival.rejection.reason for arrival in result.arrivals
    ]
    assert result.draft.keys[("W1", "S1")].on_hand == -2


@pytest.mark.parametrize(
    ("document", "topic", "reason"),
    [
        *[
            (service_event(**{field: None}), SERVICES, "missing_field")
            for field in ("eventId", "sku", "warehouseId", "quantityChange", "timestamp")
        ],
        (service_event(eventType=None), SERVICES, "missing_field"),
        (service_event("STOCK_LEVEL", quantity=None), SERVICES, "missing_field"),
        (service_event("REORDER_TRIGGERED"), SERVICES, "unsupported_type"),
        (service_event(eventType="inventory_update"), SERVICES, "unsupported_type"),
        (service_event(eventType=["STOCK_LEVEL"]), SERVICES, "unsupported_type"),
        (service_event(quantity=0), SERVICES, "invalid_sign"),
        (service_event(quantity=0, transactionType="RESTOCK"), SERVICES, "invalid_sign"),
        (service_event(quantity=1.5), SERVICES, "invalid_value"),
        (service_event(quantity=True), SERVICES, "invalid_value"),
        (service_event("STOCK_LEVEL", "many"), SERVICES, "invalid_value"),
        (service_event(transactionType="SALE"), SERVICES, "invalid_value"),
        (service_event(transactionType=5), SERVICES, "invalid_value"),
        (service_event(quantity=3, transactionType="TRANSFER"), SERVICES, "missing_field"),
        (service_event(quantity=3, transactionType="TRANSFER", toWarehouseId="W1"), SERVICES, "invalid_value"),
        (service_event(eventId=" e1"), SERVICES, "invalid_id"),
        (service_event(eventId="e" * 257), SERVICES, "invalid_id"),
        (service_event(sku=4711), SERVICES, "invalid_id"),
        (service_event(timestamp="yesterday"), SERVICES, "invalid_value"),
        (service_event(timestamp="1999-01-01T00:00:00Z"), SERVICES, "event_time_out_of_range"),
        # Each envelope has its topics.
        (service_event(), ADJUSTMENTS, "wrong_topic"),
        (service_event(), TRANSACTIONS, "wrong_topic"),
        (transaction("T"), SERVICES, "wrong_topic"),
        (level(), SERVICES, "wrong_topic"),
        (rule(), SERVICES, "wrong_topic"),
        (adjustment(), SERVICES, "wrong_topic"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it_is_said(document, topic, reason):
    found = read(document, topic=topic)

    assert isinstance(found, Rejection) and reason == found.reason


# --- R2's adjustments ----------------------------------------------------------------------


@pytest.mark.parametrize("quantity", [-7, 12, "5", {"$numberLong": "5"}])
def test_an_adjustment_says_the_same_as_a_document(quantity):
    expected = read(transaction("T", "ADJUSTMENT", quantity))
    found = read(adjustment(quantity, reason="count", event_id="a1"), topic=ADJUSTMENTS)

    assert (expected.content, expected.status, expected.position) == (found.content, found.status, found.position)


def test_an_adjustment_without_a_warehouse_is_in_the_default_one():
    bare = adjustment(warehouse_id=None)
    refused = read(bare, topic=ADJUSTMENTS)
    found = read(bare, topic=ADJUSTMENTS, settings=ParseSettings(default_warehouse="W9"))
    named = read(adjustment(), topic=ADJUSTMENTS, settings=ParseSettings(default_warehouse="W9"))

    assert "missing_field" == refused.reason and "INVENTORY_DEFAULT_WAREHOUSE" in refused.detail
    assert ("W9", "W1") == (found.warehouse_id, named.warehouse_id)


def test_an_adjustment_is_itself_by_its_id_its_row_or_its_bytes():
    """RULES 10, 41. Equal lines of a file are two events, equal messages one."""
    sent = [
        message(adjustment(event_id="a1"), topic=ADJUSTMENTS),
        message(adjustment(event_id="a1", reason="again"), topic=ADJUSTMENTS),
        message(adjustment(-2, event_id="a1"), topic=ADJUSTMENTS),
        message(adjustment(event_id="a2"), topic=ADJUSTMENTS, row_id="f:1"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:1"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:2"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:2"),
        message(adjustment(), topic=ADJUSTMENTS),
        message(adjustment(), topic=ADJUSTMENTS),
        message(adjustment(at="08:01"), topic=ADJUSTMENTS),
    ]
    result = process_burst(InventoryState(), parse_burst(sent, ParseSettings()), version=1)

    assert [
        "applied", "duplicate", "conflicting_duplicate", "applied", "applied", "applied", "duplicate", "applied",
        "duplicate", "applied",
    ] == [a.outcome if a.rejection is None else a.rejection.reason for a in result.arrivals]  # fmt: skip
    assert result.draft.keys[("W1", "S1")].on_hand == -6
    assert "file/f/2" == result.arrivals[5].event.transaction_id


@pytest.mark.parametrize(
    ("document", "topic", "reason"),
    [
        (adjustment(item_id=None), ADJUSTMENTS, "missing_field"),
        (adjustment(timestamp=None), ADJUSTMENTS, "missing_field"),
        (adjustment(None), ADJUSTMENTS, "missing_field"),
        (adjustment(0), ADJUSTMENTS, "invalid_sign"),
        (adjustment("ten"), ADJUSTMENTS, "invalid_value"),
        (adjustment(item_id=7), ADJUSTMENTS, "invalid_id"),
        (adjustment(warehouse_id=""), ADJUSTMENTS, "invalid_id"),
        (adjustment(event_id=7), ADJUSTMENTS, "invalid_id"),
        (adjustment(timestamp="20.04.2022"), ADJUSTMENTS, "invalid_value"),
        (adjustment(), TRANSACTIONS, "wrong_topic"),
        (adjustment(), UPDATES, "wrong_topic"),
        ({"item_id": "S1", "timestamp": "2022-04-20T08:00:00Z"}, ADJUSTMENTS, "unknown_kind"),
    ],
)
def test_what_is_wrong_with_an_adjustment_is_said(document, topic, reason):
    found = read(document, topic=topic)

    assert isinstance(found, Rejection) and reason == found.reason
