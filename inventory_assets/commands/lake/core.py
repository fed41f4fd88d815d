"""`inventory sql | stats | velocity | verify | rebuild | maintain`: the lake itself."""

import re
import sys
from dataclasses import asdict
from datetime import datetime

import click
import duckdb

from inventory_assets.commands.days import read_day, read_moment
from inventory_assets.commands.landing import land_or_say
from inventory_assets.commands.output import format_option, notes, print_batches, print_found, print_rows
from inventory_assets.commands.stopping import ending_on_sigterm
from inventory_assets.commands.telling import telling_engine
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import Difference, recompute_lake, verify_lake
from inventory_assets.lake.catalog.marts import MartsMissingError, show_marts
from inventory_assets.lake.files.archive_files import SCHEMA as ARCHIVE
from inventory_assets.lake.files.archive_files import show_archive
from inventory_assets.lake.files.partition_files import SCHEMA as SNAPSHOTS
from inventory_assets.lake.files.partition_files import attach_views
from inventory_assets.lake.query.answer import tell_infinity, unique_names
from inventory_assets.lake.query.as_of import show_version, version_at
from inventory_assets.lake.query.guard import bounded, check_question, only_read
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.option_types import VERSION
from inventory_assets.queries.counts import count_lake
from inventory_assets.recompute.moment import STOCK_AT, show_stock_at
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.settings import Settings, load_settings
from inventory_assets.wiring import engine_of

# Rows in memory at a time, and of one printed table.
BATCH = 2_000


@click.command()
@click.argument("query")
@click.option("--at-version", type=VERSION, help="As the lake was at this version.")
@click.option("--at", "at_time", help="As the lake was at this time (RFC 3339, UTC), up to now.")
@click.option("--fresh", is_flag=True, help="See every version: what has not landed yet lands first.")
@click.option("--files", is_flag=True, help="Other files may be read, too: read_csv('orders.csv').")
@format_option
def sql(query: str, at_version: int | None, at_time: str | None, fresh: bool, files: bool, format_: str) -> None:
    """Ask the lake a question in SQL. Read-only; schemas raw, core, out, meta, snapshots, marts, archive.

    With --at-version or --at, the marts can be asked only if they were built by then.
    Both are of when versions were made. Of when things happened: FROM stock_at('2026-01-31 12:00').
    It ends after INVENTORY_SQL_SECONDS and stays within INVENTORY_SQL_MEMORY_LIMIT.

    \b
    inventory sql "SELECT * FROM core.sku_state ORDER BY available LIMIT 10"
    inventory sql "SELECT count(*) FROM out.alerts" --at-version 12
    """
    if at_version is not None and at_time is not None:
        raise click.UsageError("--at-version and --at were both given; choose one.")
    moment = None if at_time is None else read_moment("--at", at_time)
    settings = load_settings()
    if fresh or at_version is not None or moment is not None:
        land_or_say(settings)
    reader = LakeReader(settings)
    click.get_current_context().call_on_close(reader.connection.close)
    # A question may take minutes, and the lake goes on.
    click.get_current_context().with_resource(hold_snapshots(settings))
    if moment is not None:
        at_version = version_at(reader.connection, moment)
    show_version(reader.connection, at_version)
    # Listing files takes a moment, in a bucket more.
    if SNAPSHOTS in query.lower():
        attach_views(reader.connection, settings.snapshots_uri)
    if STOCK_AT in query.lower():
        show_stock_at(reader.connection)
    marts_lacking = _show_marts(reader.connection, settings, at_version)
    if ARCHIVE in query.lower():
        show_archive(reader.connection, settings.archive_uri, at_version)
    within = bounded(
        reader.connection, memory=settings.sql_memory_limit, spill=settings.sql_spill_limit,
        seconds=settings.sql_seconds,
    )  # fmt: skip
    with ending_on_sigterm(), within:
        only_read(reader.connection, settings, files=files)
        try:
            check_question(reader.connection, query, files=files)
            cursor = reader.connection.execute(tell_infinity(reader.connection, query))
        except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
            if marts_lacking and re.search(r"\bmarts\b", query):
                raise click.ClickException(marts_lacking) from error
            raise click.ClickException(f"{error}") from error
        if cursor.description is not None:
            names = unique_names([column[0] for column in cursor.description])
            print_batches(names, iter(lambda: cursor.fetchmany(BATCH), []), format_)


def _show_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, at_version: int | None) -> str:
    # Most questions are not about marts: why there are none is said to those that are.
    try:
        show_marts(connection, settings, at_version)
    except MartsMissingError as error:
        return str(error)
    return ""


@click.command()
@format_option
def stats(format_: str) -> None:
    """Count what the lake holds: versions, messages by outcome, keys, alerts, files."""
    settings = load_settings()
    rows = count_lake(LakeReader(settings), settings)
    print_rows(rows, format_)


@click.command()
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The window ends before this day (default: today).")
@format_option
def velocity(as_of: datetime | None, format_: str) -> None:
    """Refresh mean daily units sold (28 complete days) and re-judge days-of-cover limits."""
    day = read_day("--as-of", as_of)
    settings = load_settings()
    LakeReader(settings)
    with telling_engine(settings) as engine:
        commits = refresh_velocity(engine, day)
    print_rows([{"as_of_date": day, "version": c.version, **c.counts} for c in commits], format_)


@click.command()
@click.option("--quick", is_flag=True, help="Compute all from events by sets instead: a second engine, in seconds.")
@format_option
def verify(quick: bool, format_: str) -> None:
    """Replay every message and compare with the lake. Exit 1 on any difference."""
    settings = load_settings()
    LakeReader(settings)
    if quick:
        _verify_by_sets(settings, format_)
        return
    with notes.status("replaying") as status:
        found = verify_lake(
            settings, meaning_of(settings), lambda burst: status.update(f"replayed version {burst.version}")
        )
    _print_differences(found.differences, format_)
    if found.recorded_until:
        notes.print(
            f"versions 1 to {found.recorded_until} were made under earlier rules and are taken as recorded; "
            "`inventory rebuild` derives them anew",
            style="yellow",
        )
    if found.differences:
        sys.exit(1)
    notes.print(f"verified: version {found.version}, {found.keys} keys, no difference", style="green")


def _verify_by_sets(settings: Settings, format_: str) -> None:
    with notes.status("computing") as status:
        found = recompute_lake(settings, progress=lambda step: status.update(f"computing: {step}"))
    print_found(list(found.differences.iter_rows(named=True)), format_)
    if found.as_recorded:
        notes.print(f"{found.as_recorded:,} keys rest on earlier rules and are taken as recorded", style="yellow")
    if found.rows:
        sys.exit(1)
    notes.print(
        f"version {found.version} computed anew from {found.events:,} events in {found.seconds:.1f} s: "
        f"{found.keys:,} keys, {found.nodes:,} nodes, no difference",
        style="green",
    )


def _print_differences(differences: list[Difference], format_: str) -> None:
    print_found([asdict(difference) for difference in differences], format_)


@click.command()
@click.option("--force", is_flag=True, help="Swap in even what the second engine does not confirm.")
@format_option
def rebuild(force: bool, format_: str) -> None:
    """Derive every table anew from raw.messages and swap it in. Notifies nobody."""
    settings = load_settings()
    LakeReader(settings)
    with notes.status("replaying") as status, engine_of(settings) as engine:
        differences, version = rebuild_lake(
            engine,
            Replay(meaning=meaning_of(settings)),
            lambda burst: status.update(f"replayed version {burst.version}"),
            is_checked=not force,
        )
    _print_differences(differences, format_)
    notes.print(f"rebuilt as version {version}; {len(differences)} tables differed", style="green")


@click.command()
def maintain() -> None:
    """Merge files, refresh bases, expire old snapshots: all of it, now."""
    LakeReader(load_settings())
    with engine_of() as engine, notes.status("maintaining"):
        done = Maintenance(engine.lake).run_all()
    notes.print(f"{len(done)} steps done", style="green")
