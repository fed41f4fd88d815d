"""A notification as JSON: what webhooks and topics carry."""

from typing import Any

from inventory_assets.domain.notify.notifications import (
    AlertFacts,
    Ending,
    IncidentFacts,
    Outgoing,
    Step,
    without_repeats,
)
from inventory_assets.domain.values import format_time
from inventory_assets.notify.message.wording import subject_line
from inventory_assets.words import advice


def to_payload(notification: Outgoing) -> dict[str, Any]:
    """The notification: alerts in the wire format (RULES 30) with what to do about them, and incidents."""
    return {
        "notification_id": notification.notification_id, "kind": notification.kind, "severity": notification.severity,
        "reason": notification.reason or None, "subject": subject_line(notification),
        "planned_at": format_time(notification.planned_at, digits=3), "resolves": notification.resolves,
        "total": notification.total, "alert_ids": list(notification.alert_ids),
        "alerts": [_alert(facts) for facts in without_repeats(notification.alerts)],
        "incidents": [to_incident(facts) for facts in notification.incidents],
    }  # fmt: skip


def _step(step: Step | Ending) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "reason": step.reason,
        "at": format_time(step.at, digits=3),
        "by": step.actor,
        "words": step.words or None,
    }
    if isinstance(step, Ending):
        fields["available_stock"] = step.available
    return fields


def _alert(facts: AlertFacts) -> dict[str, Any]:
    return {
        **facts.body, "state": "firing" if facts.is_firing else "resolved", "notification": facts.number,
        "threshold_origin": facts.origin, "recommendation": advice.fields(facts.line),
        "difference": advice.difference_sentence(facts.body, facts.line) or None,
        "told_again": None if facts.telling is None else _step(facts.telling),
        "ended": None if facts.ending is None else _step(facts.ending),
    }  # fmt: skip


def to_incident(facts: IncidentFacts) -> dict[str, Any]:
    """One incident, with the numbers it was judged by."""
    return {
        "incident_id": facts.incident_id, "kind": facts.kind, "priority": facts.severity,
        "state": "open" if facts.is_open else "resolved", "title": facts.title, "subject": facts.subject,
        "warehouse_id": facts.warehouse_id, "sku": facts.sku, "opened_at": format_time(facts.opened_at, digits=3),
        "members": list(facts.members), "arithmetic": facts.arithmetic, "notification": facts.number,
    }  # fmt: skip
