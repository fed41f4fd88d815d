"""A backfill of daily stock, against the same aggregation written by hand in DuckDB SQL over the same files.

Each is run in a process of its own, so that its memory is its own. What the
SQL leaves out is printed with the ratio; on this history it changes no row,
which is checked.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from benchmarks.history import write_history
from benchmarks.measure import START_AT, temporary_engine
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    SNAPSHOT_TABLES,
    PartitionFiles,
)
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import CORE_EVENTS
from inventory_assets.settings import Settings
from inventory_assets.snapshots import settled
from inventory_assets.snapshots.build import build_partitions, refresh_partitions
from inventory_assets.snapshots.staleness import find_stale

FIRST = datetime.fromtimestamp(START_AT / 1e6, UTC).date()
MORE = (
    "versions of a transaction, reserved and inbound, what a level contains, deletions, "
    "two clocks that disagree, an order and hashes that repeat, a manifest"
)

# Stock runs from a level on and moves with each completed transaction; the last of a day is that day's.
_ENDS = """
    WITH moves AS (
        SELECT k.key, event_at, event_date, version, kind,
            CASE WHEN kind = 'level' THEN (details->>'on_hand')::BIGINT ELSE quantity END AS delta,
            CASE WHEN type = 'ORDER' THEN -quantity ELSE 0 END AS sold
        FROM core.events e JOIN keys k ON k.warehouse_id = e.warehouse_id AND k.sku = e.sku
        WHERE kind = 'level' OR (kind = 'transaction' AND status = 'COMPLETED')
    ),
    running AS (
        SELECT *, sum(delta) OVER w AS on_hand, lead(event_at) OVER w AS next_at
        FROM moves WINDOW w AS (PARTITION BY key ORDER BY event_at, kind ROWS UNBOUNDED PRECEDING)
    ),
    ends AS (
        SELECT key, event_date, arg_max(on_hand, event_at)::BIGINT AS on_hand, sum(sold)::BIGINT AS sold_units,
            sum(CASE WHEN on_hand <= 0 THEN
                epoch_us(least(coalesce(next_at, event_date + INTERVAL 1 DAY), event_date + INTERVAL 1 DAY))
                - epoch_us(event_at) ELSE 0 END) AS out_us,
            min(event_at) AS first_at, max(event_at) AS last_event_at, max(version) AS version
        FROM running GROUP BY ALL
    )
    SELECT key, event_date, on_hand, sold_units, out_us, first_at, last_event_at,
        lead(event_date) OVER w AS next_date, lag(on_hand) OVER w AS before, max(version) OVER w AS version
    FROM ends WINDOW w AS (PARTITION BY key ORDER BY event_date)
"""
_ROWS = """
    SELECT {day} AS snapshot_date, warehouse_id, sku, on_hand, 0::BIGINT AS reserved, on_hand AS available,
        0::BIGINT AS inbound, true AS is_active,
        CASE WHEN event_date <> {day} THEN CASE WHEN on_hand <= 0 THEN 86400 ELSE 0 END
            ELSE (out_us + CASE WHEN before <= 0 THEN epoch_us(first_at) - epoch_us(event_date::TIMESTAMP) ELSE 0 END)
                // 1000000 END::BIGINT AS stockout_seconds,
        CASE WHEN event_date = {day} THEN sold_units ELSE 0 END::BIGINT AS sold_units, last_event_at, version
"""
_AT_ONCE = (
    "COPY (WITH days AS (SELECT unnest(range(event_date, coalesce(next_date, DATE '{end}'), INTERVAL 1 DAY))::DATE "
    "AS day, * FROM ({ends})) {rows} FROM days JOIN keys USING (key) ORDER BY snapshot_date, key) "
    "TO '{target}' (FORMAT parquet, PARTITION_BY (snapshot_date), WRITE_PARTITION_COLUMNS true, COMPRESSION zstd)"
)
_A_DAY = (
    "COPY ({rows} FROM spans JOIN keys USING (key) WHERE event_date <= {day} "
    "AND coalesce(next_date > {day}, true) ORDER BY key) "
    "TO '{target}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
)


class Cost(NamedTuple):
    """What a job took; memory is the process's peak."""

    seconds: float
    processor: float
    memory_gib: float


def run(*, days: int = 90, events_per_day: int = 100_000, keys: int = 200_000) -> None:
    """Print what a backfill of all days costs, beside SQL by hand, and what late events cost.

    Args:
        days, events_per_day, keys: The size of the history.
    """
    print(f"\nsnapshots: {days} days, {events_per_day:,} events a day, {keys:,} keys")
    with temporary_engine(duckdb_threads=2, duckdb_memory_limit="2GB") as engine:
        events = write_history(engine, days=days, events_per_day=events_per_day, keys=keys, warehouses=20)
        settings = engine.settings
        engine.close()
        home, last = settings.home, FIRST + timedelta(days=days - 1)
        costs = {}
        for part in (days // 3, days * 2 // 3, days):
            cost = costs[part] = apart(backfill, settings, DAILY_STOCK.name, FIRST + timedelta(days=part - 1))
            _print(f"daily_stock, {part} days in one run ({cost.seconds / part:.2f} s a day)", cost)
        by_hand = {}
        for name, sql in (("one statement", copy_at_once), ("a statement a day", copy_by_day)):
            by_hand[name] = apart(sql, settings, last)
            same = "the same rows" if _digest(home / "hand") == _digest(home / "snapshots") else "OTHER ROWS"
            _print(f"by hand in SQL, {name}: {same}", by_hand[name])
        best = min(by_hand.values())
        print(
            f"  ratio to the quicker SQL: {costs[days].seconds / best.seconds:.2f} by the clock, "
            f"{costs[days].processor / best.processor:.2f} in processor time; done besides: {MORE}"
        )
        for share, way in ((settled.LEAST_SHARE, "settled keys by sets"), (2.0, "all histories folded")):
            _print(f"daily_stock, the last day alone, {way}", apart(one_day, settings, last, share))
        _print("hourly_transactions, all days in one run", apart(backfill, settings, HOURLY_TRANSACTIONS.name, last))
        _print(f"checking both tables, {events:,} events, nothing late", apart(check, settings))
        _add_late(settings, days)
        _print("checking, events late for three days", apart(check, settings))
        _print("making anew what they changed", apart(refresh, settings, last))
        anew = home / "anew"
        apart(backfill, settings, DAILY_STOCK.name, last, str(anew))
        same = all(
            path.read_bytes() == (home / "snapshots" / path.relative_to(anew)).read_bytes()
            for path in anew.rglob("data.parquet")
        )
        print(f"  the files are {'those of' if same else 'OTHER THAN'} a backfill from nothing")


def backfill(settings: Settings, name: str, last: date, target: str = "") -> None:
    """Make all days up to `last`."""
    table = next(table for table in SNAPSHOT_TABLES if table.name == name)
    files = PartitionFiles(target or settings.snapshots_uri, table)
    with history_reader(settings) as reader:
        for _ in build_partitions(reader, files, FIRST, last, today=last + timedelta(days=1)):
            pass


def one_day(settings: Settings, day: date, least_share: float) -> None:
    """Make one day, as every night does."""
    settled.LEAST_SHARE = least_share
    with history_reader(settings) as reader:
        made = list(build_partitions(reader, _files(settings), day, day, today=day + timedelta(days=1)))
        content = PartitionFiles(settings.snapshots_uri, DAILY_STOCK).content(day)
    assert len(made) == 1 and _files(settings).content(day) == content, "the day's file is another one"


def _files(settings: Settings) -> PartitionFiles:
    return PartitionFiles(str(settings.home / "alone"), DAILY_STOCK)


def copy_at_once(settings: Settings, last: date) -> None:
    """All days' files by one COPY."""
    with _sql(settings) as (connection, target):
        end = last + timedelta(days=1)
        rows = _ROWS.format(day="day")
        connection.execute(_AT_ONCE.format(end=end, ends=_ENDS, rows=rows, target=target))


def copy_by_day(settings: Settings, last: date) -> None:
    """One table of what holds from when to when, and a COPY a day."""
    with _sql(settings) as (connection, target):
        target.mkdir()
        connection.execute(f"CREATE TEMP TABLE spans AS {_ENDS}")
        for number in range((last - FIRST).days + 1):
            day = FIRST + timedelta(days=number)
            literal = f"DATE '{day}'"
            connection.execute(_A_DAY.format(rows=_ROWS.format(day=literal), day=literal, target=target, name=day))


def check(settings: Settings) -> None:
    """What the sensor does each minute."""
    for table in SNAPSHOT_TABLES:
        files = PartitionFiles(settings.snapshots_uri, table)
        with history_reader(settings) as reader:
            find_stale(reader, files, today=date.max)


def refresh(settings: Settings, last: date) -> None:
    """What the sensor's runs do."""
    for table in SNAPSHOT_TABLES:
        files = PartitionFiles(settings.snapshots_uri, table)
        with history_reader(settings) as reader:
            days = list(find_stale(reader, files, today=date.max).stale)
            print(f"  {table.name}: {len(days)} days stale")
            for _ in refresh_partitions(reader, files, days, today=last + timedelta(days=1)):
                pass


def apart(job: Callable[..., None], *arguments: object) -> Cost:
    """Run a job in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, job, *arguments).result()


def _measured(job: Callable[..., None], *arguments: object) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    job(*arguments)
    # Not getrusage: what it says begins with the peak of the process that started this one.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return Cost(time.perf_counter() - wall, time.process_time() - processor, int(peak.split()[1]) / 2**20)


@contextmanager
def _sql(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """The connection that the product itself would have, and where to write."""
    target = settings.home / "hand"
    shutil.rmtree(target, ignore_errors=True)
    numbered = "warehouse_id, sku, (row_number() OVER (ORDER BY warehouse_id, sku))::INTEGER AS key"
    with history_reader(settings) as reader:
        reader.connection.execute(f"CREATE TEMP TABLE keys AS SELECT {numbered} FROM core.sku_state")
        yield reader.connection, target


def _digest(root: Path) -> tuple[object, ...]:
    """The rows of all daily files, whatever files they are in."""
    folder = root / "daily_stock" if (root / "daily_stock").exists() else root
    columns = ", ".join(DAILY_STOCK.columns)
    measures = f"count(*), bit_xor(hash({columns})), sum(hash({columns}) % 1000003)"
    query = f"SELECT {measures} FROM read_parquet(?, hive_partitioning = false)"
    row = duckdb.connect(config={"threads": 2}).execute(query, [f"{folder}/**/*.parquet"]).fetchone()
    assert row is not None  # an aggregate has a row
    return row


def _add_late(settings: Settings, days: int) -> None:
    """An order of each of 300 keys on three days of the last third. Only what is read here is written."""
    engine = Engine(settings)
    moments = [FIRST + timedelta(days=days * 2 // 3 + number * days // 10) for number in range(3)]
    keys = engine.lake.query("SELECT warehouse_id, sku FROM core.sku_state ORDER BY ALL LIMIT 300")
    with engine.lake.rewriting(None, stage=Stage.RESTORE) as rewrite:
        for number, day in enumerate(moments):
            at = datetime.combine(day, datetime.min.time()) + timedelta(hours=12)
            rewrite.append(CORE_EVENTS, keys.with_columns(
                seq=pl.int_range(keys.height),
                event_id=pl.format("late:{}:{}:{}", pl.lit(number), "warehouse_id", "sku"),
                entity_key=-(10**9) - number * 1000 - pl.int_range(keys.height), kind=pl.lit("transaction"),
                type=pl.lit("ORDER"), status=pl.lit("COMPLETED"), quantity=pl.lit(-1, pl.Int64),
                event_at=pl.lit(at, pl.Datetime("us")), event_date=pl.lit(day), source_epoch=pl.lit(0),
                instant=pl.lit(int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000, pl.Int64), increment=pl.lit(0),
                has_cluster_time=pl.lit(False), outcome=pl.lit("applied"),
            ))  # fmt: skip
    engine.close()


def _print(what: str, cost: Cost) -> None:
    print(
        f"  {what}: {cost.seconds:.1f} s ({cost.processor:.1f} s of processor time), {cost.memory_gib:.2f} GiB",
        flush=True,
    )
