"""The burst sensor: long-polls Pub/Sub, commits bursts, reports materializations.

A tick takes in bursts for `tick_seconds` (the first one less) and returns at once into the next one,
so that messages never wait for Dagster. Runs are not involved: one run per
burst would take seconds.
"""

import json
import time

import duckdb
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.data_version import CODE_VERSION_TAG, DATA_VERSION_TAG, get_input_data_version_tag

from inventory_assets.assets.checks import CHECKS, run_check
from inventory_assets.assets.metadata import counts_metadata, table_metadata, table_version
from inventory_assets.assets.specs import SPEC_OF, SPECS, TableSpec
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import CODE_VERSION, Engine
from inventory_assets.stages.ingest import IngestSummary
from resources import InventoryResource
from sensors.report import Report, ReportCursor, VersionRow, plan_report

WAIT_SECONDS = 5.0
# Whoever opens the UI for the first time should not look at empty assets.
FIRST_TICK_SECONDS = 8.0
Event = AssetMaterialization | AssetObservation | AssetCheckEvaluation


@sensor(
    name="bursts",
    description="Takes Pub/Sub messages in, burst by burst: each burst is the lake's next version.",
    minimum_interval_seconds=1,
    default_status=DefaultSensorStatus.RUNNING,
)
def burst_sensor(context: SensorEvaluationContext, inventory: InventoryResource) -> SensorResult | SkipReason:
    """Take in bursts, then report what is due."""
    process = inventory.process()
    with process.lock:
        try:
            seconds = process.settings.tick_seconds if context.cursor else FIRST_TICK_SECONDS
            summary = process.ingest().run(max_seconds=seconds, wait_seconds=WAIT_SECONDS)
        except (MessagingError, LakeError, duckdb.Error, OSError) as error:
            # What was not committed was given back, so nothing is lost: the next tick tries again.
            return SkipReason(str(error))
        cursor = ReportCursor.parse(context.cursor)
        report, next_cursor = plan_report(cursor, read_versions(process.engine, cursor.version), now=time.time())
        if report is None:
            return SkipReason(_sentence(summary))
        events = list(build_events(process.engine, report, process.settings))
    return SensorResult(asset_events=events, cursor=next_cursor.dump(), skip_reason=SkipReason(_sentence(summary)))


def _sentence(summary: IngestSummary) -> str:
    if not summary.messages:
        return "no messages came"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.outcomes.items()))
    return (
        f"{summary.messages:,} messages in {len(summary.versions)} bursts: {outcomes}; "
        f"{summary.notified} alerts notified; lake version {summary.versions[-1]}"
    )


def read_versions(engine: Engine, after: int) -> list[VersionRow]:
    """The versions after the last reported one."""
    rows = engine.lake.query(
        "SELECT version, stage, messages, counts FROM meta.versions WHERE version > ? ORDER BY version", [after]
    )
    return [
        VersionRow(version, stage, messages, json.loads(counts))
        for version, stage, messages, counts in rows.iter_rows()
    ]


def build_events(engine: Engine, report: Report, settings: Settings) -> list[Event]:
    """One materialization per asset (and partition) that the reported versions changed, and the checks."""
    events: list[Event] = []
    for spec in SPECS:
        version = table_version(engine.lake, spec)
        if version < report.first_version:
            continue
        metadata = {
            **table_metadata(engine.lake, spec),
            **counts_metadata(report.counts),
            "versions": f"{report.first_version} to {report.last_version}",
        }
        tags = {DATA_VERSION_TAG: str(version), CODE_VERSION_TAG: CODE_VERSION, **_input_tags(engine, spec)}
        for partition in _partitions(engine, spec, report, settings):
            events.append(
                AssetMaterialization(asset_key=AssetKey(spec.key), partition=partition, metadata=metadata, tags=tags)
            )
    for check in CHECKS:
        rows = run_check(engine, check)
        events.append(
            AssetCheckEvaluation(
                asset_key=AssetKey(check.table.full_name.split(".")),
                check_name=check.name,
                passed=not rows,
                severity=AssetCheckSeverity.ERROR,
                description=check.text,
                metadata={"failing_rows": len(rows)},
            )
        )
    return events


def _input_tags(engine: Engine, spec: TableSpec) -> dict[str, str]:
    """What the table was made from: Dagster shows a table as unsynced without it."""
    return {
        get_input_data_version_tag(AssetKey(table.full_name.split("."))): str(
            table_version(engine.lake, SPEC_OF[table.full_name])
        )
        for table in spec.inputs
    }


def _partitions(engine: Engine, spec: TableSpec, report: Report, settings: Settings) -> list[str | None]:
    if not spec.is_partitioned:
        return [None]
    rows = engine.lake.query(
        f"SELECT DISTINCT {spec.table.partition_by} AS day FROM {spec.table.full_name} "
        "WHERE version BETWEEN ? AND ? ORDER BY day",
        [report.first_version, report.last_version],
    )
    return [day.isoformat() for day in rows["day"] if day >= settings.partitions_start_date]
