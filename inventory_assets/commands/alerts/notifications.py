"""`inventory alerts notifications`: who was notified of what, when, by which channel, and how that went."""

from typing import Any

import click

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.notify.history import read_notifications
from inventory_assets.option_types import ROWS
from inventory_assets.queries.ids import find_subject_id
from inventory_assets.settings import load_settings
from inventory_assets.words.commands import command
from inventory_assets.words.numbers import counted

SHOWN = ("at", "id", "channel", "kind", "about", "recipients", "status", "tries", "error")
LEAVING = ("kind", "tries", "recipients", "id", "error")


@click.command()
@click.argument("subject_id", metavar="[ID]", required=False)
@click.option("--limit", type=ROWS, default=50, show_default=True,
              help="Newest rows of a table; json and csv have all.")  # fmt: skip
@format_option
def notifications(subject_id: str | None, limit: int, format_: str) -> None:
    """List who was notified of what, when, by which channel, with tries and errors; the newest first.

    ID is that of an alert, an incident or a notification, or a part of one as
    elsewhere; without it, all. `owed` was not tried yet, `held` is on hold
    until a maintenance window ends. `inventory explain` of a notification's id
    shows every try.
    """
    reader = LakeReader(load_settings())
    found = None if subject_id is None else find_subject_id(reader, subject_id)
    rows = read_notifications(reader, found)
    if format_ != "table":
        print_rows(rows, format_)
        return
    if not rows:
        notes.print("nobody was notified yet" if found is None else "nobody was notified of it yet", style="dim")
        return
    print_rows([_short(row) for row in rows], "table", columns=SHOWN, leaving=LEAVING, limit=limit)
    if planned := next((row["id"] for row in rows if row["id"].startswith("ntf-")), None):
        asked = command("inventory explain {}", planned[-8:])
        notes.print(f"Every try: {asked}", style="dim", soft_wrap=True)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A notification in a line; an id as its last eight characters, which every command takes."""
    members = row["members"]
    about = members[0][-8:] if len(members) == 1 else counted(len(members), "alert")
    at, recipients = row["last_attempt_at"] or row["planned_at"], ", ".join(row["recipients"]) or None
    return {**row, "at": at, "id": row["id"][-8:], "about": about, "recipients": recipients}
