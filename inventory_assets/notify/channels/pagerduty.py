"""PagerDuty-compatible Events API v2: trigger on an alert, resolve on its resolution.

`dedup_key` is the alert's id, so that every telling of an alert is one
incident; of a group or digest it is the notification's id.
"""

import hashlib
from typing import Any

import msgspec

from inventory_assets.domain.notify.notifications import IncidentFacts, Outgoing, Receipt
from inventory_assets.domain.values import format_time
from inventory_assets.notify.channels.channel import Channel
from inventory_assets.notify.channels.http import GuardedClient
from inventory_assets.notify.message.payload import to_incident
from inventory_assets.notify.message.wording import action_lines, reason_lines, subject_line
from inventory_assets.words.text import clean

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
SEVERITIES = {"CRITICAL": "critical", "HIGH": "error", "MEDIUM": "warning"}
MAX_DEDUP_KEY = 255
MAX_SUMMARY = 1024
MAX_LISTED = 100


class PagerDutyChannel(Channel):
    """`Channel` over Events v2."""

    def __init__(self, client: GuardedClient, routing_key: str) -> None:
        self._client = client
        self._routing_key = routing_key

    def send(self, notification: Outgoing) -> Receipt:
        """Enqueue one event."""
        body = msgspec.json.encode({"routing_key": self._routing_key, **to_event(notification)})
        headers = {"Content-Type": "application/json", "Idempotency-Key": notification.notification_id}
        answer = self._client.post(body, headers)
        return Receipt(answer.response, dedup_key(notification))


def dedup_key(notification: Outgoing) -> str:
    """What ties a trigger to its resolution."""
    # By how many it tells of, not by kind: a digest of one ends as a single does.
    if len(set(notification.alert_ids)) == 1:
        key = notification.alert_ids[0]
    else:
        key = notification.resolves or notification.notification_id
    # An id made of long warehouse and SKU names may exceed what PagerDuty takes.
    return key if len(key) <= MAX_DEDUP_KEY else hashlib.sha256(key.encode()).hexdigest()


def to_event(notification: Outgoing) -> dict[str, Any]:
    """The event, without the routing key."""
    if notification.kind == "resolved":
        return {"event_action": "resolve", "dedup_key": dedup_key(notification)}
    first = notification.alerts[0] if notification.alerts else None
    body = first.body if first is not None else {}
    details: dict[str, Any] = {"notification_id": notification.notification_id, "alerts": notification.total}
    if notification.incidents:
        details["incidents"] = [to_incident(facts) for facts in notification.incidents[:MAX_LISTED]]
    if first is None and notification.incidents:
        body = _as_body(notification.incidents[0])
    elif notification.total == 1 and first is not None:
        details |= {"alert": body, "what_to_do": action_lines(first)}
        if lines := reason_lines(notification, first):
            details["why"] = lines
    else:
        details["alert_ids"] = list(notification.alert_ids[:MAX_LISTED])
    return {
        "event_action": "trigger",
        "dedup_key": dedup_key(notification),
        "payload": {
            "summary": clean(subject_line(notification), MAX_SUMMARY),
            "source": clean(body.get("warehouse_id", "inventory")),
            "severity": SEVERITIES.get(notification.severity, "info"),
            "timestamp": body.get("timestamp"),
            "component": clean(body.get("sku", "")),
            "group": clean((body.get("hierarchy") or {}).get("category") or ""),
            "class": body.get("alert_type"),
            "custom_details": details,
        },
    }


def _as_body(incident: IncidentFacts) -> dict[str, Any]:
    """An incident where an alert's body is looked into; what concerns no one warehouse has its subject for source."""
    return {
        "warehouse_id": incident.warehouse_id or incident.subject,
        "timestamp": format_time(incident.opened_at, digits=3),
        "sku": incident.sku or incident.subject,
        "alert_type": incident.kind,
    }
