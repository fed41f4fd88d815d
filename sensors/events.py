"""What a report tells Dagster: materializations of what changed, and the results of the checks.

Here: reading the lake into events. Not here: which versions are reported and
when (`report`), or when it is built and told (`bursts`).
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from dagster import (
    AddDynamicPartitionsRequest,
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckSeverity,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    MetadataValue,
)

from inventory_assets.assets.checks import (
    IS_EXPLAINED,
    NO_OFFENDER,
    Finding,
    find_offenders,
    newest_alert_is_explained,
    no_message_breaks_an_invariant,
    rederive_newest_alert,
    run_check,
)
from inventory_assets.assets.dagster_internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from inventory_assets.assets.metadata import counts_metadata, table_metadata, table_version
from inventory_assets.assets.recompute import BY_BURSTS
from inventory_assets.assets.specs import SCHEDULED, SPECS, TableSpec
from inventory_assets.clock import machine_seconds
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.lake.fresh import land_all
from inventory_assets.lake.memory import release_memory
from inventory_assets.lake.query.reader import LakeReader, Reader
from inventory_assets.lake.tables import ALERTS, DEAD_LETTERS, RAW_MESSAGES, Table
from inventory_assets.partitions import is_listed, reach_reported
from inventory_assets.quality.rules import INVARIANTS
from inventory_assets.queries.versions import days_of_versions, versions_after
from inventory_assets.recompute.run import RECOMPUTED
from inventory_assets.replenish.make import settings_of
from inventory_assets.settings import Settings
from sensors.report import Report, ReportCursor, VersionRow, plan_report

# What a report sorts and groups goes to disk beyond this: it took 300 MB for a moment each minute.
REPORT_MEMORY = "128MB"

Event = AssetMaterialization | AssetCheckEvaluation


class BuiltReport(NamedTuple):
    """What to tell, where the cursor then stands, and what the checks found."""

    events: list[Event]
    cursor: ReportCursor
    findings: list[Finding]


def build_report(settings: Settings, cursor: ReportCursor) -> BuiltReport | None:
    """Report the versions after the last reported one; None where there are none, or it is not time.

    It counts and checks whole tables, seconds at 200,000 keys: so it has a
    connection of its own, and bursts go on meanwhile. All of it is as of one version, which has landed.
    """
    land_all(settings)
    reader = LakeReader(replace(settings, duckdb_memory_limit=REPORT_MEMORY))
    try:
        reader.connection.execute("BEGIN")
        report, next_cursor = plan_report(cursor, read_versions(reader, cursor.version), now=machine_seconds())
        if report is None:
            return None
        findings = [run_check(reader, check) for check in INVARIANTS]
        events: list[Event] = [*build_materializations(reader, report, settings)]
        events += [_evaluate(finding) for finding in findings]
        events.append(_evaluate_offenders(reader, report))
        events.append(_evaluate_newest(reader, settings))
        return BuiltReport(events, next_cursor, findings)
    finally:
        reader.connection.close()
        release_memory()


def read_versions(reader: Reader, after: int) -> list[VersionRow]:
    """The versions after the last reported one."""
    return [
        VersionRow(version, stage, messages, json.loads(counts))
        for version, stage, messages, counts in versions_after(reader, after)
    ]


def build_materializations(reader: Reader, report: Report, settings: Settings) -> list[AssetMaterialization]:
    """One materialization per asset (and partition) that the reported versions changed."""
    events = []
    versions = {spec.table: table_version(reader, spec) for spec in SPECS}
    changed = {table for table, version in versions.items() if version >= report.first_version}
    for spec in SPECS:
        if spec.table not in changed and not (versions[spec.table] and _is_as_it_was(spec, changed)):
            continue
        version = versions[spec.table]
        metadata = {
            **table_metadata(reader, spec, settings_of(settings)),
            **counts_metadata(report.counts),
            "versions": f"{report.first_version} to {report.last_version}",
            **({"computed_by": BY_BURSTS} if spec.table in RECOMPUTED else {}),
        }
        tags = {DATA_VERSION_TAG: str(version), CODE_VERSION_TAG: CODE_VERSION, **_input_tags(versions, spec)}
        for partition in _partitions(reader, spec, report, settings):
            events.append(
                AssetMaterialization(asset_key=AssetKey(spec.key), partition=partition, metadata=metadata, tags=tags)
            )
    return events


def lists_for(events: Iterable[Event], settings: Settings) -> list[AddDynamicPartitionsRequest]:
    """What Dagster's lists of days need for what is told, where they are lists: else a day would be passed over."""
    told = (event.partition for event in events if isinstance(event, AssetMaterialization))
    return reach_reported(settings, [day for day in told if day is not None])


def _evaluate(finding: Finding) -> AssetCheckEvaluation:
    check = finding.check
    count = len(finding.rows)
    return _evaluation(check.table, check.name, check.text, passed=not count, metadata={"failing_rows": count})


def _evaluate_offenders(reader: Reader, report: Report) -> AssetCheckEvaluation:
    found = find_offenders(reader, (report.first_version, report.last_version))
    name = no_message_breaks_an_invariant.check_key.name
    return _evaluation(DEAD_LETTERS, name, NO_OFFENDER, passed=not found["offenders"], metadata=found)


def _evaluate_newest(reader: Reader, settings: Settings) -> AssetCheckEvaluation:
    alert_id, differences = rederive_newest_alert(reader, settings)
    return _evaluation(
        ALERTS,
        newest_alert_is_explained.check_key.name,
        IS_EXPLAINED,
        passed=not differences,
        metadata={"alert": alert_id, "differences": differences},
    )


def _evaluation(table: Table, name: str, text: str, *, passed: bool, metadata: dict[str, Any]) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        asset_key=AssetKey(table.full_name.split(".")),
        check_name=name,
        passed=passed,
        severity=AssetCheckSeverity.ERROR,
        description=text,
        metadata=metadata,
    )


def _is_as_it_was(spec: TableSpec, changed: Collection[Table]) -> bool:
    # Bursts had nothing to write there. Unsaid, Dagster would show it as unsynced: made of earlier inputs. What is
    # made by schedule is.
    return spec.table not in SCHEDULED and any(table in changed for table in spec.inputs)


def keep_evaluated(
    instance: DagsterInstance, checks: Iterable[AssetCheckKey], events: Iterable[Event]
) -> list[AssetCheckEvaluation]:
    """The last results of the checks that runs evaluated, of the tables that are told and not judged by this report.

    Dagster shows a check as not evaluated once another run, or a report, has told of its table since. A report's own
    results stay through the next report; so those of a run are said once more, with when and where they were found.
    """
    events = list(events)
    told = {event.asset_key for event in events if isinstance(event, AssetMaterialization)}
    judged = {event.asset_check_key for event in events if isinstance(event, AssetCheckEvaluation)}
    wanted = [key for key in checks if key.asset_key in told and key not in judged]
    if not wanted:
        return []
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(wanted)
    return [
        _again(record.evaluation, record.run_id, record.create_timestamp)
        for record in latest.values()
        if record is not None and record.run_id and record.evaluation is not None
    ]


def _again(found: AssetCheckEvaluation, run_id: str, at: float) -> AssetCheckEvaluation:
    return AssetCheckEvaluation(
        asset_key=found.asset_key, check_name=found.check_name, passed=found.passed, severity=found.severity,
        description=found.description,
        metadata={
            **found.metadata,
            "judged_at": MetadataValue.timestamp(at), "judged_by": MetadataValue.dagster_run(run_id),
        },
    )  # fmt: skip


def _input_tags(versions: Mapping[Table, int], spec: TableSpec) -> dict[str, str]:
    """What the table was made from. Without both tags of each input, Dagster shows a table as unsynced."""
    tags = {}
    for table in spec.inputs:
        key = AssetKey(table.full_name.split("."))
        version = versions[table]
        tags[get_input_data_version_tag(key)] = str(version) if version else NULL_DATA_VERSION.value
        # The inputs are reported in this very event batch: there is no event of theirs to name yet.
        tags[get_input_event_pointer_tag(key)] = NULL_EVENT_POINTER
    return tags


def _partitions(reader: Reader, spec: TableSpec, report: Report, settings: Settings) -> list[str | None]:
    if not spec.is_partitioned or (spec.table is RAW_MESSAGES and is_listed(settings)):
        return [None]
    days = days_of_versions(reader, spec.table, report.first_version, report.last_version)
    return [day.isoformat() for day in days if day >= settings.partitions_start_date]
