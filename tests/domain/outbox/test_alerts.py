"""An alert leaves by alerts-topic and by exactly one more topic, made of the same message."""

import pytest

from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.alerts import low_stock_alert, reorder_trigger, second_topic, severity_of

WIRE = {
    "alert_type": "LOW_STOCK", "priority": "HIGH", "warehouse_id": "W1", "sku": "S1", "product_name": "Lamp",
    "current_stock": 9, "available_stock": 8, "reserved_stock": 1, "inbound_stock": 0, "threshold": 20,
    "timestamp": "2022-04-20T08:00:00.000Z", "hierarchy": {"brand": "B"},
    "restock_recommendation": {"suggested_quantity": 30, "supplier_id": "ACME", "typical_lead_time_days": 5},
    "alert_id": "alt-1", "first_breach_time": "2022-04-20T08:00:00.000Z", "is_late": False, "stock_trend": [],
    "lineage": {"opening_event_id": "e1", "arithmetic": {"comparison": "available 8 < min_threshold_qty 20"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition.STOCKOUT, (Topic.LOW_STOCK, "CRITICAL")),
        (Condition.LOW_STOCK, (Topic.LOW_STOCK, "HIGH")),
        # The event publishers know one limit, the least; a reorder point is above it, and asks for an order.
        (Condition.REORDER, (Topic.REORDERS, "MEDIUM")),
    ],
)
def test_low_stock_is_what_is_below_the_least_or_out(condition, expected):
    assert expected == (second_topic(condition), severity_of(condition))


def test_a_low_stock_alert_speaks_of_an_item_and_its_stock():
    found = low_stock_alert(WIRE, 2)

    assert ("S1", 9, 20, 2, "alt-1") == tuple(
        found[name] for name in ("item_id", "current_stock", "threshold", "notification", "alert_id")
    )
    assert WIRE["lineage"] == found["lineage"]


def test_what_people_did_about_an_alert_does_not_change_its_repeat():
    """Acknowledged between a crash and the repeat, the message is still the one that may be out."""
    handled = WIRE | {"acknowledged_by": "ann", "escalated_level": 1}

    assert low_stock_alert(WIRE, 1) == low_stock_alert(handled, 1)
    assert reorder_trigger(WIRE, 1) == reorder_trigger(handled, 1)


def test_a_reorder_trigger_says_how_much_and_refers_to_its_alert():
    found = reorder_trigger(WIRE, 1)

    assert [
        "eventId",
        "eventType",
        "sku",
        "warehouseId",
        "quantityChange",
        "timestamp",
        "referenceId",
        "notes",
    ] == list(found)[:8]
    assert ("REORDER_TRIGGER", 30, "alt-1") == (found["eventType"], found["quantityChange"], found["referenceId"])
    assert found["eventId"] != reorder_trigger(WIRE, 2)["eventId"]


def test_what_is_not_known_is_null():
    found = reorder_trigger(WIRE | {"restock_recommendation": None}, 1)

    assert (None, None) == (found["quantityChange"], found["supplierId"])
