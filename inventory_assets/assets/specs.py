"""What Dagster shows of each lake table: key, description with its grain, owners, lineage."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    Backoff,
    DefaultScheduleStatus,
    FreshnessPolicy,
    RetryPolicy,
    ScheduleDefinition,
    schedule,
)

from inventory_assets.clock import clock_of
from inventory_assets.domain.values import to_datetime, to_microseconds
from inventory_assets.lake.tables import (
    ALERTS,
    CORE_EVENTS,
    COVERAGE,
    DEAD_LETTERS,
    DYNAMIC_THRESHOLDS,
    INCIDENTS,
    PLANS,
    PRODUCTS,
    RAW_MESSAGES,
    RESOLVED_THRESHOLDS,
    ROLLUPS,
    SKU_STATE,
    THRESHOLD_AUDIT,
    THRESHOLD_RULES,
    TRANSITIONS,
    VELOCITY,
    Table,
)
from inventory_assets.settings import Settings

# A run that uses the engine loads every key into memory and writes: one at a time (`deploy/dagster.yaml`).
LAKE_POOL = "lake"
# What builds files beside the lake takes the machine's cores: one at a time as well, but beside the others.
BUILD_POOL = "builds"
# An hour of backfill must not keep the hourly checks waiting.
QUALITY_POOL = "quality"
# A lock that was not free, a broker that was away: both are soon over. Everything here can be run again.
RETRIES = RetryPolicy(max_retries=2, delay=15, backoff=Backoff.EXPONENTIAL)


# What a planner reads at seven was made since midnight; Dagster's asset page says so, or that it was not.
DAILY_BY_FIVE = FreshnessPolicy.cron(deadline_cron="0 5 * * *", lower_bound_delta=timedelta(hours=5))
WEEKLY_BY_FIVE = FreshnessPolicy.cron(deadline_cron="0 5 * * 1", lower_bound_delta=timedelta(hours=5))
HOURLY = FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(minutes=90))


def running(name: str, runs: Any, cron_schedule: str, description: str, **more: Any) -> ScheduleDefinition:
    """A schedule in UTC that runs from the start, of a job or of a selection of assets."""
    return ScheduleDefinition(
        name=name, target=runs, cron_schedule=cron_schedule, execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING, description=description, **more,
    )  # fmt: skip


asking = partial(schedule, execution_timezone="UTC", default_status=DefaultScheduleStatus.RUNNING)
"""The decorator of a schedule like those of `running`, whose function says whether and what to run."""


def shown_day(settings: Settings, scheduled_at: datetime) -> date:
    """The UTC day it was in the trade when a schedule was due; cron goes by the machine's clock."""
    return to_datetime(clock_of(settings).shown_at(to_microseconds(scheduled_at))).date()


def evaluation_of(result: AssetCheckResult) -> AssetCheckEvaluation:
    """A check's result, for who reports it beside a run of the check."""
    assert result.asset_key is not None and result.check_name is not None
    return AssetCheckEvaluation(
        asset_key=result.asset_key, check_name=result.check_name, passed=result.passed, severity=result.severity,
        description=result.description, metadata=result.metadata,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One asset: its table, its inputs, and the query worth asking of it."""

    table: Table
    group: str
    inputs: tuple[Table, ...]
    kinds: tuple[str, ...]
    example: str
    is_partitioned: bool = False

    @property
    def key(self) -> list[str]:
        """Asset key: the lake table, layer first."""
        return self.table.full_name.split(".")

    @property
    def description(self) -> str:
        """The grain, and a query to start from."""
        return f'{self.table.comment}\n\n```\ninventory sql "{self.example}"\n```'


SPECS = (
    TableSpec(RAW_MESSAGES, "ingest", (), ("pubsub", "ducklake"),
        "SELECT outcome, count(*) FROM raw.messages GROUP BY outcome", True),
    TableSpec(CORE_EVENTS, "ingest", (RAW_MESSAGES,), ("ducklake",),
        "SELECT event_date, type, sum(quantity) FROM core.events GROUP BY ALL ORDER BY ALL", True),
    TableSpec(DEAD_LETTERS, "ingest", (RAW_MESSAGES,), ("ducklake",),
        "SELECT reason, count(*) FROM core.dead_letters GROUP BY reason"),
    TableSpec(SKU_STATE, "stock", (CORE_EVENTS,), ("python", "duckdb", "polars", "ducklake"),
        "SELECT * FROM core.sku_state ORDER BY available LIMIT 20"),
    TableSpec(ROLLUPS, "stock", (SKU_STATE,), ("numpy", "duckdb", "polars", "ducklake"),
        "SELECT * FROM core.rollups WHERE level = 'CATEGORY' AND warehouse_id IS NULL"),
    TableSpec(PRODUCTS, "stock", (), ("ducklake",), "SELECT * FROM core.products LIMIT 20"),
    TableSpec(THRESHOLD_RULES, "thresholds", (RAW_MESSAGES,), ("ducklake",), "SELECT * FROM core.threshold_rules"),
    TableSpec(THRESHOLD_AUDIT, "thresholds", (THRESHOLD_RULES,), ("ducklake",),
        "SELECT changed_at, author, reason, action, before, after FROM core.threshold_audit ORDER BY version, seq"),
    TableSpec(RESOLVED_THRESHOLDS, "thresholds", (THRESHOLD_RULES, SKU_STATE, DYNAMIC_THRESHOLDS),
        ("python", "polars", "ducklake"),
        "SELECT rule_level_type, count(*) FROM core.resolved_thresholds GROUP BY ALL"),
    TableSpec(VELOCITY, "thresholds", (CORE_EVENTS,), ("duckdb", "ducklake"),
        "SELECT * FROM core.velocity ORDER BY daily_units DESC LIMIT 20"),
    TableSpec(COVERAGE, "thresholds", (CORE_EVENTS,), ("numpy", "ducklake"),
        "SELECT * FROM core.coverage ORDER BY cover_days LIMIT 20"),
    TableSpec(DYNAMIC_THRESHOLDS, "thresholds", (CORE_EVENTS, THRESHOLD_RULES, PRODUCTS), ("numpy", "ducklake"),
        "SELECT * FROM core.dynamic_thresholds ORDER BY reorder_qty DESC LIMIT 20"),
    TableSpec(ALERTS, "alerts", (SKU_STATE, RESOLVED_THRESHOLDS, VELOCITY, PRODUCTS), ("python", "ducklake", "pubsub"),
        "SELECT priority, alert_type, count(*) FROM out.alerts WHERE state = 'firing' GROUP BY ALL"),
    TableSpec(TRANSITIONS, "alerts", (ALERTS,), ("ducklake",),
        "SELECT transition, reason, count(*) FROM out.alert_transitions GROUP BY ALL"),
    TableSpec(INCIDENTS, "alerts", (ALERTS, CORE_EVENTS, SKU_STATE, PRODUCTS), ("duckdb", "ducklake"),
        "SELECT priority, kind, title FROM out.incidents WHERE state = 'open'"),
    TableSpec(PLANS, "plan", (CORE_EVENTS, SKU_STATE, RESOLVED_THRESHOLDS, VELOCITY, PRODUCTS),
        ("numpy", "ducklake"),
        "SELECT supplier_id, line_id, order_by, order_quantity, reason FROM out.plans WHERE is_urgent ORDER BY ALL"),
)  # fmt: skip

# Made by schedule; all others are what the newest burst left.
SCHEDULED = (VELOCITY, COVERAGE, DYNAMIC_THRESHOLDS, PLANS, INCIDENTS)

SPEC_OF = {spec.table.full_name: spec for spec in SPECS}
