"""Load tables of ours into a PostgreSQL server (R4's Load).

One transaction there for all of them, read from one state of the lake here: a
reader sees the load before or this one, never part of one. Rows go to a table
that only this transaction sees, and from there what differs is inserted,
updated or deleted: a second run with nothing new changes nothing, not even a
row's place on disk.
"""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import duckdb

from inventory_assets.exchange.tables import PushTable
from inventory_assets.lake.catalog.server import NAME, ask, identifier, quoted, tell
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.partition_files import reach
from inventory_assets.lake.retries import try_again, with_retries

DEFAULT_SCHEMA = "inventory"
# A schema and its tables are made one after the other, and each can be lost to another load.
FIRST_TRIES = 9
# Which daily files the server has, so that a file that has not changed is not sent again.
FILES = PushTable(
    name="loaded_files",
    columns={"table_name": "text", "date": "date", "manifest_hash": "text"},
    key=("table_name", "date"),
    source="",
)


class PushError(LakeError):
    """A table there is not one that we can load."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a load did to one table: rows read here, and changed there."""

    table: str
    rows: int
    inserted: int
    updated: int
    deleted: int


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows to load: our SQL, and the server's for those that they replace; no condition is all."""

    query: str
    replaced: str = "true"


def push_tables(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[PushTable], *, schema: str, snapshots_uri: str
) -> list[Pushed]:
    """Load tables, in one transaction of the server.

    Args:
        connection: A reader of the lake, with the server attached.
        tables: What to load.
        schema: Where to, there; made where there is none.
        snapshots_uri: Where our daily files are; a table without any is left alone.

    Raises:
        PushError: A table there has other columns.
    """
    chosen = list(tables)
    reach(connection, snapshots_uri)

    def load() -> list[Pushed]:
        connection.execute("BEGIN")
        try:
            tell(connection, f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
            done = [_load_table(connection, table, schema, snapshots_uri) for table in chosen]
            connection.execute("COMMIT")
            return done
        except BaseException:
            # Where the session ended with its server, the transaction did too.
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            raise

    def is_made_by_another(error: Exception) -> bool:
        # Both found no table and made one; the loser finds the winner's at its next try.
        return isinstance(error, duckdb.Error) and "already exists" in str(error)

    # Two loads at once: the second finds rows changed since it looked, and looks again.
    return try_again(lambda: with_retries(load), when=is_made_by_another, tries=FIRST_TRIES)


def _load_table(connection: duckdb.DuckDBPyConnection, table: PushTable, schema: str, snapshots_uri: str) -> Pushed:
    _ensure_table(connection, table, schema)
    if table.date_column is None:
        return _load(connection, table, schema, _Source(f"FROM {table.source}"))
    _ensure_table(connection, FILES, schema)
    due = _files_due(connection, table, schema, f"{snapshots_uri}/{table.source}")
    if not due:
        return Pushed(table.name, 0, 0, 0, 0)
    dates = ", ".join(quoted(date) for date, _, _ in due)
    files = ", ".join(quoted(file) for _, file, _ in due)
    rows = f"FROM read_parquet([{files}], hive_partitioning => false)"
    pushed = _load(connection, table, schema, _Source(rows, f"{identifier(table.date_column)} IN ({dates})"))
    marks = ", ".join(f"({quoted(table.name)}, DATE {quoted(date)}, {quoted(mark)})" for date, _, mark in due)
    ours = _Source(
        f"FROM (VALUES {marks}) t(table_name, date, manifest_hash)",
        f"table_name = {quoted(table.name)} AND date IN ({dates})",
    )
    _load(connection, FILES, schema, ours)
    return pushed


def _files_due(
    connection: duckdb.DuckDBPyConnection, table: PushTable, schema: str, place: str
) -> list[tuple[str, str, str]]:
    """Daily files that the server lacks or has otherwise: (date, file, hash of its manifest)."""
    try:
        found = connection.execute(
            "SELECT regexp_extract(filename, 'date=([0-9-]{10})/', 1), "
            "regexp_replace(filename, 'manifest\\.json$', 'data.parquet'), sha256(content) "
            "FROM read_text(?) ORDER BY 1",
            [f"{place}/date=*/manifest.json"],
        ).fetchall()
    except duckdb.IOException as error:
        if "No files found" in str(error):
            return []
        raise
    known = connection.execute(
        ask(
            f"SELECT date::text AS date, manifest_hash FROM {_name(schema, FILES.name)} "
            f"WHERE table_name = {quoted(table.name)}"
        )
    ).fetchall()
    loaded = dict(known)
    return [(date, file, mark) for date, file, mark in found if loaded.get(date) != mark]


def _ensure_table(connection: duckdb.DuckDBPyConnection, table: PushTable, schema: str) -> None:
    columns = ", ".join(f"{identifier(name)} {type_}" for name, type_ in table.columns.items())
    key = ", ".join(identifier(name) for name in table.key)
    tell(connection, f"CREATE TABLE IF NOT EXISTS {_name(schema, table.name)} ({columns}, PRIMARY KEY ({key}))")
    rows = connection.execute(
        ask(
            "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a "
            f"WHERE a.attrelid = {quoted(_name(schema, table.name))}::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        )
    ).fetchall()
    there = {name: {"timestamp with time zone": "timestamptz"}.get(type_, type_) for name, type_ in rows}
    other = [f"{name} {type_}" for name, type_ in table.columns.items() if there.get(name) != type_]
    if other:
        raise PushError(
            f"the table {schema}.{table.name} has no columns {', '.join(other)}. "
            "It was made by something else or an earlier release: rename or drop it, or choose another --schema."
        )


def _load(connection: duckdb.DuckDBPyConnection, table: PushTable, schema: str, source: _Source) -> Pushed:
    """Make the rows there those of the source."""
    target = _name(schema, table.name)
    # Named at random: another load of the same table waits for its turn, not for a name.
    staging = replace(table, name=f"loading_{uuid.uuid4().hex[:16]}")
    staged = _name(schema, staging.name)
    columns = ", ".join(identifier(name) for name in table.columns)
    # Our times have no zone and are UTC; they get one only there.
    staged_types = ", ".join(
        f"{identifier(name)} {'timestamp' if type_ == 'timestamptz' else type_}"
        for name, type_ in table.columns.items()
    )
    tell(connection, f"CREATE TABLE {staged} ({staged_types})")
    connection.execute(f"INSERT INTO {NAME}.{staged} SELECT {columns} {source.query}")
    # Readers go on; another load waits here.
    tell(connection, f"LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE")
    gone = f"({source.replaced}) AND NOT EXISTS (SELECT 1 FROM {staged} s WHERE {_same_key(table)})"
    counts = _count(connection, table, target, staged, gone)
    tell(connection, f"DELETE FROM {target} t WHERE {gone}")
    values = ", ".join(_staged(table, name) for name in table.columns)
    rest = [name for name in table.columns if name not in table.key]
    changes = ", ".join(f"{identifier(name)} = EXCLUDED.{identifier(name)}" for name in rest)
    ours = ", ".join(f"t.{identifier(name)}" for name in rest)
    new = ", ".join(f"EXCLUDED.{identifier(name)}" for name in rest)
    tell(
        connection,
        f"INSERT INTO {target} AS t ({columns}) SELECT {values} FROM {staged} s "
        f"ON CONFLICT ({', '.join(map(identifier, table.key))}) DO UPDATE SET {changes} "
        f"WHERE ({ours}) IS DISTINCT FROM ({new})",
    )
    tell(connection, f"DROP TABLE {staged}")
    return Pushed(table.name, *counts)


def _count(
    connection: duckdb.DuckDBPyConnection, table: PushTable, target: str, staged: str, gone: str
) -> tuple[int, int, int, int]:
    """Rows staged, and of them those to insert and to update; rows there to delete."""
    rest = [name for name in table.columns if name not in table.key]
    ours = ", ".join(f"t.{identifier(name)}" for name in rest)
    new = ", ".join(_staged(table, name) for name in rest)
    has = f"t.{identifier(table.key[0])} IS NOT NULL"
    row = connection.execute(
        ask(
            f"SELECT count(*) AS rows, count(*) FILTER (WHERE NOT ({has})) AS inserted, "
            f"count(*) FILTER (WHERE {has} AND ({ours}) IS DISTINCT FROM ({new})) AS updated, "
            f"(SELECT count(*) FROM {target} t WHERE {gone}) AS deleted "
            f"FROM {staged} s LEFT JOIN {target} t ON {_same_key(table)}"
        )
    ).fetchone()
    assert row is not None  # an aggregate has a row
    return row


def _same_key(table: PushTable) -> str:
    return " AND ".join(f"t.{identifier(name)} = {_staged(table, name)}" for name in table.key)


def _staged(table: PushTable, name: str) -> str:
    column = f"s.{identifier(name)}"
    return f"({column} AT TIME ZONE 'UTC')" if table.columns[name] == "timestamptz" else column


def _name(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}"
