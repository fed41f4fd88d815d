"""Who was notified of what, when, by which channel, and how that went."""

import json
from typing import Any

from inventory_assets.lake.query.reader import Reader
from inventory_assets.notify.ledger import REARMED
from inventory_assets.notify.planner import NOT_SENT

# One is a notification of the policy's channels, or one on Pub/Sub, which has no row but its tries.
# Nothing tried yet is owed, unless it was kept for later or dropped.
_NOTIFICATIONS = f"""
    WITH tries AS (
        SELECT subject_id, notification, channel, count(*) FILTER (status <> '{REARMED}') AS tries,
            max(attempted_at) AS last_attempt_at,
            arg_max(status, (version, attempted_at)) AS status, arg_max(error, (version, attempted_at)) AS error,
            arg_max(response, (version, attempted_at)) AS response
        FROM out.deliveries GROUP BY ALL
    ),
    notifications AS (
        SELECT n.notification_id AS id, n.channel, n.kind, n.severity, n.reason, n.members, n.recipients,
            n.planned_at, t.last_attempt_at, t.tries, t.error, t.response,
            CASE WHEN n.{NOT_SENT} THEN n.kind
                ELSE coalesce(nullif(t.status, '{REARMED}'), 'owed') END AS status
        FROM out.notifications n LEFT JOIN tries t ON t.subject_id = n.notification_id AND t.channel = n.channel
        UNION ALL
        SELECT t.subject_id, t.channel, 'single', a.priority, 'telling ' || t.notification,
            json_array(json_array(t.subject_id, t.notification)), '[]', NULL, t.last_attempt_at, t.tries, t.error,
            t.response, t.status
        FROM tries t JOIN (
            SELECT alert_id AS subject_id, priority FROM out.alerts
            UNION ALL SELECT incident_id, priority FROM out.incidents
        ) a USING (subject_id)
    )
    SELECT * FROM notifications WHERE ? IS NULL OR id = ? OR contains(members, ?)
    ORDER BY coalesce(last_attempt_at, planned_at) DESC, id, channel
"""


def read_notifications(reader: Reader, subject_id: str | None = None) -> list[dict[str, Any]]:
    """Notifications of an alert, an incident or a notification by its whole id, or all; the newest first."""
    # As JSON has it, with its quotes: an id that another begins with is not meant.
    member = None if subject_id is None else json.dumps(subject_id, ensure_ascii=False)
    rows = reader.query(_NOTIFICATIONS, [subject_id, subject_id, member])
    return [
        {
            **row,
            "tries": row["tries"] or 0,
            "members": [member[0] for member in json.loads(row["members"])],
            "recipients": json.loads(row["recipients"]),
        }
        for row in rows.iter_rows(named=True)
    ]
