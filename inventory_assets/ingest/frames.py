"""Write domain values as rows of the lake's tables. No decisions here."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.alerts.alert import PRIORITY, Alert, Product, to_wire
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.events.kinds import (
    Event,
    Level,
    Outcome,
    Tombstone,
    Transaction,
    entity_key,
    entity_names,
)
from inventory_assets.domain.ingest.process import BurstResult, Message
from inventory_assets.domain.ingest.state import NO_SKU_PARENTS
from inventory_assets.domain.thresholds.resolve import DynamicLimits

_encode = msgspec.json.encode


def _frame(rows: dict[str, list], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides=schema, strict=False)


def _times(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.with_columns(pl.from_epoch(pl.col(name).cast(pl.Int64), "us").alias(name) for name in columns)


def raw_messages(messages: Sequence[Message], result: BurstResult) -> pl.DataFrame:
    """One row per received message, in order of receipt."""
    arrivals = result.arrivals
    frame = pl.DataFrame(
        {
            "seq": range(len(messages)),
            "message_id": [m.message_id for m in messages],
            "topic": [m.topic for m in messages],
            "publish_time": [m.publish_at for m in messages],
            "ordering_key": [m.ordering_key for m in messages],
            "attributes": [json.dumps(m.attributes, sort_keys=True) if m.attributes else "{}" for m in messages],
            "data": [m.data for m in messages],
            "event_id": [a.event.event_id if a.event is not None else None for a in arrivals],
            "outcome": [a.outcome.value for a in arrivals],
        },
        schema_overrides={"event_id": pl.String, "topic": pl.String, "seq": pl.Int64, "data": pl.Binary},
    )
    return _times(frame, "publish_time").with_columns(pl.col("publish_time").dt.date().alias("arrival_date"))


def dead_letters(messages: Sequence[Message], result: BurstResult) -> pl.DataFrame:
    """One row per refused message."""
    refused = [
        (seq, message, arrival.rejection)
        for seq, (message, arrival) in enumerate(zip(messages, result.arrivals, strict=True))
        if arrival.rejection is not None
    ]
    frame = pl.DataFrame(
        {
            "seq": [seq for seq, _, _ in refused],
            "message_id": [m.message_id for _, m, _ in refused],
            "topic": [m.topic for _, m, _ in refused],
            "publish_time": [m.publish_at for _, m, _ in refused],
            "ordering_key": [m.ordering_key for _, m, _ in refused],
            "attributes": [json.dumps(m.attributes, sort_keys=True) for _, m, _ in refused],
            "reason": [r.reason for _, _, r in refused],
            "detail": [r.detail for _, _, r in refused],
            "attempts": [_attempts(m) for _, m, _ in refused],
            "data": [m.data for _, m, _ in refused],
        },
        schema_overrides={
            "seq": pl.Int64, "topic": pl.String, "publish_time": pl.Int64, "attempts": pl.Int64, "data": pl.Binary,
        },
    )  # fmt: skip
    return _times(frame, "publish_time")


def _attempts(message: Message) -> int:
    # Attributes are the sender's to set: anything but a small number is as good as none.
    text = message.attributes.get("replay_attempt", "0")
    return int(text) + 1 if text.isascii() and text.isdigit() and len(text) < 10 else 1


def events(result: BurstResult) -> pl.DataFrame:
    """One row per event id taken in, sorted by (seq)."""
    taken = [
        (seq, arrival.event, arrival)
        for seq, arrival in enumerate(result.arrivals)
        if arrival.event is not None and arrival.outcome in (Outcome.APPLIED, Outcome.SUPERSEDED)
    ]
    rows = [(*_event_row(seq, event), arrival.available, arrival.outcome.value) for seq, event, arrival in taken]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_EVENT_SCHEMA)
    frame = pl.DataFrame(dict(zip(_EVENT_SCHEMA, columns, strict=True)), schema=_EVENT_SCHEMA)
    return _times(frame, "event_at").with_columns(pl.col("event_at").dt.date().alias("event_date"))


_EVENT_SCHEMA = {
    "seq": pl.Int64, "event_id": pl.String, "entity_key": pl.Int64, "row_key": pl.Int64, "kind": pl.String,
    "warehouse_id": pl.String, "sku": pl.String, "to_warehouse_id": pl.String,
    "transaction_id": pl.String, "type": pl.String, "status": pl.String, "quantity": pl.Int64,
    "event_at": pl.Int64, "source_epoch": pl.Int64, "instant": pl.Int64, "increment": pl.Int64,
    "has_cluster_time": pl.Boolean, "details": pl.String, "available": pl.Int64, "outcome": pl.String,
}  # fmt: skip


def _event_row(seq: int, event: Event) -> tuple:
    epoch, instant, increment = event.position
    key, *others = map(entity_key, entity_names(event))
    row_key = others[0] if others else None
    if isinstance(event, Transaction):
        return (
            seq, event.event_id, key, row_key, "transaction", event.warehouse_id, event.sku, event.to_warehouse_id,
            event.transaction_id, event.type, event.status, event.quantity, event.event_at,
            epoch, instant, increment, event.has_cluster_time, None,
        )  # fmt: skip
    has_cluster_time = event.has_cluster_time if isinstance(event, Level | Tombstone) else None
    sku = getattr(event, "sku", None)
    return (
        seq, event.event_id, key, row_key, event.kind, event.warehouse_id, sku, None, None, None, None, None,
        event.event_at, epoch, instant, increment, has_cluster_time, _encode(event).decode(),
    )  # fmt: skip


def sku_state(result: BurstResult) -> pl.DataFrame:
    """One row per changed key."""
    draft = result.draft
    states = list(draft.keys.changed.values())
    parents = [draft.sku_parents(state.sku).parents for state in states]
    frame = pl.DataFrame(
        {
            "warehouse_id": [s.warehouse_id for s in states],
            "sku": [s.sku for s in states],
            "on_hand": [s.on_hand for s in states],
            "reserved": [s.reserved for s in states],
            "inbound": [s.inbound for s in states],
            "is_active": [s.is_active for s in states],
            "department_id": [p[0] for p in parents],
            "category_id": [p[1] for p in parents],
            "brand_id": [p[2] for p in parents],
            "product_id": [p[3] for p in parents],
            "is_restock_in_progress": [s.is_restock_in_progress for s in states],
            "event_count": [s.event_count for s in states],
            "last_event_at": [s.last_event_at for s in states],
            "fold_state": [_encode(s).decode() for s in states],
        }
    )
    return _times(frame, "last_event_at")


def threshold_rules(result: BurstResult) -> pl.DataFrame:
    """One row per changed scope."""
    stored = list(result.draft.rules.changed.values())
    rows = [s.rule for s in stored]
    frame = _frame(
        {
            "level_type": [r.level_type for r in rows],
            "level_id": [r.level_id for r in rows],
            "warehouse_id": [r.warehouse_id for r in rows],
            "min_threshold_qty": [r.min_threshold_qty for r in rows],
            "reorder_threshold_qty": [r.reorder_threshold_qty for r in rows],
            "min_threshold_days": [r.min_threshold_days for r in rows],
            "reorder_threshold_days": [r.reorder_threshold_days for r in rows],
            "cooldown_minutes": [r.cooldown_minutes for r in rows],
            "is_enabled": [r.is_enabled for r in rows],
            "is_deleted": [r.is_deleted for r in rows],
            "event_id": [r.event_id for r in rows],
            "updated_at": [r.event_at for r in rows],
            "details": [_encode(s).decode() for s in stored],
        },
        {
            "warehouse_id": pl.String, "min_threshold_qty": pl.Int64, "reorder_threshold_qty": pl.Int64,
            "min_threshold_days": pl.Float64, "reorder_threshold_days": pl.Float64,
        },
    )  # fmt: skip
    return _times(frame, "updated_at")


def threshold_audit(result: BurstResult) -> pl.DataFrame:
    """One row per rule change that took effect, in order."""
    frame = pl.DataFrame(
        [msgspec.structs.asdict(change) for change in result.draft.rule_changes],
        schema={
            "version": pl.Int64, "seq": pl.Int64, "level_type": pl.String, "level_id": pl.String,
            "warehouse_id": pl.String, "action": pl.String, "author": pl.String, "reason": pl.String,
            "before": pl.String, "after": pl.String, "event_id": pl.String, "changed_at": pl.Int64,
            "previous_hash": pl.String, "hash": pl.String,
        },
    )  # fmt: skip
    return _times(frame, "changed_at")


def resolved_thresholds(result: BurstResult) -> pl.DataFrame:
    """One row per key whose limits changed."""
    items = list(result.draft.thresholds.changed.items())
    return _frame(
        {
            "warehouse_id": [key[0] for key, _ in items],
            "sku": [key[1] for key, _ in items],
            "min_threshold_qty": [t.min_qty for _, t in items],
            "reorder_threshold_qty": [t.reorder_qty for _, t in items],
            "min_threshold_days": [t.min_days for _, t in items],
            "reorder_threshold_days": [t.reorder_days for _, t in items],
            "cooldown_minutes": [t.cooldown_minutes for _, t in items],
            "is_enabled": [t.is_enabled for _, t in items],
            "rule_level_type": [t.level_type for _, t in items],
            "rule_level_id": [t.level_id for _, t in items],
            "rule_warehouse_id": [t.warehouse_id for _, t in items],
            "rule_version": [t.version for _, t in items],
            "rule_event_id": [t.event_id for _, t in items],
            "dynamic": [None if t.dynamic is None else _encode(t.dynamic).decode() for _, t in items],
        },
        {
            "min_threshold_qty": pl.Int64, "reorder_threshold_qty": pl.Int64, "min_threshold_days": pl.Float64,
            "reorder_threshold_days": pl.Float64, "rule_warehouse_id": pl.String, "rule_version": pl.Int64,
            "rule_event_id": pl.String, "dynamic": pl.String,
        },
    )  # fmt: skip


def alerts(result: BurstResult) -> pl.DataFrame:
    """One row per alert that changed."""
    changed = list(result.changed_alerts.values())
    frame = _frame(
        {
            "alert_id": [a.alert_id for a in changed],
            "warehouse_id": [a.warehouse_id for a in changed],
            "sku": [a.sku for a in changed],
            "alert_type": [a.condition.value for a in changed],
            "priority": [PRIORITY[a.condition] for a in changed],
            "state": ["firing" if a.is_firing else "resolved" for a in changed],
            "available": [a.available for a in changed],
            "threshold": [float(a.threshold) for a in changed],
            "opened_at": [a.opened_at for a in changed],
            "resolved_at": [a.resolved_at for a in changed],
            "resolved_reason": [a.resolved_reason for a in changed],
            "notification_count": [a.notification_count for a in changed],
            "acknowledged_by": [a.handled.acknowledged_by for a in changed],
            "acknowledged_at": [a.handled.acknowledged_at for a in changed],
            "silenced_until": [a.handled.silenced_until for a in changed],
            "escalated_level": [a.handled.escalated_level or None for a in changed],
            "inhibited_by": [", ".join(a.handled.inhibited_by) or None for a in changed],
            "is_untrusted": [a.handled.is_untrusted or None for a in changed],
            "body": [alert_body(a, result) for a in changed],
            "record": [_encode(a).decode() for a in changed],
        },
        {
            "resolved_at": pl.Int64, "resolved_reason": pl.String, "acknowledged_by": pl.String,
            "acknowledged_at": pl.Int64, "silenced_until": pl.Int64, "inhibited_by": pl.String,
            "escalated_level": pl.Int64, "is_untrusted": pl.Boolean,
        },
    )  # fmt: skip
    return _times(frame, "opened_at", "resolved_at", "acknowledged_at", "silenced_until")


def alert_body(alert: Alert, result: BurstResult) -> str:
    """The message that tells of an alert, as it leaves the system."""
    draft = result.draft
    parents = draft.skus.get(alert.sku, NO_SKU_PARENTS).parents
    return _encode(to_wire(alert, parents, draft.products.get(alert.sku))).decode()


def transitions(result: BurstResult) -> pl.DataFrame:
    """One row per step of an alert, in the order taken."""
    steps = [transition for _, transition in result.transitions]
    frame = _frame(
        {
            "seq": list(range(len(steps))),
            "alert_id": [t.alert_id for t in steps],
            "transition": [t.transition for t in steps],
            "reason": [t.reason for t in steps],
            "event_id": [t.event_id for t in steps],
            "event_at": [t.at for t in steps],
            "is_late": [t.is_late for t in steps],
            "actor": [t.actor for t in steps],
        },
        {"event_id": pl.String, "actor": pl.String},
    )
    return _times(frame, "event_at")


def products(rows: Iterable[Product]) -> pl.DataFrame:
    """One row per changed SKU's product data."""
    return pl.DataFrame(
        [msgspec.structs.asdict(row) for row in rows],
        schema={
            "sku": pl.String, "product_name": pl.String, "variant_name": pl.String, "brand_name": pl.String,
            "category_name": pl.String, "department_name": pl.String, "supplier_id": pl.String,
            "lead_time_days": pl.Int64, "order_up_to": pl.Int64, "unit_price": pl.Float64,
            "pack_multiple": pl.Int64, "document_fields": pl.String,
            "is_removed": pl.Boolean,
        },
    )  # fmt: skip


def velocity(rows: Sequence[tuple[str, str, float | None]], as_of_date: str) -> pl.DataFrame:
    """One row per key whose velocity changed."""
    return pl.DataFrame(
        {
            "warehouse_id": [row[0] for row in rows],
            "sku": [row[1] for row in rows],
            "daily_units": [row[2] for row in rows],
        },
        schema={"warehouse_id": pl.String, "sku": pl.String, "daily_units": pl.Float64},
    ).with_columns(pl.lit(as_of_date).str.to_date().alias("as_of_date"))


_DYNAMIC_SCHEMA = {
    "min_qty": pl.Int64, "reorder_qty": pl.Int64, "model": pl.String, "daily_units": pl.Float64,
    "demand": pl.Float64, "deviation": pl.Float64, "protection_days": pl.Int64, "service_level": pl.Float64,
    "safety_factor": pl.Float64,
}  # fmt: skip


def dynamic_thresholds(rows: Sequence[tuple[str, str, DynamicLimits | None]], as_of_date: str) -> pl.DataFrame:
    """One row per key whose computed limits changed; nulls where there are none any more."""
    return pl.DataFrame(
        {
            "warehouse_id": [row[0] for row in rows],
            "sku": [row[1] for row in rows],
            **{name: [getattr(row[2], name, None) for row in rows] for name in _DYNAMIC_SCHEMA},
        },
        schema={"warehouse_id": pl.String, "sku": pl.String, **_DYNAMIC_SCHEMA},
    ).with_columns(pl.lit(as_of_date).str.to_date().alias("as_of_date"))


_CONNECTOR_SCHEMA = {
    "connector_id": pl.String, "warehouse_id": pl.String, "heard_at": pl.Int64, "state": pl.String,
    "published_until": pl.Int64, "lag_seconds": pl.Float64, "source_epoch": pl.Int64, "open_gaps": pl.Int64,
    "outranked_by": pl.Int64, "read": pl.Int64, "published": pl.Int64, "dead_lettered": pl.Int64, "owner_id": pl.String,
    "started_at": pl.Int64, "last_error": pl.String,
}  # fmt: skip


def connectors(rows: Iterable[Heard]) -> pl.DataFrame:
    """One row per connector heard of."""
    heard = list(rows)
    frame = pl.DataFrame(
        {name: [getattr(each, name) for each in heard] for name in _CONNECTOR_SCHEMA}, schema=_CONNECTOR_SCHEMA
    )
    return _times(frame, "heard_at", "published_until", "started_at").rename({"heard_at": "last_heard_at"})
