"""The run-failure sensor: a run that failed is told on `status-topic`, where operators listen.

Belongs here: what the message says. The alerts of planners go elsewhere: a
failed build is no breach.
"""

from collections.abc import Mapping

from dagster import DagsterEvent, DefaultSensorStatus, RunFailureSensorContext, run_failure_sensor

from inventory_assets.ingest.outgoing.owed import status_message
from inventory_assets.messaging.client import OutgoingMessage, PublishError
from inventory_assets.wiring import publisher_of
from resources import InventoryResource

MAX_ERROR = 500


@run_failure_sensor(
    name="run_failures",
    description="Notifies status-topic of failed runs: which job, which assets and partitions, and why.",
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
)
def run_failure_status(context: RunFailureSensorContext, inventory: InventoryResource) -> None:
    """Notify of a failed run."""
    message = describe_failure(context)
    try:
        with publisher_of(inventory.settings()) as publisher:
            publisher.publish([message])
    except PublishError as error:
        # Dagster goes on to the next failure whatever happens here; the run itself stays to be seen in the UI.
        context.log.error(f"run {context.dagster_run.run_id} failed, and nobody was notified: {error}")


def describe_failure(context: RunFailureSensorContext) -> OutgoingMessage:
    """The status message of a failed run."""
    run = context.dagster_run
    failures = context.get_step_failure_events()
    return status_message(
        "run_failed",
        run_id=run.run_id,
        job=run.job_name,
        assets=sorted(key.to_user_string() for key in run.asset_selection or ()),
        partition=run.tags.get("dagster/partition") or _range(run.tags),
        steps=[event.step_key for event in failures],
        error=(_cause(failures[0]) if failures else context.failure_event.message or "")[:MAX_ERROR],
    )


def _cause(failure: DagsterEvent) -> str:
    """What our code raised; Dagster wraps it."""
    error = failure.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "" if error is None else error.message.strip()


def _range(tags: Mapping[str, str]) -> str | None:
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    return None if first is None else f"{first}…{last}"
