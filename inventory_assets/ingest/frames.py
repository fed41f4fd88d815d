"""Write domain values as rows of the lake's tables. No decisions here."""

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter

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
from inventory_assets.domain.events.refusals import class_of
from inventory_assets.domain.ingest.process import BurstResult, Message
from inventory_assets.domain.thresholds.resolve import DynamicLimits
from inventory_assets.domain.values import DAY_US
from inventory_assets.lake.tables import (
    ALERTS,
    CONNECTORS,
    CORE_EVENTS,
    DEAD_LETTERS,
    DYNAMIC_THRESHOLDS,
    PRODUCTS,
    RAW_MESSAGES,
    RESOLVED_THRESHOLDS,
    SKU_STATE,
    THRESHOLD_AUDIT,
    THRESHOLD_RULES,
    TRANSITIONS,
    VELOCITY,
)

_encode = msgspec.json.Encoder().encode
# `json.dumps` with options builds an encoder each time.
_sorted_json = json.JSONEncoder(sort_keys=True).encode

LIMITS = {
    "rule_level_type": "level_type", "rule_level_id": "level_id", "rule_warehouse_id": "warehouse_id",
    "min_threshold_qty": "min_qty", "reorder_threshold_qty": "reorder_qty", "min_threshold_days": "min_days",
    "reorder_threshold_days": "reorder_days", "cooldown_minutes": "cooldown_minutes", "is_enabled": "is_enabled",
    "rule_version": "version", "rule_event_id": "event_id", "dynamic": "dynamic",
}  # fmt: skip
"""Columns of core.resolved_thresholds and the fields of `Thresholds` that they hold, in the struct's order."""


def raw_messages(messages: Sequence[Message], result: BurstResult) -> pl.DataFrame:
    """One row per received message, in order of receipt."""
    arrivals = result.arrivals
    publish_times = [m.publish_at for m in messages]
    return RAW_MESSAGES.frame(
        messages,
        seq=range(len(messages)),
        publish_time=publish_times,
        attributes=[_sorted_json(m.attributes) if m.attributes else "{}" for m in messages],
        event_id=[a.event.event_id if a.event is not None else None for a in arrivals],
        outcome=[a.outcome for a in arrivals],
        arrival_date=[at // DAY_US for at in publish_times],
    )


def dead_letters(messages: Sequence[Message], result: BurstResult) -> pl.DataFrame:
    """One row per refused message."""
    refused = [
        (seq, message, arrival.rejection)
        for seq, (message, arrival) in enumerate(zip(messages, result.arrivals, strict=True))
        if arrival.rejection is not None
    ]
    return DEAD_LETTERS.frame(
        [m for _, m, _ in refused],
        seq=[seq for seq, _, _ in refused],
        publish_time=[m.publish_at for _, m, _ in refused],
        attributes=[_sorted_json(m.attributes) for _, m, _ in refused],
        reason=[r.reason for _, _, r in refused],
        detail=[r.detail for _, _, r in refused],
        error_class=[class_of(r.reason) for _, _, r in refused],
        position=[r.position for _, _, r in refused],
        trace=[r.trace for _, _, r in refused],
        attempts=[_attempts(m) for _, m, _ in refused],
    )


def _attempts(message: Message) -> int:
    # Attributes are the sender's to set: anything but a small number is as good as none.
    text = message.attributes.get("replay_attempt", "0")
    return int(text) + 1 if text.isascii() and text.isdigit() and len(text) < 10 else 1


def events(result: BurstResult) -> pl.DataFrame:
    """One row per event id taken in, sorted by (seq)."""
    rows = [
        (seq, arrival.available, arrival.outcome, *_event_row(arrival.event))
        for seq, arrival in enumerate(result.arrivals)
        if arrival.event is not None and arrival.outcome in (Outcome.APPLIED, Outcome.SUPERSEDED)
    ]
    return CORE_EVENTS.frame(**(dict(zip(_EVENT_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}))


_EVENT_COLUMNS = (
    "seq", "available", "outcome", "event_id", "entity_key", "row_key", "kind", "warehouse_id", "sku",
    "to_warehouse_id", "transaction_id", "type", "status", "quantity", "event_at", "event_date", "source_epoch",
    "instant", "increment", "has_cluster_time", "details", "source", "line_id",
)  # fmt: skip


def _event_row(event: Event) -> tuple:
    key, *others = map(entity_key, entity_names(event))
    row_key = others[0] if others else None
    event_at = event.event_at
    if type(event) is Transaction:
        return (
            event.event_id, key, row_key, event.kind, event.warehouse_id, event.sku, event.to_warehouse_id,
            event.transaction_id, event.type, event.status, event.quantity, event_at, event_at // DAY_US,
            *event.position, event.has_cluster_time, None, event.source, event.line_id,
        )  # fmt: skip
    has_cluster_time, source = (
        (event.has_cluster_time, event.source) if isinstance(event, Level | Tombstone) else (None, None)
    )
    return (
        event.event_id, key, row_key, event.kind, event.warehouse_id, getattr(event, "sku", None), None, None, None,
        None, None, event_at, event_at // DAY_US, *event.position, has_cluster_time, _encode(event).decode(),
        source, None,
    )  # fmt: skip


def sku_state(result: BurstResult) -> pl.DataFrame:
    """One row per changed key."""
    states = list(result.draft.keys.changed.values())
    parents = [after for _, _, _, after, _ in result.draft.leaves]
    return SKU_STATE.frame(
        states,
        department_id=[p[0] for p in parents],
        category_id=[p[1] for p in parents],
        brand_id=[p[2] for p in parents],
        product_id=[p[3] for p in parents],
        is_restock_in_progress=[bool(s.levels) and s.levels[0].is_restock_in_progress for s in states],
        fold_state=[_encode(s).decode() for s in states],
        is_unstated_key=[not s.levels for s in states],
    )


def threshold_rules(result: BurstResult) -> pl.DataFrame:
    """One row per changed scope."""
    stored = list(result.draft.rules.changed.values())
    return THRESHOLD_RULES.frame(
        [s.rule for s in stored],
        updated_at=[s.rule.event_at for s in stored],
        details=[_encode(s).decode() for s in stored],
    )


def threshold_audit(result: BurstResult) -> pl.DataFrame:
    """One row per rule change that took effect, in order."""
    return THRESHOLD_AUDIT.frame(result.draft.rule_changes)


def resolved_thresholds(result: BurstResult) -> pl.DataFrame:
    """One row per key whose limits changed."""
    changed = result.draft.thresholds.changed
    limits = list(changed.values())
    columns = {column: list(map(attrgetter(field), limits)) for column, field in LIMITS.items()}
    columns["dynamic"] = [None if t.dynamic is None else _encode(t.dynamic).decode() for t in limits]
    return RESOLVED_THRESHOLDS.frame(
        warehouse_id=[key[0] for key in changed], sku=[key[1] for key in changed], **columns
    )


def alerts(result: BurstResult) -> pl.DataFrame:
    """One row per alert that changed."""
    changed = list(result.changed_alerts.values())
    handled = [a.handled for a in changed]
    return ALERTS.frame(
        changed,
        alert_type=[a.condition.value for a in changed],
        priority=[PRIORITY[a.condition] for a in changed],
        state=["firing" if a.is_firing else "resolved" for a in changed],
        acknowledged_by=[h.acknowledged_by for h in handled],
        acknowledged_at=[h.acknowledged_at for h in handled],
        silenced_until=[h.silenced_until for h in handled],
        escalated_level=[h.escalated_level or None for h in handled],
        inhibited_by=[", ".join(h.inhibited_by) or None for h in handled],
        is_untrusted=[h.is_untrusted or None for h in handled],
        body=[alert_body(a, result) for a in changed],
        record=[_encode(a).decode() for a in changed],
    )


def alert_body(alert: Alert, result: BurstResult) -> str:
    """The message that tells of an alert, as it leaves the system."""
    body = result.bodies.get(id(alert))
    if body is None:
        draft = result.draft
        wire = to_wire(alert, draft.sku_parents(alert.sku).parents, draft.products.get(alert.sku))
        body = result.bodies[id(alert)] = _encode(wire).decode()
    return body


def transitions(result: BurstResult) -> pl.DataFrame:
    """One row per step of an alert, in the order taken."""
    steps = [transition for _, transition in result.transitions]
    return TRANSITIONS.frame(steps, seq=range(len(steps)), event_at=[t.at for t in steps])


def products(rows: Iterable[Product]) -> pl.DataFrame:
    """One row per changed SKU's product data."""
    return PRODUCTS.frame(list(rows))


def velocity(rows: Sequence[tuple[str, str, float | None]], as_of_date: str) -> pl.DataFrame:
    """One row per key whose velocity changed."""
    return VELOCITY.frame(
        warehouse_id=[row[0] for row in rows], sku=[row[1] for row in rows], daily_units=[row[2] for row in rows]
    ).with_columns(pl.lit(as_of_date).str.to_date().alias("as_of_date"))


def dynamic_thresholds(rows: Sequence[tuple[str, str, DynamicLimits | None]], as_of_date: str) -> pl.DataFrame:
    """One row per key whose computed limits changed; nulls where there are none any more."""
    return DYNAMIC_THRESHOLDS.frame(
        warehouse_id=[row[0] for row in rows],
        sku=[row[1] for row in rows],
        **{name: [getattr(row[2], name, None) for row in rows] for name in DynamicLimits.__struct_fields__},
    ).with_columns(pl.lit(as_of_date).str.to_date().alias("as_of_date"))


def connectors(rows: Iterable[Heard]) -> pl.DataFrame:
    """One row per connector heard of."""
    heard = list(rows)
    return CONNECTORS.frame(heard, last_heard_at=[each.heard_at for each in heard])
