"""A fact in each envelope that can say it; where one cannot, it says what it lacks (RULES 38, 39, 41)."""

import pytest

from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.encode import (
    CannotSayError,
    Fact,
    to_adjustment,
    to_cloudevent,
    to_inventory_event,
    to_r4,
)
from inventory_assets.domain.publish.facts import to_bytes
from inventory_assets.messaging.envelopes import decode_protobuf, encode_protobuf
from tests import builders

ROW = "file/abc/7"
AT = "2022-04-20T08:00:00.000000Z"
NOW = 1_650_500_000_000_000


def fact(document, reason=None):
    document = document if reason is None else document | {"reason": reason}
    event = parse_message(Topic.ADJUSTMENTS, to_bytes(document), {}, NOW, ParseSettings())
    assert event.kind in ("transaction", "level"), event
    return Fact(event, ROW, document)


def test_an_adjustment_is_said_in_three_ways():
    said = fact(builders.transaction(ROW, "ADJUSTMENT", -5), "broken")

    assert to_adjustment(said) == {
        "item_id": "S1", "adjustment": -5, "timestamp": AT, "warehouse_id": "W1", "reason": "broken",
    }  # fmt: skip
    assert to_cloudevent(said) == {
        "specversion": "1.0", "id": "7", "source": "file/abc", "type": "warehouse.stock.adjusted", "time": AT,
        "datacontenttype": "application/json",
        "data": {"sku": "S1", "warehouse_id": "W1", "quantity_change": -5, "reason": "broken"},
    }  # fmt: skip
    assert to_r4(said) == {
        "eventId": ROW, "eventType": "INVENTORY_UPDATE", "transactionType": "ADJUSTMENT", "sku": "S1",
        "warehouseId": "W1", "quantityChange": -5, "timestamp": AT, "notes": "broken",
    }  # fmt: skip


def test_an_id_of_its_own_is_told_from_another_warehouses():
    """RULES 10: warehouses may number alike, and these envelopes' ids are of all."""
    said = fact(builders.transaction("T:1", "ORDER", -5))

    assert ("W1:T%3A1", "TRANSACTION", "ORDER") == tuple(
        to_r4(said)[name] for name in ("eventId", "eventType", "transactionType")
    )
    reserved = to_cloudevent(fact(builders.transaction("T:1", "RESERVE", 5)))
    assert ("/warehouses/W1", "T:1") == (reserved["source"], reserved["id"])
    assert {"sku": "S1", "warehouse_id": "W1", "quantity": 5} == reserved["data"]
    assert "W1:T%3A1" == to_adjustment(fact(builders.transaction("T:1", "ADJUSTMENT", 5)))["event_id"]


def test_a_transfer_is_said_in_two_ways():
    said = fact(builders.transaction("T1", "TRANSFER", 5, to_warehouse_id="W2"))
    moved = to_cloudevent(said)

    assert ("W1", "W2") == tuple(to_r4(said)[name] for name in ("warehouseId", "toWarehouseId"))

    assert "warehouse.stock.transferred" == moved["type"]
    assert {"sku": "S1", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 5} == moved["data"]


def test_a_level_is_said_in_two_ways():
    stated, reserved = fact(builders.level(40)), fact(builders.level(40, reserved_stock=3))

    event = to_cloudevent(reserved)
    assert {"sku": "S1", "warehouse_id": "W1", "quantity_on_hand": 40, "quantity_reserved": 3} == event["data"]
    assert ("warehouse.stock.updated", "file/abc", "7") == tuple(event[name] for name in ("type", "source", "id"))
    assert to_r4(stated) == {
        "eventId": ROW, "eventType": "STOCK_LEVEL", "sku": "S1", "warehouseId": "W1", "quantity": 40,
        "timestamp": "2022-04-20T07:00:00.000000Z",
    }  # fmt: skip


WAYS = [
    (to_adjustment, Topic.ADJUSTMENTS, {"row_id": "abc:7"}),
    (to_cloudevent, Topic.SERVICES, {"content-type": "application/cloudevents+json"}),
    (to_r4, Topic.SERVICES, {}),
    (to_inventory_event, Topic.ADJUSTMENTS, {"row_id": "abc:7", "googclient_schemaencoding": "JSON"}),
    (to_inventory_event, Topic.ADJUSTMENTS, {"row_id": "abc:7", "googclient_schemaencoding": "BINARY"}),
]
READING = ParseSettings(decode_protobuf=decode_protobuf)


@pytest.mark.parametrize(("encode", "topic", "attributes"), WAYS)
@pytest.mark.parametrize(
    "document",
    [
        builders.transaction(ROW, "ADJUSTMENT", -5),
        builders.transaction("T1", "ADJUSTMENT", 5, updated_at="2022-04-20T09:00:00Z"),
        builders.transaction("T1", "RESERVE", 5),
        builders.transaction("T1", "ORDER", -5),
        builders.transaction("T1", "ORDER", -5, status="PENDING", line_id="2"),
        builders.transaction("T1", "TRANSFER", 5, to_warehouse_id="W2"),
        builders.level(0),
        builders.level(40, reserved_stock=3),
        builders.level(
            40, min_threshold=1, reorder_threshold=0, category_id="C", restock_in_progress=True, supplier_id="X",
            unit_price=9.5, lead_time_days=7, updated_at="2022-04-20T09:00:00Z",
        ),
    ],
    ids=lambda document: f"{document.get('transaction_type', 'level')}-{len(document)}",
)  # fmt: skip
def test_what_is_said_is_read_as_the_same_fact(encode, topic, attributes, document):
    """All but ids, and whose clock it is; what an envelope cannot say, it refuses."""
    said = fact(document)
    try:
        body = encode(said)
    except CannotSayError:
        assert encode is not to_inventory_event
        return
    data = encode_protobuf(body) if attributes.get("googclient_schemaencoding") == "BINARY" else to_bytes(body)

    read = parse_message(topic, data, attributes, NOW, READING)

    assert said.event.content == read.content
    assert (said.event.kind, said.event.event_at, said.event.position) == (read.kind, read.event_at, read.position)
    for field in ("status", "line_id", "is_restock_in_progress", "product_fields"):
        assert getattr(said.event, field, None) == getattr(read, field, None)


@pytest.mark.parametrize(
    ("encode", "document", "lacking"),
    [
        (to_adjustment, builders.level(), "no levels"),
        (to_adjustment, builders.transaction("T1"), "no ORDER"),
        (to_adjustment, builders.transaction("T1", "ADJUSTMENT", status="PENDING"), "this one is PENDING"),
        (to_adjustment, builders.transaction("T1", "ADJUSTMENT", line_id="1"), "line_id"),
        (to_cloudevent, builders.transaction("T1"), "no ORDER"),
        (to_cloudevent, builders.transaction("T1", "TRANSFER", 5, status="PENDING", to_warehouse_id="W2"), "PENDING"),
        (to_cloudevent, builders.level(), "no reserved stock would be read as 0"),
        (to_cloudevent, builders.level(category_id="C"), "hierarchy"),
        (to_cloudevent, builders.level(min_threshold=1), "thresholds"),
        (to_r4, builders.transaction("T1", "TRANSFER", 5, status="SHIPPED", to_warehouse_id="W2"), "SHIPPED"),
        (to_r4, builders.level(reserved_stock=1), "reserved"),
        (to_r4, builders.level(restock_in_progress=True), "restock_in_progress"),
        (to_r4, builders.level(supplier_id="X"), "product data"),
    ],
)
def test_nothing_of_a_fact_is_left_out_in_silence(encode, document, lacking):
    with pytest.raises(CannotSayError, match=lacking):
        encode(fact(document))
