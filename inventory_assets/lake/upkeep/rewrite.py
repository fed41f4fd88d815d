"""Write rows of the lake anew, in fewer and better sorted files.

The files are written first, beside the lake and without its lock; a short
transaction then takes them over in exchange for the old ones, so a burst waits
for the exchange only. Rows of a committed version never change but by a
rebuild, which moves the epoch: the exchange checks that it is still the one
that the rows were read under. A process that dies in between leaves files that
nothing refers to (`remove_orphans`).

DuckLake's own `merge_adjacent_files` is not used: beside it, readers saw whole
tables empty for a moment (docs/adr/0002).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import duckdb

from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.durable import commit_written, sync
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.retries import with_retries
from inventory_assets.lake.tables import Table, VersionedTable
from inventory_assets.lake.transaction import Lake
from inventory_assets.lake.upkeep.orphans import add_files, write_files

# A new base is sorted and written in parts of this many rows: its memory does not grow with the table.
PART_ROWS = 50_000


class Rewriter:
    """Exchanges files of one lake. `longest_hold_seconds` is how long it kept bursts waiting at most."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self.longest_hold_seconds = 0.0

    def merge(self, table: Table, first: int, last: int) -> None:
        """Put the rows of versions `first` to `last` into one file a partition, sorted.

        Only versions that exist: the exchange removes what it replaces by version, and a row that was
        committed after the others were written aside would go with them.
        """
        watermark = self._lake.landed()
        epoch, last = watermark.epoch, min(last, watermark.version)
        name = f"{CATALOG}.{table.changes}"
        condition = f"WHERE version BETWEEN {first} AND {last}"
        count = self._lake.query_landed(f"SELECT count(DISTINCT filename) AS files FROM {name} {condition}").item()
        if count < 2:
            return
        order = ", ".join(column for column in (table.sorted_by, "version", "seq") if column in table.columns)
        files = self._write(f"SELECT * FROM {name} {condition} ORDER BY {order}", table, table.partition_by)

        def exchange(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(f"DELETE FROM {name} {condition}")
            add_files(connection, table.changes, files, partition_by=table.partition_by)

        with_retries(lambda: self._exchange(epoch, exchange))

    def compact(self, table: VersionedTable) -> int:
        """Make a new base of a table as of now; its version."""
        lake = self._lake
        watermark = lake.landed()
        version, old = watermark.version, self.base_version(table)
        rows = table.current_rows(f"{CATALOG}.", old, version)
        new_name = table.base_name(version)
        files = []
        for part in self._key_ranges(table, old):
            files += self._write(f"FROM ({rows}) WHERE {part} ORDER BY {', '.join(table.key)}", table, None)

        def exchange(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(f"CREATE OR REPLACE TABLE {CATALOG}.{new_name} ({table.definition})")
            add_files(connection, new_name, files, partition_by=None)
            connection.execute(f"INSERT INTO {CATALOG}.meta.bases VALUES ('{table.full_name}', {version})")
            query = table.view_query(f"{CATALOG}.", version)
            connection.execute(f"CREATE OR REPLACE VIEW {CATALOG}.{table.full_name} AS {query}")
            if old is not None and old != version:
                connection.execute(f"DROP TABLE IF EXISTS {CATALOG}.{table.base_name(old)}")

        with_retries(lambda: self._exchange(watermark.epoch, exchange))
        return version

    def _key_ranges(self, table: VersionedTable, base: int | None) -> list[str]:
        """Conditions that cut a table by its first key column into parts that memory can sort."""
        name, first = f"{CATALOG}.{table.changes if base is None else table.base_name(base)}", table.key[0]
        count = self._lake.query_landed(f"SELECT count(*) AS n FROM {name}").item()
        parts = -(-count // PART_ROWS)
        if parts < 2:
            return ["true"]
        shares = ", ".join(str(number / parts) for number in range(1, parts))
        cuts = self._lake.query_landed(
            f"SELECT DISTINCT unnest(quantile_disc({first}, [{shares}])) AS cut FROM {name} ORDER BY 1"
        )
        quoted = ["'" + cut.replace("'", "''") + "'" for cut in cuts["cut"]]
        lower = [f"({first} < {quoted[0]} OR {first} IS NULL)"]
        between = [f"{first} >= {low} AND {first} < {high}" for low, high in pairwise(quoted)]
        return [*lower, *between, f"{first} >= {quoted[-1]}"]

    def base_version(self, table: VersionedTable) -> int | None:
        """The version of the base in use; None where there is none yet."""
        return self._lake.query_landed(
            "SELECT max(base_version) AS base FROM meta.bases WHERE table_name = ?", [table.full_name]
        ).item()

    def remove_orphans(self, older_than: str) -> None:
        """Remove files that nothing refers to: what a killed process left."""
        self._lake.connection.execute(
            f"CALL ducklake_delete_orphaned_files('{CATALOG}', older_than => TIMESTAMPTZ '{older_than}')"
        )

    def _write(self, query: str, table: Table, partition_by: str | None) -> list[str]:
        lake = self._lake
        files = with_retries(
            lambda: write_files(lake.connection, lake.settings.data_uri, table, query, partition_by=partition_by)
        )
        if "://" not in lake.settings.data_uri:
            # Those that they replace are on disk, and will go.
            sync(map(Path, files), Path(lake.settings.data_uri))
        return files

    @contextmanager
    def held(self) -> Iterator[None]:
        """The writer lock, and how long it was kept."""
        with self._lake.exclusive():
            began = time.perf_counter()
            try:
                yield
            finally:
                self.longest_hold_seconds = max(self.longest_hold_seconds, time.perf_counter() - began)

    def _exchange(self, epoch: int, exchange: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
        lake = self._lake
        connection = lake.connection
        with self.held():
            began = time.time()
            connection.execute("BEGIN")
            try:
                if lake.landed().epoch != epoch:
                    raise StaleStateError("the lake was rebuilt while files were rewritten; the next turn tries again")
                exchange(connection)
                commit_written(connection, lake.settings, began)
            except BaseException:
                lake.abandon()
                raise
