"""R0's own documents give R0's own numbers, and an alert of its structure (issue 2, "Done when")."""

import hashlib
import json

from inventory_assets.queries.explain import explain_alert
from tests import builders
from tests.facts import STOCK, differences, rows, value

KEY = ("WH-EAST-1", "IPHONE13-PRO-256-SILVER")
LEVEL_ID = "level:WH-EAST-1:IPHONE13-PRO-256-SILVER:2022-04-20T07%3A00%3A00.000000Z"
ORDER_ID = "transaction:WH-EAST-1:TRX-123457:COMPLETED"


def alert_id() -> str:
    """RULES 29, spelled out."""
    named = json.dumps([*KEY, "LOW_STOCK", ORDER_ID], separators=(",", ":"))
    return f"alt-20220420-{KEY[0]}-{KEY[1]}-LOW_STOCK-{hashlib.sha256(named.encode()).hexdigest()[:8]}"


def test_samples_give_155_12_143(engine, sample_messages):
    """A level and an order in one second: the order comes after it (RULES 12)."""
    rule, level, transaction, order = sample_messages
    engine.commit_burst([level, transaction, rule])

    assert rows(engine.lake, STOCK) == [(*KEY, 155, 12, 143, 0)]
    assert value(engine.lake, "SELECT count(*) FROM out.alerts") == 0

    # Another cut than the lake of the other tests, and the same alert (RULES 25).
    engine.commit_burst([order, order])
    assert rows(engine.lake, "SELECT alert_id, notification_count FROM out.alerts") == [(alert_id(), 1)]


def test_samples_and_one_order_give_r0s_alert_every_field_from_its_input(sample_engine):
    product, level, rule = builders.SAMPLE_PRODUCT, builders.SAMPLE_LEVEL, builders.SAMPLE_RULE
    order, transaction = builders.SAMPLE_ORDER, builders.SAMPLE_TRANSACTION
    on_hand = level["current_stock"] + transaction["quantity"] + order["quantity"]
    available = on_hand - level["reserved_stock"]

    body = json.loads(value(sample_engine.lake, "SELECT body FROM out.alerts"))

    assert (on_hand, available) == (57, 45)
    assert body == {
        "alert_type": "LOW_STOCK",
        "priority": "HIGH",
        "warehouse_id": order["warehouse_id"],
        "sku": order["sku"],
        "product_name": f"{product['product_name']} {product['variant_name']}",
        "current_stock": on_hand,
        "available_stock": available,
        "reserved_stock": level["reserved_stock"],
        "inbound_stock": 0,
        "threshold": rule["min_threshold_qty"],
        "timestamp": order["timestamp"],
        "hierarchy": {
            "department": product["department_name"],
            "category": product["category_name"],
            "brand": product["brand_name"],
            "product": product["product_name"],
        },
        "restock_recommendation": {
            "suggested_quantity": product["order_up_to"] - available,
            "supplier_id": product["supplier_id"],
            "typical_lead_time_days": product["lead_time_days"],
        },
        "alert_id": alert_id(),
        "first_breach_time": order["timestamp"],
        "is_late": False,
        "stock_trend": [
            {"timestamp": level["last_updated"], "available_stock": 144},
            {"timestamp": transaction["timestamp"], "available_stock": 143},
            {"timestamp": order["timestamp"], "available_stock": 45},
        ],
        "lineage": {
            "opening_event_id": ORDER_ID,
            "event_ids": [LEVEL_ID, ORDER_ID],
            "state_version": 5,  # products, rule, level, transaction, order
            "rule": {
                "level_type": rule["level_type"],
                "level_id": rule["level_id"],
                "warehouse_id": rule["warehouse_id"],
                "version": 2,
            },
            "arithmetic": {
                "on_hand": on_hand,
                "reserved": level["reserved_stock"],
                "available": available,
                "threshold": rule["min_threshold_qty"],
                "comparison": f"available {available} < min_threshold_qty {rule['min_threshold_qty']}",
            },
        },
    }


def test_alert_has_the_fields_of_r0s_sample_in_its_types(sample_engine):
    """R0's readers keep working: its names, its nesting, its types."""
    sample = {
        "alert_type": str, "priority": str, "warehouse_id": str, "sku": str, "product_name": str,
        "current_stock": int, "threshold": int, "timestamp": str,
        "hierarchy": {"department": str, "category": str, "brand": str, "product": str},
        "restock_recommendation": {"suggested_quantity": int, "supplier_id": str, "typical_lead_time_days": int},
        "alert_id": str, "first_breach_time": str,
    }  # fmt: skip

    body = json.loads(value(sample_engine.lake, "SELECT body FROM out.alerts"))

    for name, kind in sample.items():
        if isinstance(kind, dict):
            assert {field: type(found) for field, found in body[name].items()} == kind
        else:
            assert type(body[name]) is kind, name


def test_samples_explain_and_verify_without_a_difference(sample_engine):
    explanation = explain_alert(sample_engine.lake, alert_id(), meaning=sample_engine.meaning)

    assert explanation.differences == []
    assert [(line.what, line.on_hand, line.available) for line in explanation.events] == [
        ("LEVEL", 156, 144),
        ("ORDER COMPLETED", 155, 143),
        ("ORDER COMPLETED", 57, 45),
    ]
    assert [(line.level_type, line.verdict) for line in explanation.rules] == [
        ("CATEGORY", "wins: the most specific rule"),
        ("EMBEDDED", "a rule comes first"),
        ("SYSTEM", "not needed"),
    ]
    assert [(t["transition"], t["reason"]) for t in explanation.transitions] == [
        ("opened", "breach"),
        ("notified", "breach"),
    ]
    assert differences(sample_engine) == []
