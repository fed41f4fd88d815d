"""Notifications for tests.

Belongs here: builders. Does not belong: expectations.
"""

import copy
from typing import Any

import msgspec

from inventory_assets.domain.notify.notifications import AlertFacts, IncidentFacts, Outgoing
from inventory_assets.notify.message.sample import sample_notification

HOSTILE = "Mug</td><script>alert(1)</script>\r\nBcc: x@evil.example\u202e <!channel> &amp; 'q' \"w\" \x00\x1b[31m"


def facts(number: int = 1, **body: Any) -> AlertFacts:
    """One alert."""
    sample = sample_notification("x").alerts[0]
    fields = {**copy.deepcopy(sample.body), "alert_id": f"alt-{number}", **body}
    return AlertFacts(f"alt-{number}", 1, True, fields, "the rule for category C", sample.line)


def single(**body: Any) -> Outgoing:
    """A notification of one alert."""
    base = sample_notification("x")
    return msgspec.structs.replace(
        base, notification_id="ntf-1", alerts=(facts(**body),), alert_ids=("alt-1",), recipients=()
    )


def group(size: int, kind: str = "group", reason: str = "category Mugs", **body: Any) -> Outgoing:
    """A notification of many alerts."""
    alerts = tuple(facts(number, **body) for number in range(size))
    ids = tuple(each.alert_id for each in alerts)
    return msgspec.structs.replace(single(), kind=kind, reason=reason, alerts=alerts, alert_ids=ids)


def incident(kind: str = "incident", **more: Any) -> Outgoing:
    """A notification of one incident."""
    arithmetic = {"skus": ["MUG-1", "MUG-2", "MUG-3"], "comparison": "3 SKUs out of stock >= 3"}
    fields = {"title": "3 SKUs of category MUGS are out of stock", "subject": "MUGS", "arithmetic": arithmetic, **more}
    told = IncidentFacts(
        incident_id="inc-1", number=1, is_open=kind != "resolved", kind="CATEGORY_STOCKOUTS", severity="CRITICAL",
        warehouse_id=None, sku=None, opened_at=1_650_441_600_000_000, members=("alt-1", "alt-2", "alt-3"), **fields,
    )  # fmt: skip
    return msgspec.structs.replace(
        single(), kind=kind, severity="CRITICAL", alerts=(), alert_ids=("inc-1",), incidents=(told,),
        resolves="ntf-0" if kind == "resolved" else None,
    )  # fmt: skip
