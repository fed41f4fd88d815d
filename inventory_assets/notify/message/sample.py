"""A notification for trying a channel out; says that it is a test."""

from inventory_assets.domain.alerts.recommend import Supply, WarehouseStock, recommend
from inventory_assets.domain.notify.notifications import AlertFacts, Outgoing
from inventory_assets.domain.values import format_time

PLANNED_AT = 1_767_225_600_000_000  # 2026-01-01, for who needs the same sample twice


def sample_notification(channel: str, *, planned_at: int = PLANNED_AT) -> Outgoing:
    """A made-up alert, named so that nobody acts on it. `planned_at` in microseconds."""
    at = format_time(planned_at, digits=3)
    advice = recommend(
        WarehouseStock("TEST-EAST", 45, 0, True, 50, 100, daily_units=9.0),
        [WarehouseStock("TEST-WEST", 160, 0, True, 50, 100)],
        Supply(200, "TEST-SUPPLIER", 12, 10, 19.9),
    )
    trend = (143, 121, 96, 74, 58, 45)
    body = {
        "alert_type": "LOW_STOCK", "priority": "HIGH", "warehouse_id": "TEST-EAST", "sku": "TEST-SKU",
        "product_name": "Test message, nothing to do", "current_stock": 57, "available_stock": 45,
        "reserved_stock": 12, "inbound_stock": 0, "threshold": 50, "timestamp": at,
        "hierarchy": {"department": "Test", "category": "Test", "brand": "Test", "product": "Test"},
        "restock_recommendation": {
            "suggested_quantity": 160, "supplier_id": "TEST-SUPPLIER", "typical_lead_time_days": 12,
        },
        "alert_id": "alt-test", "first_breach_time": at, "is_late": False,
        "stock_trend": [{"timestamp": at, "available_stock": value} for value in trend],
        "lineage": {
            "opening_event_id": "test", "event_ids": ["test"], "state_version": 0,
            "rule": {"level_type": "CATEGORY", "level_id": "Test", "warehouse_id": None, "version": None},
            "arithmetic": {
                "on_hand": 57, "reserved": 12, "available": 45, "threshold": 50,
                "comparison": "available 45 < min_threshold_qty 50",
            },
        },
    }  # fmt: skip
    facts = AlertFacts("alt-test", 1, True, body, "a test of this channel", advice)
    return Outgoing(f"ntf-test-{channel}", "single", "HIGH", "", (), ("alt-test",), (facts,), planned_at)
