"""`inventory marts build | status`: the analysts' tables, built by dbt."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import click
from rich.text import Text

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.lake.catalog.marts import attach_marts, list_marts, newest_build
from inventory_assets.lake.query.as_of import latest_version
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.marts.build import Build, Step, build_marts
from inventory_assets.settings import load_settings
from inventory_assets.words.text import spaced
from inventory_assets.words.times import to_minute

SHOWN_FAILURES = 10
# Of some two hundred steps, each begun and done.
SAID_EVERY = 40


@click.group()
def marts() -> None:
    """Tables for analysts, built and tested by dbt from the lake and the snapshot files."""


@marts.command()
@click.option("--select", multiple=True, help="dbt's selector of what to build, such as stockouts or +warehouses.")
@format_option
def build(select: tuple[str, ...], format_: str) -> None:
    """Build the marts and run their tests. Exit 1 if a model or a test fails.

    Bursts go on meanwhile: the lake is only read, as of the build's start.
    """
    settings = load_settings()
    with notes.status("building the marts") as status:
        said = _Steps(status.update)
        made = build_marts(settings, select=select, progress=said.tell)
    print_rows(_by_kind(made), format_, title=f"marts built in {made.seconds:,.1f} s")
    for step in made.failed[:SHOWN_FAILURES]:
        _print_failure(step)
    if len(made.failed) > SHOWN_FAILURES:
        notes.print(f"and {len(made.failed) - SHOWN_FAILURES} more; see {made.log_path}")
    if made.failed:
        sys.exit(1)


class _Steps:
    """Says each step: on a terminal in place, elsewhere some of them as lines, as a log would else stand still."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._count = 0

    def tell(self, step: str) -> None:
        self._show(f"building the marts: {step}")
        if not notes.is_terminal and self._count % SAID_EVERY == 0:
            notes.print(f"building the marts: {step}", style="dim")
        self._count += 1


def _by_kind(made: Build) -> list[dict[str, Any]]:
    names = {"model": "models", "test": "data tests", "unit_test": "unit tests", "operation": "upkeep"}
    rows = []
    for kind, name in names.items():
        counts = Counter(step.status for step in made.steps if step.kind == kind)
        failed = sum(step.is_failed for step in made.steps if step.kind == kind)
        if counts:
            passed = counts["success"] + counts["pass"]
            rows.append({"what": name, "passed": passed, "failed": failed, "skipped": counts["skipped"]})
    return rows


def _print_failure(step: Step) -> None:
    notes.print(Text(f"\n{spaced(step.kind)} {step.name}: {step.message}"), style="red")
    if step.query and step.kind == "test":
        # With the marts attached, `inventory sql` runs it as it stands.
        notes.print(Text(f"The rows that are wrong:\n{step.query}"))


@marts.command()
@format_option
def status(format_: str) -> None:
    """Show when the marts were built, from which version, and what they hold."""
    settings = load_settings()
    reader = LakeReader(settings)
    attach_marts(reader.connection, settings, read_only=True)
    tables = [{"mart": name, "rows": rows, "holds": holds} for name, rows, holds in list_marts(reader.connection)]
    if not any(table["mart"] == "builds" for table in tables):
        raise click.ClickException("no build of the marts has ended yet. Run `inventory marts build`.")
    version, built_at, as_of_date = newest_build(reader.connection)
    print_rows(tables, format_)
    behind = latest_version(reader.connection) - version
    through = f"snapshots through {as_of_date}" if as_of_date else "no snapshot files"
    notes.print(f"built {to_minute(built_at)} UTC from lake version {version}, {behind} versions ago; {through}")
