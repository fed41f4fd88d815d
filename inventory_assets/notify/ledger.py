"""What channels owe, by the lake: planned to be sent, neither sent nor given up; and owing it again.

Here: reading `out.notifications` and `out.deliveries`, and the rows that tries
leave there. Not here: when a try is made (`channel_queue`), who writes (`delivery`).
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from inventory_assets.domain.values import to_microseconds_naive
from inventory_assets.lake.query.reader import IDS, Reader, id_list
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.notify.channel_queue import Attempt
from inventory_assets.notify.facts import OwedNotification
from inventory_assets.notify.planner import NOT_SENT, to_planned

# How a notification is armed again that had been given up.
REARMED = "rearmed"
# What the tries of a channel come to, a row per notification. Arming it again outdoes what was
# before; a last try that failed through the configuration leaves nothing to wait for.
_TRIES = f"""
SELECT subject_id, count(*) FILTER (status <> '{REARMED}') AS attempts,
    max(attempted_at) FILTER (status = '{REARMED}') AS armed_at,
    CASE WHEN arg_max(status, (version, attempted_at)) = 'failed' THEN max(attempted_at) END AS last_attempt_at,
    coalesce(bool_or(status = 'sent'), false) OR arg_max(status, (version, attempted_at)) = 'failed_permanently'
        AS is_settled
FROM out.deliveries WHERE channel = ? GROUP BY 1
"""


def load_owed(reader: Reader, channel: str) -> list[OwedNotification]:
    """What a channel owes: planned to be sent, neither sent nor given up."""
    rows = reader.query(
        f"""
        SELECT n.*, coalesce(d.attempts, 0) AS attempts, d.last_attempt_at, d.armed_at
        FROM out.notifications n LEFT JOIN ({_TRIES}) d ON d.subject_id = n.notification_id
        WHERE n.channel = ? AND NOT n.{NOT_SENT} AND d.is_settled IS NOT TRUE
        ORDER BY n.version, n.seq
        """,
        [channel, channel],
    )
    return [
        OwedNotification(
            to_planned(row), row["planned_version"], to_microseconds_naive(row["planned_at"]), row["attempts"],
            _seconds(row["last_attempt_at"]), _seconds(row["armed_at"]),
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip


def _seconds(moment: Any) -> float:
    return 0.0 if moment is None else to_microseconds_naive(moment) / 1e6


def find_given_up(reader: Reader, channels: Iterable[str]) -> list[tuple[str, str]]:
    """What channels have given up and is still news.

    That is: an alert or incident of it goes on, or it is an end that was to be told.

    Returns:
        (notification id, channel), in the order planned.
    """
    found = reader.query(
        f"""
        SELECT n.notification_id, n.channel FROM out.notifications n JOIN (
            SELECT subject_id FROM out.deliveries WHERE subject_id LIKE 'ntf-%' GROUP BY 1
            HAVING arg_max(status, (version, attempted_at)) = 'failed_permanently' AND NOT bool_or(status = 'sent')
        ) d ON d.subject_id = n.notification_id
        WHERE n.channel IN ({IDS}) AND (n.kind = 'resolved' OR EXISTS (
            SELECT 1 FROM (SELECT unnest(from_json(n.members, '["JSON"]')) AS member) m
            JOIN (
                SELECT alert_id AS id FROM out.alerts WHERE state = 'firing'
                UNION ALL SELECT incident_id FROM out.incidents WHERE state = 'open'
            ) a ON a.id = json_extract_string(m.member, '$[0]')
        ))
        ORDER BY n.version, n.seq
        """,
        [id_list(channels)],
    )
    return found.rows()


def rearm(given_up: Iterable[tuple[str, str]], *, now: float) -> pl.DataFrame:
    """The rows that make given-up notifications owed again. `now` in seconds."""
    return to_frame([Attempt(id_, channel, 0, REARMED, now) for id_, channel in given_up])


def tries_since(reader: Reader, channel: str, since: float) -> list[float]:
    """When a channel tried something since a moment, in seconds: what counts towards its limit."""
    rows = reader.query(
        "SELECT attempted_at FROM out.deliveries WHERE channel = ? AND subject_id LIKE 'ntf-%' "
        f"AND status <> '{REARMED}' AND epoch_us(attempted_at) > ?",
        [channel, int(since * 1_000_000)],
    )
    return [to_microseconds_naive(moment) / 1e6 for moment in rows["attempted_at"]]


def to_frame(attempts: list[Attempt]) -> pl.DataFrame:
    """One row per attempt."""
    return DELIVERIES.frame(
        attempts,
        subject_id=[a.notification_id for a in attempts],
        notification=[0] * len(attempts),
        message_id=[a.provider_id for a in attempts],
        attempted_at=[int(a.attempted_at * 1_000_000) for a in attempts],
    )


def count_tries(reader: Reader, subject_id: str, channel: str) -> tuple[int, int]:
    """How often something was tried by a channel, and how often it was sent."""
    return reader.query(
        "SELECT count(*) AS tries, count(*) FILTER (status = 'sent') AS sent FROM out.deliveries "
        "WHERE subject_id = ? AND channel = ?",
        [subject_id, channel],
    ).row(0)  # type: ignore[return-value]
