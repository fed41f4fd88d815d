"""`inventory sql`: a question asked of the lake, or several, at a prompt or from standard input."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import duckdb

from inventory_assets.commands.days import read_moment
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import FORMATS, notes, print_batches, print_line
from inventory_assets.commands.stopping import ending_on_sigterm
from inventory_assets.lake.catalog.marts import MartsMissingError, show_marts
from inventory_assets.lake.files.archive_files import SCHEMA as ARCHIVE
from inventory_assets.lake.files.archive_files import show_archive
from inventory_assets.lake.files.partition_files import SCHEMA as SNAPSHOTS
from inventory_assets.lake.files.partition_files import attach_views
from inventory_assets.lake.query.answer import tell_infinity, unique_names, write_parquet
from inventory_assets.lake.query.as_of import show_version, version_at
from inventory_assets.lake.query.guard import bounded, check_question, only_read
from inventory_assets.lake.query.names import Names, read_names
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import CATALOG
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.option_types import ROWS, VERSION
from inventory_assets.recompute.moment import STOCK_AT, show_stock_at, stock_at_macro
from inventory_assets.settings import Settings, load_settings
from inventory_assets.words.numbers import counted

# Rows in memory at a time.
BATCH = 2_000
SHOWN_ROWS = 1_000
PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a question is asked: of which version, of which files, and how its answer is printed."""

    at_version: int | None = None
    is_fresh: bool = False
    files: bool = False
    format_: str = "table"
    limit: int = SHOWN_ROWS
    out: Path | None = None


@click.command()
@click.argument("query", required=False)
@click.option("--at-version", type=VERSION, help="As the lake was at this version.")
@click.option("--at", "at_time", help="As the lake was at this time (RFC 3339, UTC), up to now.")
@click.option("--fresh", is_flag=True, help="See every version: what has not landed yet lands first.")
@click.option("--files", is_flag=True, help="Other files may be read, too: read_csv('orders.csv').")
@click.option("--limit", type=ROWS, default=SHOWN_ROWS, show_default=True,
              help="Rows of a table; the other formats have all.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice([*FORMATS, PARQUET]), default="table", show_default=True,
              help="How rows are printed; json is one array of objects, parquet goes to --out.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="With --format parquet: the file.")
@click.option("--attach", is_flag=True, help="Print the SQL that opens the lake in a DuckDB of your own, and end.")
def sql(
    query: str | None, at_version: int | None, at_time: str | None, fresh: bool, files: bool, limit: int, format_: str,
    out: Path | None, attach: bool,
) -> None:  # fmt: skip
    """Ask the lake a question in SQL. Read-only; schemas raw, core, out, meta, snapshots, marts, archive.

    Without a QUERY it asks for one at a prompt, with completion and a history
    (.help says what else); from a pipe it reads statements, each ended by `;`.
    With --at-version or --at, the marts can be asked only if they were built by then.
    Both are of when versions were made. Of when things happened: FROM stock_at('2026-01-31 12:00').
    It ends after INVENTORY_SQL_SECONDS and stays within INVENTORY_SQL_MEMORY_LIMIT.

    \b
    inventory sql "SELECT * FROM core.sku_state ORDER BY available LIMIT 10"
    inventory sql "SELECT count(*) FROM out.alerts" --at-version 12
    inventory sql "SELECT * FROM core.events" --format parquet --out events.parquet
    """
    if attach:
        if query is not None:
            raise click.UsageError("--attach prints the SQL that opens the lake, and asks no QUERY.")
        print_opening(load_settings())
        return
    if at_version is not None and at_time is not None:
        raise click.UsageError("--at-version and --at were both given; choose one.")
    if (format_ == PARQUET) != (out is not None):
        raise click.UsageError(
            "--format parquet and --out FILE belong together; redirect other formats, as in --format csv > rows.csv."
        )
    if format_ == PARQUET and query is None:
        raise click.UsageError("--format parquet writes one answer, so it needs a QUERY.")
    moment = None if at_time is None else read_moment("--at", at_time)
    settings = load_settings()
    if moment is not None:
        land_or_say(settings)
        reader = LakeReader(settings)
        at_version = version_at(reader.connection, moment)
        reader.connection.close()
    how = Asked(at_version=at_version, is_fresh=fresh, files=files, format_=format_, limit=limit, out=out)
    if query is not None:
        ask(settings, query, how)
        return
    from inventory_assets.commands.lake.shell import Shell  # most who ask, ask once

    Shell(settings, how).run(sys.stdin)


def ask(settings: Settings, query: str, how: Asked) -> None:
    """Ask a question, and print the answer.

    Raises:
        click.ClickException: It is no question that can be answered.
    """
    with ending_on_sigterm(), _connected(settings, query, how) as (connection, marts_lacking):
        try:
            check_question(connection, query, files=how.files)
            if how.out is not None:
                rows = write_parquet(connection, query, how.out)
                notes.print(f"{counted(rows, 'row')} written to {how.out}", style="green")
                return
            cursor = connection.execute(tell_infinity(connection, query))
        except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
            if marts_lacking and re.search(r"\bmarts\b", query):
                raise click.ClickException(marts_lacking) from error
            raise click.ClickException(f"{error}") from error
        if cursor.description is not None:
            names = unique_names([column[0] for column in cursor.description])
            _print(names, iter(lambda: cursor.fetchmany(BATCH), []), how)


def print_opening(settings: Settings) -> None:
    """Print the statements with which any DuckDB of this release opens the lake."""
    from inventory_assets.lake.catalog.opening import opening_statements  # few ask for it

    for statement in (*opening_statements(settings), stock_at_macro(f"{CATALOG}.core.events", is_temporary=True)):
        print_line(f"{statement};")
    if not settings.is_embedded:
        notes.print("no password is in it: set PGPASSWORD, or use ~/.pgpass", style="dim")
    if settings.data_uri.startswith("gs://"):
        notes.print("no key is in it: before ATTACH, CREATE SECRET (TYPE gcs, KEY_ID '…', SECRET '…')", style="dim")


def _print(names: Sequence[str], batches: Iterator[list[Any]], how: Asked) -> None:
    if how.format_ != "table":
        print_batches(names, batches, how.format_)
        return
    # One more than is shown: nobody counts the others.
    rows = list(islice((row for batch in batches for row in batch), how.limit + 1))
    print_batches(names, [rows[: how.limit]], "table")
    if len(rows) > how.limit:
        notes.print(
            f"{how.limit:,} rows are shown, and there are more: --limit {10 * how.limit}, or --format csv for all",
            style="dim",
        )


def names_of(settings: Settings, at_version: int | None = None) -> Names:
    """What can be asked: every table and its columns."""
    # All schemas are looked for in the text of a question.
    with _connected(settings, f"{SNAPSHOTS} {ARCHIVE}", Asked(at_version=at_version)) as (connection, _):
        return read_names(connection)


@contextmanager
def _connected(
    settings: Settings, query: str, how: Asked
) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:  # fmt: skip
    """A connection that sees what a question names and may do nothing else; and why there are no marts."""
    with ExitStack() as stack:
        if how.is_fresh or how.at_version is not None:
            land_or_say(settings)
        connection = LakeReader(settings).connection
        stack.callback(connection.close)
        # A question may take minutes, and the lake goes on.
        stack.enter_context(hold_snapshots(settings))
        show_version(connection, how.at_version)
        # Listing files takes a moment, in a bucket more.
        if SNAPSHOTS in query.lower():
            attach_views(connection, settings.snapshots_uri)
        if STOCK_AT in query.lower():
            show_stock_at(connection)
        marts_lacking = _show_marts(connection, settings, how.at_version)
        if ARCHIVE in query.lower():
            show_archive(connection, settings.archive_uri, how.at_version)
        stack.enter_context(bounded(
            connection, memory=settings.sql_memory_limit, spill=settings.sql_spill_limit, seconds=settings.sql_seconds
        ))  # fmt: skip
        only_read(connection, settings, files=how.files, written=how.out)
        yield connection, marts_lacking


def _show_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, at_version: int | None) -> str:
    # Most questions are not about marts: why there are none is said to those that are.
    try:
        show_marts(connection, settings, at_version)
    except MartsMissingError as error:
        return str(error)
    return ""
