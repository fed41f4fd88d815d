"""An alert's second message: what event subscribers get of what `alerts-topic` carries.

Who runs out, or is below the least that was set, is low stock: `low-stock-alerts`,
in the event publishers' words (an `item_id` and its stock). A reorder point is
above that, and asks for an order: it is a reorder trigger, `reorder-events`. So each
alert leaves by exactly one more topic, made of the message on the first and
nothing else.
"""

from collections.abc import Mapping
from typing import Any

from inventory_assets.domain.alerts.alert import PRIORITY
from inventory_assets.domain.events.kinds import Condition
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.outbox.envelope import attributes_of, event_uuid, service_event

ALERT_SCHEMA = "alert/1"
LOW_STOCK_SCHEMA = "low-stock-alert/1"
SERVICE_SCHEMA = "service-event/1"
REORDER_TRIGGER = "REORDER_TRIGGER"

# What people do about an alert is left out: a repeat of a telling says what the first said.
_LOW_STOCK_FIELDS = (
    "alert_id", "alert_type", "priority", "warehouse_id", "product_name", "current_stock", "available_stock",
    "reserved_stock", "inbound_stock", "threshold", "timestamp", "first_breach_time", "is_late",
    "restock_recommendation", "lineage",
)  # fmt: skip


def second_topic(alert_type: str) -> Topic:
    """Where an alert of a type leaves beside `alerts-topic`."""
    return Topic.REORDERS if alert_type == Condition.REORDER else Topic.LOW_STOCK


SECOND_TOPICS = tuple(dict.fromkeys(second_topic(each) for each in Condition))
"""All of those."""


def telling_id(alert_id: str, number: int) -> str:
    """What repeats of one telling share; the next telling of the same alert has another."""
    return f"{alert_id}/{number}"


def severity_of(alert_type: str) -> str:
    """An alert's severity, the wire's `priority`."""
    return PRIORITY[Condition(alert_type)]


def alert_attributes(schema: str, *, alert_id: str, number: int, alert_type: str, warehouse_id: str) -> dict[str, str]:
    """The attributes of an alert's message in a form of its own; of which telling of it."""
    return {"alert_id": alert_id, "notification": str(number)} | attributes_of(
        schema=schema, kind=alert_type, severity=severity_of(alert_type), warehouse_id=warehouse_id,
        event_id=telling_id(alert_id, number),
    )  # fmt: skip


def low_stock_alert(wire: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The message of low-stock-alerts of an alert's on alerts-topic, and which telling of it this is."""
    fields = {name: wire[name] for name in _LOW_STOCK_FIELDS if name in wire}
    return {"item_id": wire["sku"], "notification": number, **fields}


def reorder_trigger(wire: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The service event of a REORDER alert: its reorder point is reached."""
    advised = wire.get("restock_recommendation") or {}
    lineage = wire.get("lineage") or {}
    return service_event(
        REORDER_TRIGGER,
        event_id=event_uuid(REORDER_TRIGGER, wire["alert_id"], str(number)),
        sku=wire["sku"],
        warehouse_id=wire["warehouse_id"],
        quantity_change=advised.get("suggested_quantity"),
        timestamp=wire["timestamp"],
        reference_id=wire["alert_id"],
        notes=(lineage.get("arithmetic") or {}).get("comparison"),
        more={
            "notification": number, "supplierId": advised.get("supplier_id"),
            "leadTimeDays": advised.get("typical_lead_time_days"), "available": wire["available_stock"],
            "inbound": wire["inbound_stock"], "threshold": wire["threshold"],
        },
    )  # fmt: skip
