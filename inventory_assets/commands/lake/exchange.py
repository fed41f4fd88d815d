"""`inventory exchange pull | push` and `inventory export`: rows from and to a PostgreSQL server, tables as files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import duckdb

from inventory_assets.commands.output import format_option, notes, print_rows
from inventory_assets.commands.telling import telling_engine
from inventory_assets.exchange.export import DATABASE, export_lake
from inventory_assets.exchange.file import ExchangeFile, Pull, load_exchange_file
from inventory_assets.exchange.pull import Row, run_pull, to_message, to_product_rows
from inventory_assets.exchange.push import DEFAULT_SCHEMA, push_tables
from inventory_assets.exchange.tables import PUSH_TABLES
from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.server import attach_server, read_server
from inventory_assets.lake.errors import LakeBusyError
from inventory_assets.lake.fresh import land_all
from inventory_assets.lake.lock import writer_lock
from inventory_assets.lake.query.reader import LakeReader, history_reader
from inventory_assets.option_types import VERSION
from inventory_assets.refresh.products import import_products, to_products
from inventory_assets.settings import Settings, load_settings
from inventory_assets.wiring import ensure_topics, publisher_of

PULL_LOCK_SECONDS = 0.5
PUSH_NAMES = tuple(table.name for table in PUSH_TABLES)


@click.group()
def exchange() -> None:
    """Rows from and to a PostgreSQL server, in batches."""


@exchange.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, help="A pull of the file; may be given more than once.")
@click.option("--from-start", is_flag=True, help="Forget how far these pulls have come.")
@format_option
def pull(file: Path, only: tuple[str, ...], from_start: bool, format_: str) -> None:
    """Read what is new at a server: publish it as stock documents, or import it as product data.

    \b
    inventory exchange pull shop.toml
    inventory drain
    """
    settings = load_settings()
    chosen = load_exchange_file(file, os.environ)
    names = [each.name for each in chosen.pulls]
    if unknown := sorted(set(only) - set(names)):
        raise click.UsageError(f"--only was {unknown[0]!r}; {file.name} has {', '.join(names) or 'no pulls'}.")
    if not names:
        raise click.ClickException(f"{file.name} has no [pull.NAME]; nothing to do.")
    rows = []
    connection = open_duckdb(settings)
    try:
        attach_server(connection, chosen.server, read_only=True)
        for each in chosen.pulls:
            if not only or each.name in only:
                rows.append(_pull(settings, connection, chosen, each, from_start))
    finally:
        connection.close()
        if rows:  # said also where a later pull failed
            print_rows(rows, format_)


def _pull(
    settings: Settings, connection: duckdb.DuckDBPyConnection, chosen: ExchangeFile, pull: Pull, is_from_start: bool
) -> dict[str, Any]:
    place = settings.home / "exchange" / f"{pull.name}.json"
    with _held(place.with_suffix(".lock"), pull.name), ExitStack() as stack, notes.status(f"pulling {pull.name}"):
        if pull.topic is None:
            engine = stack.enter_context(telling_engine(settings))

            def take(rows: Sequence[Row]) -> object:
                return import_products(engine, to_products(to_product_rows(rows), said_in=f"pull {pull.name!r}"))
        else:
            ensure_topics(settings)
            publisher = stack.enter_context(publisher_of(settings))

            def take(rows: Sequence[Row]) -> object:
                return publisher.publish([to_message(pull, row) for row in rows])

        done = run_pull(connection, chosen.server, pull, place, take, is_from_start=is_from_start)
    if done.without_cursor:
        notes.print(
            f"pull {pull.name}: {done.without_cursor:,} rows have no {pull.cursor} and are left out", style="yellow"
        )
    sent = {"read": done.rows, "sent": done.published, "cursor": done.cursor}
    return {"pull": pull.name, "to": pull.topic or "products", **sent}


@contextmanager
def _held(lock: Path, name: str) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(writer_lock(lock, timeout_seconds=PULL_LOCK_SECONDS))
        except LakeBusyError as error:
            raise LakeBusyError(
                f"pull {name!r} is running already. Wait for it; two would send everything twice."
            ) from error
        yield


@exchange.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", help="libpq's connection string of the server, instead of FILE; the password by PGPASSWORD.")
@click.option("--schema", help=f"Where to, there; default {DEFAULT_SCHEMA}.")
@click.option("--table", "tables", multiple=True, type=click.Choice(PUSH_NAMES), help="Only these tables.")
@format_option
def push(file: Path | None, to: str | None, schema: str | None, tables: tuple[str, ...], format_: str) -> None:
    """Load stock, alerts, velocity, coverage and snapshots into a server's tables, in one transaction there.

    \b
    inventory exchange push --to "dbname=shop host=db.internal user=loader"
    """
    settings = load_settings()
    if (file is None) == (to is None):
        raise click.UsageError("expected either FILE or --to.")
    if file is not None:
        chosen = load_exchange_file(file, os.environ)
        server, schema, tables = chosen.server, schema or chosen.schema, tables or chosen.tables
        if unknown := sorted(set(tables) - set(PUSH_NAMES)):
            raise click.ClickException(f"push.tables had {unknown[0]!r}; known: {', '.join(PUSH_NAMES)}.")
    else:
        server = read_server(to or "", said_in="--to")
    land_all(settings)
    reader = LakeReader(settings)
    with closing(reader.connection):
        attach_server(reader.connection, server, read_only=False)
        with notes.status("loading"):
            done = push_tables(
                reader.connection,
                [table for table in PUSH_TABLES if not tables or table.name in tables],
                schema=schema or DEFAULT_SCHEMA,
                snapshots_uri=settings.snapshots_uri,
            )
    print_rows([asdict(each) for each in done], format_)


@click.command()
@click.argument("target")
@click.option("--at-version", type=VERSION, help="The tables as they were at this version.")
@format_option
def export(target: str, at_version: int | None, format_: str) -> None:
    """Write current tables and snapshots as Parquet to a directory or gs://bucket/prefix.

    Beside them a DuckDB file of views: any DuckDB opens it from there.

    \b
    inventory export exported
    cd exported && duckdb snapshots.duckdb "SELECT * FROM core.sku_state LIMIT 5"
    """
    settings = load_settings()
    place = target.rstrip("/") if "://" in target else str(Path(target).expanduser().resolve())
    rows = []
    with notes.status("exporting") as status, history_reader(settings) as reader:
        for each in export_lake(reader, reader.connection, settings.snapshots_uri, place, at_version=at_version):
            status.update(f"exported {each.table}")
            rows.append({"table": each.table, "files": each.files, "rows": each.rows, "bytes": each.size})
    print_rows(rows, format_)
    notes.print(f"views over them: {place}/{DATABASE}", style="green")
