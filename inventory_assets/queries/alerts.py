"""Read alerts with what was done about them, as `inventory alerts` and its commands show them."""

from datetime import datetime
from typing import Any

import msgspec

from inventory_assets.clock import clock_of
from inventory_assets.lake.query.clauses import WORST_FIRST
from inventory_assets.lake.query.reader import LakeReader, Reader


def read_alerts(
    reader: LakeReader, condition: str = "true", parameters: list[Any] | None = None, *,
    limit: int | None = None, offset: int = 0,
) -> list[dict]:  # fmt: skip
    """Alerts for which a condition holds, the worst and newest first: the wire's fields and the handling.

    `times_told` counts tellings; `silenced_until` is null once it is over.
    """
    part = "" if limit is None else f" LIMIT {limit:d} OFFSET {offset:d}"
    rows = reader.query(
        f"""SELECT body, state, notification_count, resolved_reason, opened_at, resolved_at, acknowledged_by,
            acknowledged_at, silenced_until, escalated_level, inhibited_by, is_untrusted
        FROM out.alerts WHERE {condition} ORDER BY {WORST_FIRST}, alert_id{part}""",
        parameters,
    )
    now = clock_of(reader.settings).now().replace(tzinfo=None)
    return [_with_handling(row, now) for row in rows.iter_rows(named=True)]


def read_steps(reader: Reader, alert_id: str) -> list[dict[str, Any]]:
    """The steps of an alert's life, in order."""
    rows = reader.query(
        "SELECT event_at AS at, transition, reason, actor, event_id, is_late, version FROM out.alert_transitions "
        "WHERE alert_id = ? ORDER BY version, seq",
        [alert_id],
    )
    return list(rows.iter_rows(named=True))


def wire_of(row: dict[str, Any]) -> dict[str, Any]:
    """What `inventory alerts` prints as JSON and CSV: the message as sent, `state` and `notified`."""
    return {**row["body"], "state": row["state"], "notified": row["notified"]}


def _with_handling(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    age = (row["resolved_at"] or now) - row["opened_at"]
    is_silenced = row["silenced_until"] is not None and row["silenced_until"] > now
    return {
        "body": msgspec.json.decode(row["body"]), "state": row["state"], "notified": row["notification_count"] > 0,
        "times_told": row["notification_count"], "resolved_reason": row["resolved_reason"],
        "acknowledged_by": row["acknowledged_by"], "acknowledged_at": row["acknowledged_at"],
        "silenced_until": row["silenced_until"] if is_silenced else None,
        "escalated_level": row["escalated_level"] or 0, "inhibited_by": row["inhibited_by"],
        "is_untrusted": bool(row["is_untrusted"]), "age_minutes": int(age.total_seconds() // 60),
    }  # fmt: skip
