"""`dbt build` on 90 days of 100,000 events: seconds, memory, and what bursts beside it wait."""

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import psutil

from benchmarks.history import write_history
from benchmarks.measure import START_AT, Traffic, median, open_stock, percentiles, temporary_engine
from inventory_assets.domain.values import EPOCH
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.marts.build import Build, build_marts
from inventory_assets.settings import Settings

BURSTS_BEFORE = 30
SLOWEST = 8


def run(*, days: int = 90, events_per_day: int = 100_000, keys: int = 200_000) -> None:
    """Print what a build of all marts and tests costs, and what it costs the bursts.

    Args:
        days, events_per_day, keys: The size of the history.
    """
    print(f"\nmarts: {days} days, {events_per_day:,} events a day, {keys:,} keys")
    with temporary_engine(duckdb_threads=2, duckdb_memory_limit="2GB") as engine:
        began = time.perf_counter()
        events = write_history(engine, days=days, events_per_day=events_per_day, keys=keys, warehouses=20)
        write_rollups(engine)
        write_alerts(engine)
        settings = engine.settings
        engine.close()
        write_snapshots(settings, days)
        print(f"  writing {events:,} events and their snapshot files: {time.perf_counter() - began:.1f} s")
        _print(*_measured(settings), "first build, which parses the project")
        made, *figures = _measured(settings)
        _print(made, *figures, "second build")
        for step in sorted(made.steps, key=lambda step: -step.seconds)[:SLOWEST]:
            print(f"    {step.seconds:5.1f} s  {step.kind} {step.name}")
        _beside(settings.snapshots_uri)


def _measured(settings: Settings) -> tuple[Build, float, float, float]:
    """A build, its seconds, dbt's processor seconds, and the greatest memory of its process in MiB."""
    peak, processor, ended = [0.0], [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                try:
                    if process.name().startswith(("dbt", "python")):
                        peak[0] = max(peak[0], process.memory_info().rss / 2**20)
                        used = process.cpu_times()
                        processor[0] = max(processor[0], used.user + used.system)
                except psutil.Error:
                    pass

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    try:
        made = build_marts(settings)
    finally:
        ended.set()
        watcher.join()
    return made, time.perf_counter() - began, processor[0], peak[0]


def _print(made: Build, seconds: float, processor: float, peak: float, what: str) -> None:
    kinds = [sum(step.kind == kind for step in made.steps) for kind in ("model", "test", "unit_test")]
    print(
        f"  {what}: {seconds:.1f} s ({processor:.1f} s of processor time), "
        f"{kinds[0]} models, {kinds[1]} tests, {kinds[2]} unit tests, "
        f"{len(made.failed)} failed; {peak:,.0f} MiB at its peak"
    )
    for step in made.failed:
        print(f"    FAILED {step.name}: {step.message}")


def _beside(snapshots_path: str) -> None:
    """Commit bursts before a build and during one: of their lake, and of the long history's snapshot files."""
    with temporary_engine(snapshots_path=snapshots_path) as engine:
        _bursts(engine)


def _bursts(engine: Engine) -> None:
    traffic = Traffic(skus=2_000, warehouses=5)
    open_stock(engine, traffic)

    def burst() -> float:
        messages = traffic.burst()
        began = time.perf_counter()
        engine.commit_burst(messages)
        return (time.perf_counter() - began) * 1e3

    before = [burst() for _ in range(BURSTS_BEFORE)]
    builds: list[Build] = []
    thread = threading.Thread(target=lambda: builds.append(build_marts(engine.settings)))
    thread.start()
    during = []
    while thread.is_alive():
        during.append(burst())
    print(f"  bursts of 1,000 before a build: {percentiles(before, 50, 95, 100)} ms")
    print(f"  bursts of 1,000 during a build: {percentiles(during, 50, 95, 100)} ms, {len(during)} committed")
    print(f"    {median(during) / median(before):.1f} times the median; {len(builds[0].failed)} models or tests failed")


def write_rollups(engine: Engine) -> None:
    """The sums that the history's stock has: a test of the marts compares them."""
    engine.lake.connection.execute(
        """
        INSERT INTO lake.core.rollups_changes (warehouse_id, level, level_id, on_hand, sku_count, version)
        SELECT warehouse_id, 'SKU', sku, on_hand, 1, 1 FROM lake.core.sku_state
        """
    )


def write_alerts(engine: Engine) -> None:
    """An alert for each restock, opened a day before it came: as many as a planner would never want."""
    connection = engine.lake.connection
    connection.execute(
        """
        INSERT INTO lake.out.alerts_changes (
            alert_id, warehouse_id, sku, alert_type, priority, state, available, threshold, opened_at, resolved_at,
            resolved_reason, notification_count, body, version
        )
        SELECT 'alt-' || entity_key, warehouse_id, sku, 'REORDER', 'MEDIUM', 'resolved', 12, 40,
            event_at - INTERVAL 1 DAY, event_at, 'recovered', 1, '{"lineage":{"rule":{"level_type":"GLOBAL"}}}', 1
        FROM lake.core.events WHERE type = 'RESTOCK'
        """
    )
    connection.execute(
        """
        INSERT INTO lake.out.alert_transitions (version, seq, alert_id, transition, reason, event_at, is_late)
        SELECT 1, row_number() OVER (), alert_id, transition, '',
            CASE transition WHEN 'resolved' THEN resolved_at ELSE opened_at END, false
        FROM lake.out.alerts, (SELECT unnest(['opened', 'notified', 'resolved']) AS transition)
        """
    )


def write_snapshots(settings: Settings, days: int) -> None:
    """The history's snapshot files, a day at a time. The product's own builder is measured elsewhere."""
    with history_reader(settings) as reader:
        connection = reader.connection
        connection.execute(
            """
            CREATE TEMP TABLE stock AS
            SELECT warehouse_id, sku, CAST(json_extract(details, '$.on_hand') AS BIGINT) AS on_hand
            FROM lake.core.events WHERE kind = 'level' ORDER BY 1, 2
            """
        )
        first = (EPOCH + timedelta(microseconds=START_AT)).replace(tzinfo=None)
        for number in range(days):
            _write_day(connection, settings, first + timedelta(days=number), number + 2)


def _write_day(connection: duckdb.DuckDBPyConnection, settings: Settings, day: datetime, version: int) -> None:
    date, end = day.strftime("%Y-%m-%d"), (day + timedelta(days=1)).strftime("%Y-%m-%d")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE moves AS
        SELECT warehouse_id, sku, type, status, quantity, event_at,
            s.on_hand + sum(quantity) OVER key AS after,
            coalesce(lead(event_at) OVER key, TIMESTAMP '{end}') AS until_at
        FROM lake.core.events JOIN stock s USING (warehouse_id, sku)
        WHERE kind = 'transaction' AND event_date = DATE '{date}'
        WINDOW key AS (PARTITION BY warehouse_id, sku ORDER BY event_at, event_id)
        """
    )
    _copy(
        connection, settings, "hourly_transactions", date,
        f"""
        SELECT date_trunc('hour', event_at) AS hour, DATE '{date}' AS event_date, warehouse_id, sku, type, status,
            count(*) AS transactions, sum(quantity)::BIGINT AS quantity, max(abs(quantity)) AS largest_quantity,
            {version}::BIGINT AS version
        FROM moves GROUP BY ALL ORDER BY ALL
        """,
    )  # fmt: skip
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE closing AS
        SELECT s.warehouse_id, s.sku, s.on_hand + coalesce(m.moved, 0) AS on_hand,
            coalesce(m.sold, 0) AS sold,
            CASE WHEN s.on_hand <= 0 THEN epoch(coalesce(m.first_at, TIMESTAMP '{end}') - TIMESTAMP '{date}') ELSE 0 END
                + coalesce(m.out_seconds, 0) AS out_seconds
        FROM stock s LEFT JOIN (
            SELECT warehouse_id, sku, sum(quantity)::BIGINT AS moved, min(event_at) AS first_at,
                -sum(quantity) FILTER (type = 'ORDER')::BIGINT AS sold,
                sum(epoch(until_at - event_at)) FILTER (after <= 0) AS out_seconds
            FROM moves GROUP BY ALL
        ) m USING (warehouse_id, sku) ORDER BY 1, 2
        """
    )
    _copy(
        connection, settings, "daily_stock", date,
        f"""
        SELECT DATE '{date}' AS snapshot_date, warehouse_id, sku, on_hand, 0::BIGINT AS reserved,
            on_hand AS available, 0::BIGINT AS inbound, true AS is_active, out_seconds::BIGINT AS stockout_seconds,
            sold::BIGINT AS sold_units, TIMESTAMP '{date}' AS last_event_at, {version}::BIGINT AS version
        FROM closing
        """,
    )  # fmt: skip
    connection.execute("CREATE OR REPLACE TEMP TABLE stock AS SELECT warehouse_id, sku, on_hand FROM closing")


def _copy(connection: duckdb.DuckDBPyConnection, settings: Settings, kind: str, date: str, query: str) -> None:
    directory = Path(settings.snapshots_uri) / kind / f"date={date}"
    directory.mkdir(parents=True)
    connection.execute(f"COPY ({query}) TO '{directory / 'data.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
