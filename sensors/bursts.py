"""The burst sensor: long-polls Pub/Sub, commits bursts, reports materializations.

A tick takes in bursts for `tick_seconds` (the first one less) and returns at once into the next one,
so that messages never wait for Dagster. Runs are not involved: one run per
burst would take seconds. A report is built beside the bursts, on a thread, and
told at the end of the tick that finds it finished.
"""

import json
import time
from functools import partial
from typing import Any

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
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from inventory_assets.assets.checks import (
    IS_EXPLAINED,
    QUERIES,
    failing_rows,
    newest_alert_is_explained,
    rederive_newest_alert,
)
from inventory_assets.assets.metadata import counts_metadata, table_metadata, table_version
from inventory_assets.assets.specs import SPEC_OF, SPECS, TableSpec
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.memory import release_memory
from inventory_assets.lake.tables import ALERTS, Table
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.settings import Settings
from inventory_assets.stages.engine import CODE_VERSION
from inventory_assets.stages.ingest import IngestSummary
from inventory_assets.stages.warm import Reader
from inventory_assets.wiring import LakeReader
from resources import InventoryResource
from sensors.report import Report, ReportCursor, VersionRow, is_report_due, plan_report

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
    cursor = ReportCursor.parse(context.cursor)
    report = partial(build_report, process.settings, cursor)
    try:
        if context.cursor and is_report_due(cursor, now=time.time()):
            process.aside.begin(report)
        with process.lock:
            seconds = process.settings.tick_seconds if context.cursor else FIRST_TICK_SECONDS
            summary = process.ingest().run(max_seconds=seconds, wait_seconds=WAIT_SECONDS)
        if not context.cursor:
            process.aside.begin(report)
        built = process.aside.take(wait=not context.cursor)
    except (MessagingError, LakeError, duckdb.Error, OSError) as error:
        # What was not committed was given back, so nothing is lost: the next tick tries again.
        return SkipReason(str(error))
    if built is None:
        return SkipReason(_sentence(summary))
    events, next_cursor = built
    return SensorResult(asset_events=events, cursor=next_cursor.dump(), skip_reason=SkipReason(_sentence(summary)))


def build_report(settings: Settings, cursor: ReportCursor) -> tuple[list[Event], ReportCursor] | None:
    """Report the versions after the last reported one; None where there are none, or it is not time.

    It counts and checks whole tables, seconds at 200,000 keys: so it has a
    connection of its own, and bursts go on meanwhile. All of it is as of one version.
    """
    reader = LakeReader(settings)
    try:
        reader.connection.execute("BEGIN")
        report, next_cursor = plan_report(cursor, read_versions(reader, cursor.version), now=time.time())
        return None if report is None else (list(build_events(reader, report, settings)), next_cursor)
    finally:
        reader.connection.close()
        release_memory()


def _sentence(summary: IngestSummary) -> str:
    if not summary.messages:
        return "no messages came"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(summary.outcomes.items()))
    return (
        f"{summary.messages:,} messages in {len(summary.versions)} bursts: {outcomes}; "
        f"{summary.notified} alerts notified; lake version {summary.versions[-1]}"
    )


def read_versions(reader: Reader, after: int) -> list[VersionRow]:
    """The versions after the last reported one."""
    rows = reader.query(
        "SELECT version, stage, messages, counts FROM meta.versions WHERE version > ? ORDER BY version", [after]
    )
    return [
        VersionRow(version, stage, messages, json.loads(counts))
        for version, stage, messages, counts in rows.iter_rows()
    ]


def build_events(reader: Reader, report: Report, settings: Settings) -> list[Event]:
    """One materialization per asset (and partition) that the reported versions changed, and the checks."""
    events: list[Event] = []
    for spec in SPECS:
        version = table_version(reader, spec)
        if version < report.first_version:
            continue
        metadata = {
            **table_metadata(reader, spec),
            **counts_metadata(report.counts),
            "versions": f"{report.first_version} to {report.last_version}",
        }
        tags = {DATA_VERSION_TAG: str(version), CODE_VERSION_TAG: CODE_VERSION, **_input_tags(reader, spec)}
        for partition in _partitions(reader, spec, report, settings):
            events.append(
                AssetMaterialization(asset_key=AssetKey(spec.key), partition=partition, metadata=metadata, tags=tags)
            )
    for table, name, text, query in QUERIES:
        rows = failing_rows(reader, query)
        events.append(_evaluation(table, name, text, passed=not rows, metadata={"failing_rows": len(rows)}))
    alert_id, differences = rederive_newest_alert(reader, settings)
    events.append(
        _evaluation(
            ALERTS,
            newest_alert_is_explained.check_key.name,
            IS_EXPLAINED,
            passed=not differences,
            metadata={"alert": alert_id, "differences": differences},
        )
    )
    return events


def _evaluation(table: Table, name: str, text: str, *, passed: bool, metadata: dict[str, Any]) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        asset_key=AssetKey(table.full_name.split(".")),
        check_name=name,
        passed=passed,
        severity=AssetCheckSeverity.ERROR,
        description=text,
        metadata=metadata,
    )


def _input_tags(reader: Reader, spec: TableSpec) -> dict[str, str]:
    """What the table was made from. Without both tags of each input, Dagster shows a table as unsynced."""
    tags = {}
    for table in spec.inputs:
        key = AssetKey(table.full_name.split("."))
        version = table_version(reader, SPEC_OF[table.full_name])
        tags[get_input_data_version_tag(key)] = str(version) if version else NULL_DATA_VERSION.value
        # The inputs are reported in this very event batch: there is no event of theirs to name yet.
        tags[get_input_event_pointer_tag(key)] = NULL_EVENT_POINTER
    return tags


def _partitions(reader: Reader, spec: TableSpec, report: Report, settings: Settings) -> list[str | None]:
    if not spec.is_partitioned:
        return [None]
    rows = reader.query(
        f"SELECT DISTINCT {spec.table.partition_by} AS day FROM {spec.table.full_name} "
        "WHERE version BETWEEN ? AND ? ORDER BY day",
        [report.first_version, report.last_version],
    )
    return [day.isoformat() for day in rows["day"] if day >= settings.partitions_start_date]
