"""`inventory alerts notifications`: who was told what, when, by which channel, and how that went."""

import json
from typing import Any

import click

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.settings import load_settings
from inventory_assets.stages.owed import REARMED
from inventory_assets.stages.subjects import find_subject_id
from inventory_assets.wiring import LakeReader

SHOWN = ("at", "id", "channel", "kind", "about", "recipients", "status", "tries", "error")

# A telling is a notification of the policy's channels, or one on Pub/Sub, which has no row but its tries.
# Nothing tried yet is owed, unless it was kept for later or dropped.
TELLINGS = f"""
    WITH tries AS (
        SELECT subject_id, notification, channel, count(*) FILTER (status <> '{REARMED}') AS tries,
            max(attempted_at) AS last_attempt_at,
            arg_max(status, (version, attempted_at)) AS status, arg_max(error, (version, attempted_at)) AS error,
            arg_max(response, (version, attempted_at)) AS response
        FROM out.deliveries GROUP BY ALL
    ),
    tellings AS (
        SELECT n.notification_id AS id, n.channel, n.kind, n.severity, n.reason, n.members, n.recipients,
            n.planned_at, t.last_attempt_at, t.tries, t.error, t.response,
            CASE WHEN n.kind IN ('held', 'dismissed') THEN n.kind
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
    SELECT * FROM tellings WHERE ? IS NULL OR id = ? OR contains(members, ?)
    ORDER BY coalesce(last_attempt_at, planned_at) DESC, id, channel
"""


@click.command()
@click.argument("subject_id", metavar="[ID]", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True,
              help="Newest rows of a table; json and csv have all.")  # fmt: skip
@format_option
def notifications(subject_id: str | None, limit: int, format_: str) -> None:
    """List who was told of what, when, by which channel, with tries and errors; the newest first.

    ID is that of an alert, an incident or a notification, or a part of one as
    elsewhere; without it, all. `owed` was not tried yet, `held` waits for the
    end of a maintenance window. `inventory explain` of a notification's id
    shows every try.
    """
    reader = LakeReader(load_settings())
    found = None if subject_id is None else find_subject_id(reader, subject_id)
    # As JSON has it, with its quotes: an id that another begins with is not meant.
    member = None if found is None else json.dumps(found, ensure_ascii=False)
    rows = [_row(row) for row in reader.rows(TELLINGS, [found, found, member])]
    if format_ != "table":
        print_rows(rows, format_)
        return
    if not rows:
        notes.print("nobody was told yet" if found is None else "nobody was told of it yet", style="dim")
        return
    print_rows([_short(row) for row in rows[:limit]], "table", columns=SHOWN)
    if len(rows) > limit:
        notes.print(f"{len(rows) - limit} more: --limit {len(rows)}", style="dim")
    if planned := next((row["id"] for row in rows if row["id"].startswith("ntf-")), None):
        notes.print(f"Every try: inventory explain {planned[-8:]}", style="dim")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "tries": row["tries"] or 0,
        "members": [member[0] for member in json.loads(row["members"])],
        "recipients": json.loads(row["recipients"]),
    }


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A telling in a line; an id as its last eight characters, which every command takes."""
    members = row["members"]
    about = members[0][-8:] if len(members) == 1 else f"{len(members)} alerts"
    return {
        **row,
        "at": row["last_attempt_at"] or row["planned_at"],
        "id": row["id"][-8:],
        "about": about,
        "recipients": ", ".join(row["recipients"]) or None,
    }
