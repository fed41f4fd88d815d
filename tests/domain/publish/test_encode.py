"""A fact in each envelope that can say it; where one cannot, it says what it lacks (RULES 38, 39, 41)."""

import pytest

from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.encode import CannotSayError, Fact, to_adjustment, to_cloudevent, to_r4
from inventory_assets.domain.publish.facts import to_bytes
from tests import builders

ROW = "file/abc/7"
AT = "2022-04-20T08:00:00.000000Z"
NOW = 1_650_500_000_000_000


def fact(document, reason=None):
    event = parse_message(Topic.ADJUSTMENTS, to_bytes(document), {}, NOW, ParseSettings())
    assert event.kind in ("transaction", "level"), event
    return Fact(event, ROW, reason)


def test_an_adjustment_is_said_in_three_ways():
    said = fact(builders.transaction(ROW, "ADJUSTMENT", -5), "broken")

    assert to_adjustment(said) == {
        "item_id": "S1", "adjustment": -5, "timestamp": AT, "warehouse_id": "W1", "event_id": ROW, "reason": "broken",
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


def test_a_transfer_is_said_as_a_cloudevent():
    moved = to_cloudevent(fact(builders.transaction("T1", "TRANSFER", 5, to_warehouse_id="W2")))

    assert "warehouse.stock.transferred" == moved["type"]
    assert {"sku": "S1", "from_warehouse_id": "W1", "to_warehouse_id": "W2", "quantity": 5} == moved["data"]


def test_a_level_is_said_in_two_ways():
    stated, reserved = fact(builders.level(40)), fact(builders.level(40, reserved_stock=3))

    assert {"sku": "S1", "warehouse_id": "W1", "quantity_on_hand": 40} == to_cloudevent(stated)["data"]
    assert 3 == to_cloudevent(reserved)["data"]["quantity_reserved"]
    assert ("warehouse.stock.updated", "file/abc", "7") == tuple(
        to_cloudevent(stated)[name] for name in ("type", "source", "id")
    )
    assert to_r4(stated) == {
        "eventId": ROW, "eventType": "STOCK_LEVEL", "sku": "S1", "warehouseId": "W1", "quantity": 40,
        "timestamp": "2022-04-20T07:00:00.000000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("encode", "document", "lacking"),
    [
        (to_adjustment, builders.level(), "no levels"),
        (to_adjustment, builders.transaction("T1"), "no ORDER"),
        (to_adjustment, builders.transaction("T1", "ADJUSTMENT", status="PENDING"), "this one is PENDING"),
        (to_adjustment, builders.transaction("T1", "ADJUSTMENT", line_id="1"), "line_id"),
        (to_cloudevent, builders.transaction("T1"), "no ORDER"),
        (to_cloudevent, builders.transaction("T1", "TRANSFER", 5, status="PENDING", to_warehouse_id="W2"), "PENDING"),
        (to_cloudevent, builders.level(category_id="C"), "hierarchy"),
        (to_cloudevent, builders.level(min_threshold=1), "thresholds"),
        (to_r4, builders.transaction("T1", "TRANSFER", 5, to_warehouse_id="W2"), "no TRANSFER"),
        (to_r4, builders.level(reserved_stock=1), "reserved"),
        (to_r4, builders.level(restock_in_progress=True), "restock_in_progress"),
        (to_r4, builders.level(supplier_id="X"), "product data"),
    ],
)
def test_nothing_of_a_fact_is_left_out_in_silence(encode, document, lacking):
    with pytest.raises(CannotSayError, match=lacking):
        encode(fact(document))
