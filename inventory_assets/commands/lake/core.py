"""`inventory sql | stats | velocity | verify | rebuild | maintain`: the lake itself."""

import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime

import click
import duckdb

from inventory_assets.commands.days import read_day
from inventory_assets.commands.output import format_option, notes, print_found, print_rows
from inventory_assets.ingest.meaning import defaults_of, parse_settings_of
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import Difference, compare, replay_all
from inventory_assets.lake.catalog.marts import MartsMissingError, show_marts
from inventory_assets.lake.files.archive_files import SCHEMA as ARCHIVE
from inventory_assets.lake.files.archive_files import show_archive
from inventory_assets.lake.files.partition_files import SCHEMA as SNAPSHOTS
from inventory_assets.lake.files.partition_files import attach_views
from inventory_assets.lake.query.answer import tell_infinity, unique_names
from inventory_assets.lake.query.as_of import show_version, version_at
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.queries.counts import count_lake
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.settings import Settings, load_settings
from inventory_assets.wiring import engine_of


@click.command()
@click.argument("query")
@click.option("--at-version", type=int, help="As the lake was at this version.")
@click.option("--at", "at_time", help="As the lake was at this time (RFC 3339, UTC).")
@format_option
def sql(query: str, at_version: int | None, at_time: str | None, format_: str) -> None:
    """Ask the lake a question in SQL. Read-only; schemas raw, core, out, meta, snapshots, marts, archive.

    With --at-version or --at, the marts can be asked only if they were built by then.

    \b
    inventory sql "SELECT * FROM core.sku_state ORDER BY available LIMIT 10"
    inventory sql "SELECT count(*) FROM out.alerts" --at-version 12
    """
    if at_version is not None and at_time is not None:
        raise click.UsageError("--at-version and --at were both given; choose one.")
    moment = None if at_time is None else _read_moment(at_time)
    settings = load_settings()
    reader = LakeReader(settings)
    # A question may take minutes, and the lake goes on.
    click.get_current_context().with_resource(hold_snapshots(settings))
    if moment is not None:
        at_version = version_at(reader.connection, moment)
    show_version(reader.connection, at_version)
    # Listing files takes a moment, in a bucket more.
    if SNAPSHOTS in query.lower():
        attach_views(reader.connection, settings.snapshots_uri)
    marts_lacking = _show_marts(reader.connection, settings, at_version)
    if ARCHIVE in query.lower():
        show_archive(reader.connection, settings.archive_uri, at_version)
    try:
        _check_is_question(reader.connection, query)
        cursor = reader.connection.execute(tell_infinity(reader.connection, query))
    except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
        if marts_lacking and re.search(r"\bmarts\b", query):
            raise click.ClickException(marts_lacking) from error
        raise click.ClickException(f"{error}") from error
    if cursor.description is None:
        return
    names = unique_names([column[0] for column in cursor.description])
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    print_rows(rows, format_, columns=names if format_ != "json" else None)


def _show_marts(connection: duckdb.DuckDBPyConnection, settings: Settings, at_version: int | None) -> str:
    # Most questions are not about marts: why there are none is said to those that are.
    try:
        show_marts(connection, settings, at_version)
    except MartsMissingError as error:
        return str(error)
    return ""


def _check_is_question(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    # The lake is attached read-only, but COPY and ATTACH would still write files beside it.
    statements = connection.extract_statements(query)
    if not statements:
        raise click.ClickException('the query was empty; expected SQL such as "SELECT * FROM core.sku_state".')
    for statement in statements:
        if statement.type == duckdb.StatementType.EXPLAIN:
            # ANALYZE runs what it explains.
            explained = re.sub(r"(?is)^.*?\bexplain\b(\s*\([^)]*\)|\s+analyze\b)?", "", statement.query, count=1)
            _check_is_question(connection, explained)
        elif statement.type == duckdb.StatementType.CREATE and not statement.query:
            continue  # PIVOT is rewritten into a temporary type and a SELECT
        elif statement.type != duckdb.StatementType.SELECT:
            raise click.ClickException(
                f"{statement.type.name} was refused: `inventory sql` only reads. Ask with SELECT."
            )
        else:
            _check_only_reads(connection, statement.query, query)


def _check_only_reads(connection: duckdb.DuckDBPyConnection, statement: str, query: str) -> None:
    # A function of a SELECT that a PostgreSQL catalog brings: it can end the read-only transaction it runs in,
    # and `query()` can hide its name from all but the plan. The parts of a PIVOT have no text to plan.
    if not connection.execute("FROM duckdb_functions() WHERE function_name = 'postgres_execute'").fetchone():
        return
    plan = connection.execute(f"EXPLAIN (FORMAT json) {statement}").fetchall() if statement else []
    if re.search(r"postgres_execute" if statement else r"postgres_execute|\bquery\b", f"{query}{plan}", re.IGNORECASE):
        raise click.ClickException("postgres_execute was refused: `inventory sql` only reads.")


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--at was {text!r}; expected a time such as 2026-01-31T07:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
    with engine_of() as engine:
        commits = refresh_velocity(engine, day)
    print_rows([{"as_of_date": day, "version": c.version, **c.counts} for c in commits], format_)


@click.command()
@format_option
def verify(format_: str) -> None:
    """Replay every message and compare with the lake. Exit 1 on any difference."""
    settings = load_settings()
    reader = LakeReader(settings)
    with notes.status("replaying") as status:
        replay = _replay_of(settings)
        expected, differences = replay_all(
            reader, replay, lambda burst: status.update(f"replayed version {burst.version}")
        )
        status.update("comparing")
        differences += compare(reader, expected)
    _print_differences(differences, format_)
    if differences:
        sys.exit(1)
    notes.print(
        f"verified: version {replay.state.version}, {len(replay.state.keys)} keys, no difference", style="green"
    )


def _replay_of(settings: Settings) -> Replay:
    return Replay(defaults=defaults_of(settings), settings=parse_settings_of(settings))


def _print_differences(differences: list[Difference], format_: str) -> None:
    print_found([asdict(difference) for difference in differences], format_)


@click.command()
@format_option
def rebuild(format_: str) -> None:
    """Derive every table anew from raw.messages and swap it in. Notifies nobody."""
    settings = load_settings()
    LakeReader(settings)
    with notes.status("replaying") as status, engine_of(settings) as engine:
        differences, version = rebuild_lake(
            engine, _replay_of(settings), lambda burst: status.update(f"replayed version {burst.version}")
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
