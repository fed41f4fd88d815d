"""Compute a lake's tables a second time, at one version, and say where the two engines differ.

Here: which tables, what of them is compared, what is taken as recorded. Not
here: what anybody does about a difference.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import duckdb
import polars as pl

from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.query.clauses import STOCK_KINDS
from inventory_assets.lake.query.reader import Reader, read_batches
from inventory_assets.lake.tables import (
    ALERTS,
    CORE_EVENTS,
    DYNAMIC_THRESHOLDS,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    VELOCITY,
    VERSIONS,
    Table,
    VersionedTable,
)
from inventory_assets.recompute.alerts import contradictions
from inventory_assets.recompute.compare import DIFFERENCE_SCHEMA, compare_frames
from inventory_assets.recompute.limits import LIMITS_SCHEMA, Defaults, recompute_limits
from inventory_assets.recompute.rollups import ROLLUP_SCHEMA, recompute_rollups
from inventory_assets.recompute.stock import PARENTS_SCHEMA, STATE_SCHEMA, recompute_stock
from inventory_assets.settings import Settings

RECOMPUTED: tuple[VersionedTable, ...] = (SKU_STATE, ROLLUPS, RESOLVED_THRESHOLDS, ALERTS)
"""The tables that are computed a second way; of alerts, what must be open."""

INPUTS: tuple[Table, ...] = (VELOCITY, DYNAMIC_THRESHOLDS, VERSIONS)
"""What a computation takes as it is, beside events."""

_ASKED = (CORE_EVENTS, *RECOMPUTED, *INPUTS)
_KEY = ["warehouse_id", "sku"]


class Source(Reader, Protocol):
    """Whose tables are compared: a lake's reader, or `frames_as_lake`."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection: ...


class Meaning(Protocol):
    """The settings that limits and alerts depend on; `domain.ingest.meaning.Meaning`, which is the other engine's."""

    @property
    def defaults(self) -> Defaults: ...

    @property
    def unstated_grace(self) -> int: ...


@dataclass(slots=True)
class Recomputed:
    """What a second computation gave.

    Attributes:
        version: The lake's, of both sides; 0 where the rows are of none.
        events: How many it took in.
        keys, nodes: How many rows of core.sku_state and core.rollups it made; 0 where it was not asked.
        as_recorded: Keys with events of before the present rules, whose state counts as it was recorded.
        seconds: How long it took, comparing included.
        differences: `DIFFERENCE_SCHEMA`.
    """

    events: int
    version: int = 0
    keys: int = 0
    nodes: int = 0
    as_recorded: int = 0
    seconds: float = 0.0
    differences: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DIFFERENCE_SCHEMA))

    def differing(self, table: VersionedTable) -> pl.DataFrame:
        """What differs in one table."""
        return self.differences.filter(pl.col("table") == table.full_name)

    @property
    def rows(self) -> int:
        """Rows that differ, whatever the number of their cells."""
        return self.differences.select("table", "key").n_unique()


def recompute(
    reader: Source,
    tables: Collection[VersionedTable] = RECOMPUTED,
    *,
    meaning: Meaning,
    warehouses: Sequence[str] | None = None,
    recorded_until: int = 0,
    progress: Callable[[str], None] = lambda step: None,
) -> Recomputed:
    """Compute tables anew from the events that a reader sees, and compare with the rows it sees.

    Args:
        reader: Sees one version throughout (`snapshot_reader`).
        tables: Of `RECOMPUTED`.
        meaning: Of versions that did not record theirs.
        warehouses: Whose keys and nodes; None is all, with the nodes over all warehouses.
        recorded_until: A version up to which state is taken as recorded (RULES 37a).
        progress: Told each step as it is done.
    """
    began = time.monotonic()
    events = reader.query(f"SELECT count(*) AS n FROM core.events WHERE kind IN {STOCK_KINDS}").item()
    found = Recomputed(events)
    progress(f"{found.events:,} events")
    state, places = recompute_stock(reader.connection, warehouses=warehouses, progress=progress)
    streamed = _read(reader, SKU_STATE, list(STATE_SCHEMA), warehouses)
    older = _older(reader, recorded_until)
    if older.height:
        state, places, found.as_recorded = _as_recorded(state, places, streamed, older)
    found.keys = state.height
    progress(f"state of {found.keys:,} keys")
    differences = []
    if SKU_STATE in tables:
        differences.append(compare_frames(SKU_STATE.full_name, _KEY, streamed, state))
    if ROLLUPS in tables:
        nodes = recompute_rollups(state, places, over_all=warehouses is None)
        found.nodes = nodes.height
        progress(f"sums of {found.nodes:,} nodes")
        kept = _read(reader, ROLLUPS, list(ROLLUP_SCHEMA), warehouses)
        differences.append(compare_frames(ROLLUPS.full_name, ROLLUPS.key, kept, nodes))
    if RESOLVED_THRESHOLDS in tables or ALERTS in tables:
        limits = recompute_limits(reader, state, meaning.defaults)
        progress("limits")
        if RESOLVED_THRESHOLDS in tables:
            kept = _read(reader, RESOLVED_THRESHOLDS, list(LIMITS_SCHEMA), warehouses)
            sides = [rows.join(older, on=_KEY, how="anti") for rows in (kept, limits)]
            differences.append(compare_frames(RESOLVED_THRESHOLDS.full_name, _KEY, *sides))
        if ALERTS in tables:
            wrong = contradictions(
                reader, state, limits, unstated_grace=meaning.unstated_grace, warehouses=warehouses
            ).join(older, on=_KEY, how="anti")
            differences.append(_as_differences(wrong))
            progress("open alerts")
    found.differences = pl.concat(differences)
    found.seconds = time.monotonic() - began
    progress(f"{found.rows:,} rows differ, after {found.seconds:.1f} s")
    return found


def _read(reader: Source, table: VersionedTable, columns: list[str], warehouses: Sequence[str] | None) -> pl.DataFrame:
    rows = reader.query(f"SELECT {', '.join(columns)} FROM {table.full_name}")
    return rows if warehouses is None else rows.filter(pl.col("warehouse_id").is_in(list(warehouses)))


def _older(reader: Source, until: int) -> pl.DataFrame:
    """The keys that rest on events of before the present rules."""
    return reader.query(
        f"""
        WITH older AS (FROM core.events WHERE kind IN {STOCK_KINDS} AND version <= {until})
        SELECT DISTINCT warehouse_id, sku FROM older
        UNION SELECT to_warehouse_id, sku FROM older WHERE to_warehouse_id IS NOT NULL
        """
    )


def _as_recorded(
    state: pl.DataFrame, places: pl.DataFrame, streamed: pl.DataFrame, older: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Take over the recorded rows of some keys, and where their SKUs stand."""
    kept = streamed.join(older, on=_KEY, how="semi")
    anew = state.join(older, on=_KEY, how="anti")
    parents = kept.select(*PARENTS_SCHEMA).unique("sku")
    places = pl.concat([parents, places.join(parents, on="sku", how="anti")])
    return pl.concat([kept.select(*STATE_SCHEMA), anew]), places, kept.height


def _as_differences(contradictions: pl.DataFrame) -> pl.DataFrame:
    return contradictions.select(
        table=pl.lit(ALERTS.full_name),
        key=pl.struct(*_KEY, "alert_id").struct.json_encode(),
        column=pl.lit("firing"),
        streamed="firing",
        recomputed="expected",
    )


class _Frames:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        return pl.DataFrame(self.connection.sql(sql, params=parameters or []))

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        return read_batches(self.connection, sql)


@contextmanager
def frames_as_lake(settings: Settings, frames: Mapping[str, pl.DataFrame]) -> Iterator[Source]:
    """Rows that are not in the lake yet, to be asked as if they were.

    Args:
        settings: The bounds of the DuckDB that answers.
        frames: By changes table; one that is not there is empty.
    """
    connection = open_duckdb(settings)
    try:
        for schema in sorted({table.schema for table in _ASKED}):
            connection.execute(f"CREATE SCHEMA {schema}")
        for table in _ASKED:
            rows = frames.get(table.changes, pl.DataFrame(schema=table.types))
            connection.register(f"given_{table.name}", rows.to_arrow())
            connection.execute(f"CREATE VIEW {table.changes} AS FROM given_{table.name}")
            if isinstance(table, VersionedTable):
                connection.execute(f"CREATE VIEW {table.full_name} AS {table.view_query('', None)}")
        yield _Frames(connection)
    finally:
        connection.close()
