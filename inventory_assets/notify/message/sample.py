"""A notification for trying a channel out; says that it is a test."""

from datetime import date, timedelta

from inventory_assets.domain.notify.notifications import AlertFacts, Outgoing
from inventory_assets.domain.values import format_time, to_datetime
from inventory_assets.words.plan import Line

PLANNED_AT = 1_767_225_600_000_000  # 2026-01-01, for who needs the same sample twice


def sample_notification(channel: str, *, planned_at: int = PLANNED_AT) -> Outgoing:
    """A made-up alert, named so that nobody acts on it. `planned_at` in microseconds."""
    at = format_time(planned_at, digits=3)
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
    facts = AlertFacts("alt-test", 1, True, body, "a test of this channel", _line(to_datetime(planned_at).date()))
    return Outgoing(f"ntf-test-{channel}", "single", "HIGH", "", (), ("alt-test",), (facts,), planned_at)


def _line(day: date) -> Line:
    """The shelf's line of a plan: 9 a day use 45 up in five days, before an order of twelve can come."""
    move = '[{"from":"TEST-WEST","to":"TEST-EAST","quantity":60,"leaves":100,"keeps":100}]'
    return {
        "line_id": f"pln-{day:%Y%m%d}-TEST-EAST-TEST-SKU", "warehouse_id": "TEST-EAST", "sku": "TEST-SKU",
        "supplier_id": "TEST-SUPPLIER", "category_id": "Test", "plan_date": day, "as_of_version": 0,
        "reason": "too_late", "is_urgent": True, "runs_out_on": day + timedelta(days=4),
        "order_by": day - timedelta(days=8), "order_quantity": 100, "needed": 95, "target": 200, "available": 45,
        "inbound": 0, "announced": 0, "accepted": 0, "lapsed": 0, "transferred_in": 60, "transferred_out": 0,
        "pack_multiple": 10, "min_order_qty": None, "order_up_to": 200, "transfers": move, "risk_percent": 100,
        "revenue_at_risk": 1253.7, "projected": -126, "projected_low": -143, "projected_high": -109, "demand": 171.0,
        "safety_stock": 22, "daily_units": 9.0, "daily_deviation": 3.0, "model": "mean", "lead_time_days": 12,
        "horizon_days": 19, "seen_by_limit": None, "rule": None, "not_known": None, "service_level": 0.95,
        "review_days": 7, "default_service_level": 0.95, "least_transfer": 3, "season_method": None, "season_of": None,
        "season_factor": None, "method": 2, "is_order_urgent": True, "overdue": 0, "overdue_since": None,
        "order_without_overdue": None, "arrives_on": None, "arriving": None, "waiting_risk_percent": 100,
    }  # fmt: skip
