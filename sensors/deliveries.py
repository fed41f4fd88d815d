"""The delivery sensor: keeps delivery to the alerting policy's channels going.

A tick starts it where it does not run, takes up a changed policy, and writes
what waits where no burst carries it. Sending happens between ticks, in a
process of its own, so a slow channel never holds up the daemon.
"""

import duckdb
from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.stages import Stage
from inventory_assets.notify.policy_source import AlertingFileError
from inventory_assets.session import EngineBusyError
from resources import InventoryResource

# How long a tick waits for the burst in hand; the loop writes what waits, too.
LOCK_SECONDS = 5.0


@sensor(
    name="deliveries",
    description="Delivers alerts to the channels of the alerting policy: mail, webhooks, Slack, SMS, PagerDuty.",
    minimum_interval_seconds=15,
    default_status=DefaultSensorStatus.RUNNING,
)
def delivery_sensor(context: SensorEvaluationContext) -> SkipReason:
    """Keep delivery going; say how it stands."""
    session = InventoryResource().session()  # no parameter, as in `bursts`
    try:
        with session.engine(wait_seconds=LOCK_SECONDS) as engine:
            courier = session.courier()
            if courier is None:
                return SkipReason("no alerting policy: alerts go to Pub/Sub only")
            if courier.wants_commit():
                engine.commit_note(Stage.NOTIFICATIONS, courier.record)
                courier.recorded()
            return SkipReason(courier.failure or courier.status)
    except EngineBusyError:
        return SkipReason("the burst loop is at work, and records deliveries as well")
    except (AlertingFileError, LakeError, duckdb.Error, OSError) as error:
        # What is owed stays in the lake; the next tick tries again.
        context.log.error(str(error))
        return SkipReason(str(error))
