"""`inventory drop`: the files of the drop folder, published now."""

import sys
from typing import Any

import click

from inventory_assets.commands.output import format_option, notes, print_found
from inventory_assets.commands.stopping import stop_event
from inventory_assets.domain.publish.drop import REPORT
from inventory_assets.publishing.ledger import Taken, Verdict
from inventory_assets.settings import load_settings
from inventory_assets.words.drop import said

LOOK_SECONDS = 1.0


@click.command()
@click.option("--now", "at_once", is_flag=True, help="Also files that were written a moment ago, as they stand.")
@format_option
def drop(at_once: bool, format_: str) -> None:
    """Publish the new files of the drop folder (INVENTORY_DROP_FOLDER), as Dagster's sensor does.

    It waits until nobody seems to write them any more: ten seconds, two minutes for a file that ends in the middle of
    a line. Beside each file stands then its report. Exit 1 if one is refused.
    """
    # Here: the engine takes long to load, and `--help` needs none.
    from inventory_assets.wiring import take_dropped_files

    settings = load_settings()
    taken: list[Taken] = []
    with stop_event() as stop, notes.status("looking") as status:
        while True:
            found = take_dropped_files(settings, at_once=at_once)
            if found is None:
                raise click.ClickException(
                    f"there is no folder {settings.drop_uri!r}. Make it, or name another one or gs://bucket/prefix: "
                    "INVENTORY_DROP_FOLDER."
                )
            taken += found.taken
            if not found.waiting:
                break
            status.update(f"waiting for {len(found.waiting):,} files that may still be written (--now: do not)")
            if stop.wait(LOOK_SECONDS):
                break
    print_found([_row(each) for each in taken], format_, f"nothing new in {settings.drop_uri}")
    if found.odd:
        notes.print(f"{found.odd:,} files have names that are no text, and were let alone.", style="yellow")
    if found.unreported:
        notes.print(f"reports could not be written beside their files: {found.unreported}", style="yellow")
    if any(each.verdict is Verdict.REFUSED for each in taken):
        sys.exit(1)


def _row(each: Taken) -> dict[str, Any]:
    return {
        "file": each.name, "verdict": str(each.verdict), "rows": each.rows, "sent": each.sent, "wrong": each.bad,
        "what": said(each.verdict, each.rows, each.sent, each.bad, each.why), "report": f"{each.name}{REPORT}",
    }  # fmt: skip
