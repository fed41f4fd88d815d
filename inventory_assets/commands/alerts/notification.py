"""Print what `inventory explain` says of a notification."""

import sys
from dataclasses import asdict

from inventory_assets.commands.output import console, print_rows, to_json
from inventory_assets.lake.query.reader import Reader
from inventory_assets.notify.explain import explain_notification
from inventory_assets.words.numbers import counted
from inventory_assets.words.times import to_second

MAX_ROWS = 20


def explain_notification_command(reader: Reader, notification_id: str, format_: str) -> None:
    """Print a notification's explanation; exit 1 if something does not agree."""
    found = explain_notification(reader, notification_id)
    if format_ == "json":
        print_rows([to_json(asdict(found))], "json")
    else:
        row = found.row
        reason = f" ({row['reason']})" if row["reason"] else ""
        console.print(
            f"{notification_id}: {row['severity']} {row['kind']}{reason} on channel {row['channel']}, "
            f"{counted(len(found.members), 'alert')}, planned at {to_second(row['planned_at'])} "
            f"from lake version {row['planned_version']}: {found.why}",
            soft_wrap=True,
        )
        if found.settled_by is not None:
            console.print(f"sent with {found.settled_by}")
        print_rows(found.members[:MAX_ROWS], "table", title="What it is of, the worst first")
        if len(found.members) > MAX_ROWS:
            console.print(f"… and {len(found.members) - MAX_ROWS} more: --format json")
        print_rows(found.tries, "table", title="Tries")
        for difference in found.differences:
            console.print(f"different: {difference}")
        if not found.differences:
            console.print("✓ The id follows from the alerts, and every alert was due this notification.", style="green")
    if found.differences:
        sys.exit(1)
