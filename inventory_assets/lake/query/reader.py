"""Read the lake: whoever asks, and however long the answer takes. Nothing here writes."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

import duckdb
import msgspec
import polars as pl

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.memory import without_collecting
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.tables import WATERMARKS
from inventory_assets.lake.upkeep.expiry import hold_snapshots
from inventory_assets.settings import Settings

# Sorting nine million events takes this much before it spills.
HISTORY_MEMORY = "2GB"
# Small enough that rows of half a kilobyte stay in the tens of megabytes.
BATCH_ROWS = 20_000

IDS = """SELECT unnest(from_json(?, '["VARCHAR"]'))"""
"""SQL for the ids of one parameter made by `id_list`."""


class Reader(Protocol):
    """Anything that answers SQL with a frame."""

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        ...

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time, for results that memory should not hold."""
        ...


class AtOnce:
    """A reader that gives few rows in one part: in parts DuckDB needs pyarrow, a quarter of a command's start."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        return self._reader.query(sql, parameters)

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows at once, nothing where there are none."""
        rows = self._reader.query(sql)
        if rows.height:
            yield rows


def id_list(ids: Iterable[str]) -> str:
    """Many ids as one parameter.

    DuckDB's client converts a Python list item by item, looking for modules that
    are not installed: 0.2 ms each, two seconds for ten thousand.
    """
    return msgspec.json.encode(sorted(set(ids))).decode()


def read_batches(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pl.DataFrame]:
    """Run a query; its rows in frames of at most `BATCH_ROWS`."""
    result = with_retries(lambda: connection.execute(sql))
    for batch in result.to_arrow_reader(BATCH_ROWS):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)  # a batch has columns
        yield frame


class LakeReader:
    """Reads the lake without ever writing it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection: duckdb.DuckDBPyConnection = connect(settings, read_only=True)

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        # Not `.pl()`: it needs pyarrow, which takes a quarter of a command's time to import.
        return pl.DataFrame(self.connection.sql(sql, params=parameters or []))

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        return read_batches(self.connection, sql)

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """Run a query; its rows as dictionaries."""
        return list(self.query(sql, parameters).iter_rows(named=True))


@contextmanager
def history_reader(settings: Settings) -> Iterator[LakeReader]:
    """A reader with the threads and the memory that sorting a long history takes; what spills is thrown away.

    It sees everything: what has not landed lands first.

    Raises:
        LakeError, duckdb.Error: That could not be done.
    """
    from inventory_assets.lake.fresh import land_all  # which opens the lake to write, and reads by this module

    land_all(settings)
    threads = max(settings.duckdb_threads, os.cpu_count() or 1)
    reader = LakeReader(replace(settings, duckdb_threads=threads, duckdb_memory_limit=HISTORY_MEMORY))
    with tempfile.TemporaryDirectory(prefix="inventory-history-") as spill, hold_snapshots(settings):
        reader.connection.execute("SET temp_directory = ?", [spill])
        try:
            # Millions of small objects that stay: the collector would walk them over and over.
            with without_collecting():
                yield reader
        finally:
            reader.connection.close()


@contextmanager
def snapshot_reader(settings: Settings) -> Iterator[LakeReader]:
    """A `history_reader` whose queries all see the lake as it is now, whatever is committed meanwhile."""
    with history_reader(settings) as reader:
        reader.connection.execute("BEGIN")
        # A transaction sees the lake as of its first query, not as of its beginning.
        reader.query(f"SELECT version FROM {WATERMARKS.full_name}")
        yield reader
