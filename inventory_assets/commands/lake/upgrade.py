"""`inventory lake downgrade | new-journal`: the lake's own form, for the day that something went wrong."""

import click

from inventory_assets.commands.output import notes
from inventory_assets.lake.catalog.form import begin_new_journal, downgrade
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.settings import load_settings


@click.group()
def lake() -> None:
    """The lake's form: back to an earlier release's, or a journal that was lost."""


@lake.command("downgrade")
def downgrade_() -> None:
    """Land everything and give the lake the form of the release before journals. Stop every writer first."""
    settings = load_settings()
    LakeReader(settings)  # says clearly where there is no lake
    version = downgrade(settings)
    notes.print(
        f"version {version:,} is in the lake, and an earlier release can write to it; the next command of this one "
        "that writes brings the journal back",
        style="green",
    )


@lake.command("new-journal")
@click.option("--yes", is_flag=True, help="Without asking.")
def new_journal(yes: bool) -> None:
    """Begin a new journal where the lake stands, for one that is lost or damaged.

    What had been committed and had not landed is lost with the old one: messages
    that were acknowledged, alerts that were notified. Put a copy back rather, if there is one.
    """
    settings = load_settings()
    LakeReader(settings)  # says clearly where there is no lake
    if not yes:
        click.confirm("Versions that had not landed are given up. Begin a new journal?", abort=True, err=True)
    version = begin_new_journal(settings)
    notes.print(f"a new journal begins after version {version:,}", style="green")
