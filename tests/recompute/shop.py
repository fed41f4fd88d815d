"""A lake in memory that bursts fill as they fill the product's: what a second engine is to agree with.

Belongs here: taking bursts in, and asking both engines. Does not: what is right (the tests' own words).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import polars as pl

from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.process import BurstInputs, Message, parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.burst_rows import append_result, recorded_inputs
from inventory_assets.ingest.sweep import moments_of
from inventory_assets.lake.query.reader import read_batches
from inventory_assets.lake.tables import (
    ALERTS,
    BASES,
    CATALOG,
    CORE_EVENTS,
    DYNAMIC_THRESHOLDS,
    RESOLVED_THRESHOLDS,
    SCHEMAS,
    SKU_STATE,
    THRESHOLD_RULES,
    VELOCITY,
    VERSIONS,
    Table,
    VersionedTable,
)
from inventory_assets.recompute.alerts import contradictions
from inventory_assets.recompute.limits import LIMITS_SCHEMA, recompute_limits
from inventory_assets.recompute.stock import recompute_stock

# Not all of the lake's: to make and fill the others takes as long again.
TABLES: tuple[Table, ...] = (
    CORE_EVENTS, VERSIONS, BASES, SKU_STATE, THRESHOLD_RULES, RESOLVED_THRESHOLDS, VELOCITY, DYNAMIC_THRESHOLDS, ALERTS,
)  # fmt: skip


class Shop:
    """The streamed engine over a lake in memory. A `Reader`; `play` of the rules' tests can play it."""

    def __init__(self, meaning: Meaning | None = None) -> None:
        self.state = InventoryState(meaning=meaning)
        self.connection = duckdb.connect()
        for statement in _statements():
            self.connection.execute(statement)

    def burst(
        self, messages: Sequence[Any], *, committed_at: datetime | int = 0, inputs: BurstInputs | None = None
    ) -> list[tuple[str, str | None]]:
        """Take a burst in, as a commit does; its outcomes."""
        received = [each if isinstance(each, Message) else _received(each) for each in messages]
        inputs = msgspec.structs.replace(inputs or BurstInputs(), meaning=self.state.meaning)
        parsed = parse_burst(received, self.state.meaning.parsing)
        version = self.state.version + 1
        result = process_burst(self.state, parsed, version=version, inputs=inputs)
        writes = _Writes(self.connection, version)
        append_result(writes, received, result, inputs)  # type: ignore[arg-type]
        writes.append(VERSIONS, VERSIONS.frame(stage=["burst"], inputs=[recorded_inputs(inputs)]))
        at = committed_at if isinstance(committed_at, int) else to_microseconds(committed_at)
        result.draft.merge(version, at)
        return [(str(a.outcome), a.rejection.reason if a.rejection else None) for a in result.arrivals]

    def sweep(self, now: datetime, **more: Any) -> None:
        """Do what is due where the clock says `now`."""
        clock = to_microseconds(now)
        self.burst([], inputs=BurstInputs(sweep_at=clock, moments=moments_of(self.state, clock), **more))

    def velocities(self, date: str, units_per_day: dict[tuple[str, str], float | None]) -> None:
        """Take new velocities in."""
        rows = tuple((*key, units) for key, units in units_per_day.items())
        self.burst([], inputs=BurstInputs(velocity_date=date, velocities=rows))

    def query(self, sql: str, parameters: list[Any] | None = None) -> pl.DataFrame:
        """Run a query."""
        return self.connection.execute(sql, parameters or []).pl()

    def batches(self, sql: str) -> Iterator[pl.DataFrame]:
        """Run a query; its rows a part at a time."""
        return read_batches(self.connection, sql)

    # ---- both engines' answers

    def stock(self, warehouses: list[str] | None = None) -> pl.DataFrame:
        """The stock of keys, by sets."""
        return recompute_stock(self.connection, warehouses=warehouses)[0]

    def kept_limits(self) -> pl.DataFrame:
        """The limits that the streamed engine keeps."""
        columns = ", ".join(LIMITS_SCHEMA)
        return self.query(f"SELECT {columns} FROM {RESOLVED_THRESHOLDS.full_name} ORDER BY warehouse_id, sku")

    def limits(self) -> pl.DataFrame:
        """The same by sets."""
        return recompute_limits(self, self.stock(), self.state.meaning.defaults)

    def contradictions(self, warehouses: list[str] | None = None) -> list[tuple]:
        """What is wrong with the firing alerts, by sets: (warehouse_id, sku, alert_id, firing, expected)."""
        stock = self.stock(warehouses)
        limits = recompute_limits(self, stock, self.state.meaning.defaults)
        return contradictions(
            self, stock, limits, unstated_grace=self.state.meaning.unstated_grace,
            warehouses=warehouses,
        ).rows()  # fmt: skip


class _Writes:
    """What `append_result` needs of a lake's transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, version: int) -> None:
        self._connection = connection
        self._version = version

    def append(self, table: Table, rows: pl.DataFrame) -> None:
        if rows.height and table in TABLES:
            stamped = rows.with_columns(pl.lit(self._version, pl.Int64).alias("version"))
            names = ", ".join(stamped.columns)
            self._connection.register("_rows", stamped.to_arrow())
            self._connection.execute(f"INSERT INTO {table.changes} ({names}) SELECT {names} FROM _rows")
            self._connection.unregister("_rows")


def _statements() -> Iterator[str]:
    yield f"ATTACH ':memory:' AS {CATALOG}"
    yield f"USE {CATALOG}"
    for schema in SCHEMAS:
        yield f"CREATE SCHEMA {schema}"
    for table in TABLES:
        yield f"CREATE TABLE {table.changes} ({table.definition})"
        if isinstance(table, VersionedTable):
            yield f"CREATE VIEW {table.full_name} AS {table.view_query('', None)}"


def _received(message: Any) -> Message:
    at = to_microseconds(message.publish_time)
    return Message("m", message.topic, at, "", dict(message.attributes), message.data)
