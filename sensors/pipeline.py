"""The operations sensor: looks once a minute whether the numbers are of now, and tells what began and what ended.

What was told is in `meta.pipeline_findings`, so a restart neither repeats nor forgets it. Not
here: what is wrong from when on (`domain.quality.pipeline`). A lake that never heard of a connector
costs a small query or two.
"""

import hashlib
from collections.abc import Sequence

import duckdb
from dagster import (
    AssetCheckEvaluation,
    DefaultSensorStatus,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from inventory_assets.assets.pipeline import CHECK_NAMES, evaluate
from inventory_assets.clock import clock_of, machine_microseconds, machine_seconds
from inventory_assets.domain.quality.pipeline import PipelineFinding, compare_findings
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.stages import Stage
from inventory_assets.messaging.client import Publisher
from inventory_assets.messaging.errors import MessagingError
from inventory_assets.quality.pipeline import append_findings, finding_message, hold_silent, look, read_open
from inventory_assets.session import EngineBusyError
from inventory_assets.settings import Settings
from inventory_assets.wiring import publisher_of
from resources import InventoryResource
from sensors.cursor import Cursor

# How long a tick waits for the burst loop; the next one is a minute away.
LOCK_SECONDS = 5.0
# Dagster keeps every evaluation: what did not change is said again now and then, so that it is seen to be looked at.
REPEAT_SECONDS = 900.0


class CheckCursor(Cursor, frozen=True):
    """What the checks last said, and when (epoch seconds)."""

    digest: str = ""
    at: float = 0.0


def is_report_due(cursor: CheckCursor, findings: Sequence[PipelineFinding], *, now: float) -> CheckCursor | None:
    """The next cursor where the checks have something to say: other findings, or the same for long."""
    digest = hashlib.sha256(repr([(*each.name, each.severity) for each in findings]).encode()).hexdigest()[:16]
    if digest == cursor.digest and now - cursor.at < REPEAT_SECONDS:
        return None
    return CheckCursor(digest, now)


def tell_changes(
    engine: Engine, findings: Sequence[PipelineFinding], publisher: Publisher | None, settings: Settings, *, now: int
) -> int:
    """Tell what began and what ended since the last look, and keep it; how many there were.

    Told first: a crash before it is kept tells again, under the same id.

    Args:
        publisher: None is the product's own, opened where there is something to tell.
    """
    changes = compare_findings(read_open(engine.lake), findings, now=now)
    if not changes:
        return 0
    messages = [finding_message(each) for each in changes]
    if publisher is not None:
        publisher.publish(messages)
    else:
        with publisher_of(settings) as own:
            own.publish(messages)
    engine.commit_note(Stage.OPERATIONS, lambda transaction: append_findings(transaction, changes))
    return len(changes)


@sensor(
    name="operations",
    description="Notifies status-topic when a connector falls silent, messages stall, are late or are refused.",
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
)
def operations_sensor(context: SensorEvaluationContext, inventory: InventoryResource) -> SensorResult | SkipReason:
    """Look, notify, inhibit what is to be, and report the checks."""
    session, settings = inventory.session(), inventory.settings()
    clock, machine = clock_of(settings), machine_microseconds()
    now = clock.shown_at(machine)
    try:
        with session.engine(wait_seconds=LOCK_SECONDS) as engine:
            engine.refresh()
            connectors = list(engine.state.connectors.values())
        # What has landed, and not in the engine's turn: it would land first, and bursts wait for that.
        reader = LakeReader(settings)
        try:
            findings = look(reader, connectors, now=machine, clock=clock)
            is_news = bool(compare_findings(read_open(reader), findings, now=now))
        finally:
            reader.connection.close()
        with session.engine(wait_seconds=LOCK_SECONDS) as engine:
            hold_silent(engine, findings, now=now, after=settings.inhibit_silent_after)
            told = tell_changes(engine, findings, session.publisher, settings, now=now) if is_news else 0
    except EngineBusyError:
        return SkipReason("the burst loop is at work; the next look is in a minute")
    except (MessagingError, LakeError, duckdb.Error, OSError) as error:
        # What was not kept is told by the next look.
        context.log.error(str(error))
        return SkipReason(str(error))
    said = f"{len(connectors)} connectors: " + ("; ".join(each.text for each in findings) or "all is well")
    if not connectors and not findings:
        said = "no connector has been heard of, and no transaction was refused as moved"
    cursor = is_report_due(CheckCursor.parse(context.cursor), findings, now=machine_seconds())
    if cursor is None:
        return SkipReason(said)
    events: list[AssetCheckEvaluation] = [evaluate(name, findings, connectors) for name in CHECK_NAMES]
    context.log.info(f"{told} findings published")
    return SensorResult(asset_events=events, cursor=cursor.dump(), skip_reason=SkipReason(said))
