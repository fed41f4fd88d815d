"""The sensor of late events: has exactly the snapshot partitions made anew that they changed.

The partitions are compared with the events that came since the last look; that
only reads, and where nothing came late it is one small query a table. Sensors
take turns, and bursts are one of them: so the look goes on beside them, and a
tick tells what the last one found. A partition that is missing is not its
business: the schedules and people make those.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

import duckdb
from dagster import DefaultSensorStatus, RunRequest, SensorEvaluationContext, SensorResult, SkipReason, sensor

from inventory_assets.assets.snapshot_runs import SNAPSHOT_JOBS, request_range
from inventory_assets.clock import clock_of, machine_now
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES, Manifest, SnapshotTable, snapshot_files
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.settings import Settings
from inventory_assets.snapshots.staleness import Findings, find_stale, ranges
from inventory_assets.words.numbers import counted
from resources import InventoryResource
from sensors.cursor import Cursor

LOOKING = "looking for late events, beside the bursts"


class AskedCursor(Cursor, frozen=True):
    """The run keys that the last look asked for."""

    run_keys: list[str] = []


class StaleRange(NamedTuple):
    """Days to make anew in one run. `run_key`: the same for the same files, within an hour."""

    first: date
    last: date
    run_key: str


def plan_runs(
    table: SnapshotTable, stale: Mapping[date, str], manifests: Mapping[date, Manifest], *, now: datetime
) -> list[StaleRange]:
    """Put stale days together as ranges.

    The run key names the files that are to be replaced: a partition that is
    stale again later has another file by then. Dagster never starts a key
    twice, even if its run failed; the hour in it makes that one try an hour.
    """
    found = []
    for first, last in ranges(stale):
        days = [day for day in sorted(stale) if first <= day <= last]
        files = [(day.isoformat(), manifests[day].lake_version, manifests[day].sha256, stale[day]) for day in days]
        digest = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
        found.append(StaleRange(first, last, f"{table.name}:{first}:{last}:{digest}:{now:%Y%m%dT%H}"))
    return found


@sensor(
    name="stale_partitions",
    jobs=list(SNAPSHOT_JOBS.values()),
    description="Makes snapshot days anew that late events changed, and only those.",
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
)
def stale_partitions_sensor(
    context: SensorEvaluationContext, inventory: InventoryResource
) -> SensorResult | SkipReason:
    """Ask for runs of what the last look found stale, and look again."""
    session, settings = inventory.session(), inventory.settings()
    try:
        found = session.late.take(wait=False)
    except (LakeError, duckdb.Error, OSError) as error:
        return SkipReason(str(error))
    session.late.begin(partial(look, settings, clock_of(settings).today()))
    if found is None:
        return SkipReason(LOOKING)
    requests: list[RunRequest] = []
    before = AskedCursor.parse(context.cursor).run_keys
    told = []
    for table, findings in found:
        shown = {day: why for day, why in findings.stale.items() if day >= settings.partitions_start_date}
        for each in plan_runs(table, shown, findings.manifests, now=machine_now()):
            requests.append(request_range(table, each.first, each.last, only_changed=True, run_key=each.run_key))
        told.append(f"{table.name}: {len(shown)} of {len(findings.manifests)} days stale")
    # Dagster starts a key once, and would say nothing of the others.
    new = [each for each in requests if each.run_key not in before]
    cursor = AskedCursor([each.run_key for each in requests if each.run_key]).dump()
    if new:
        return SensorResult(run_requests=new, cursor=cursor)
    if requests:
        told.append(f"{counted(len(requests), 'run')} asked for already, and once more next hour if that fails")
    return SensorResult(skip_reason=SkipReason("; ".join(told)), cursor=cursor)


def look(settings: Settings, today: date) -> list[tuple[SnapshotTable, Findings]]:
    """Compare every partition with the lake, and note up to where that was done."""
    found = []
    for table in SNAPSHOT_TABLES:
        files = snapshot_files(settings, table)
        with history_reader(settings) as reader:
            findings = find_stale(reader, files, today=today)
        if findings.manifests:
            files.record_checked(findings.checked)
        found.append((table, findings))
    return found
