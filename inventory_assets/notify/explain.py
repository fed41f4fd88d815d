"""Show what a notification is of, and check it against the alerts and incidents it names."""

import json
from dataclasses import dataclass, field
from typing import Any

from inventory_assets.domain.alerts.incidents import is_incident_id
from inventory_assets.domain.notify.routing import make_notification_id
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.clauses import latest
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.notify.incidents import read_summaries
from inventory_assets.notify.planner import to_planned
from inventory_assets.words.notifications import KINDS


class UnknownNotificationError(LakeError):
    """There is no such notification."""


@dataclass(slots=True)
class NotificationExplanation:
    """One notification: its row, its alerts as they were notified, its tries, and what does not agree."""

    row: dict[str, Any]
    why: str
    members: list[dict[str, Any]]
    tries: list[dict[str, Any]]
    settled_by: str | None
    differences: list[str] = field(default_factory=list)


def explain_notification(reader: Reader, notification_id: str) -> NotificationExplanation:
    """Lay out a notification and re-derive its id.

    Raises:
        UnknownNotificationError: There is no such notification.
    """
    rows = reader.query("SELECT * FROM out.notifications WHERE notification_id = ?", [notification_id])
    if not rows.height:
        raise UnknownNotificationError(
            f"no notification {notification_id!r}. "
            'List them with `inventory sql "SELECT notification_id, channel, kind FROM out.notifications"`.'
        )
    row = rows.row(0, named=True)
    planned = to_planned(row)
    ids = sorted({alert_id for alert_id, _ in planned.members})
    found = reader.query(
        "SELECT alert_id, alert_type, priority, warehouse_id, sku, state, notification_count FROM out.alerts_changes "
        f"WHERE alert_id IN ({IDS}) AND version <= {row['planned_version']} "
        f"{latest('alert_id')}",
        [id_list(ids)],
    )
    alerts = {each["alert_id"]: each for each in found.iter_rows(named=True)}
    alerts |= read_summaries(reader, [id_ for id_ in ids if is_incident_id(id_)], row["planned_version"])
    differences = []
    derived = make_notification_id(planned.channel, planned.kind, planned.members, planned.covers)
    if derived != notification_id:
        differences.append(f"notification_id: {notification_id!r} stored, {derived!r} re-derived")
    for alert_id, number in planned.members:
        alert = alerts.get(alert_id)
        if alert is None:
            differences.append(f"{alert_id}: notified, but there was none such at version {row['planned_version']}")
        elif number > alert["notification_count"]:
            differences.append(f"{alert_id}: notification {number}, but it was due {alert['notification_count']} times")
    repeated = reader.query(
        "SELECT count(*) AS n FROM out.notifications WHERE notification_id = ?", [notification_id]
    ).item()
    if repeated > 1:
        differences.append(f"notification_id: planned {repeated} times")
    tries = reader.query(
        "SELECT attempt, status, attempted_at, message_id, response, error FROM out.deliveries WHERE subject_id = ? "
        "ORDER BY attempted_at, version",
        [notification_id],
    )
    settled = reader.query(
        "SELECT notification_id FROM out.notifications WHERE covers LIKE ? AND kind <> 'resolved' ORDER BY version",
        [f'%"{notification_id}"%'],
    )
    row |= {name: json.loads(row[name]) for name in ("recipients", "covers")}
    del row["members"]
    return NotificationExplanation(
        row, KINDS.get(planned.kind, ("", planned.kind))[1],
        [{**alerts.get(alert_id, {"alert_id": alert_id}), "telling": number} for alert_id, number in planned.members],
        list(tries.iter_rows(named=True)), settled["notification_id"][0] if settled.height else None, differences,
    )  # fmt: skip
