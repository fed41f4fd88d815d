"""The sensor of a fast clock: has the daily figures made when a day of the trade is over.

Cron knows the machine's clock alone. Where a home has one of its own that runs faster (a demo's day is over in ten
minutes), this asks for one run of all that follows from the days that have ended; the marts follow by their own sensor.
At the machine's pace it asks for nothing: the schedules do. In a home whose days are lists it lengthens them, too.
"""

from datetime import date, timedelta

import msgspec
from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, SkipReason, sensor

from inventory_assets.assets.derived import request_days, trade_days_job
from inventory_assets.clock import clock_of
from inventory_assets.partitions import reach
from resources import InventoryResource
from sensors.cursor import Cursor

# After a night in which nothing ran nobody waits for each of its days.
MOST_DAYS = 14


class DayCursor(Cursor, frozen=True):
    """Up to when days were asked for, the day that was not over then; and up to when Dagster's lists of days go."""

    today: str = ""
    listed: str = ""


def decide(cursor: DayCursor, today: date, speed: float, *, begins: date) -> tuple[tuple[date, date] | None, DayCursor]:
    """The days to be made now, and the next cursor.

    Args:
        cursor: Where the last look ended.
        begins: The first day that there is, which a first look begins with: a past that has just been taken in.
        today: The trade's day that is not over.
        speed: Of the home's clock; 1 is the machine's, and not this sensor's business.

    Returns:
        (days, cursor): first and last, both included; None where no day has ended since.
    """
    if speed == 1:
        return None, cursor
    seen = msgspec.structs.replace(cursor, today=today.isoformat())
    if not cursor.today:
        return ((begins, today - timedelta(days=1)) if begins < today else None), seen
    since = date.fromisoformat(cursor.today)
    if since >= today:
        # A clock that was set back: the days up to there are made.
        return None, cursor
    return (max(since, today - timedelta(days=MOST_DAYS)), today - timedelta(days=1)), seen


@sensor(
    name="trade_days",
    job=trade_days_job,
    description="Where the home's clock is fast, makes the figures, snapshots and reports of each day that ends.",
    minimum_interval_seconds=15,
    default_status=DefaultSensorStatus.RUNNING,
)
def trade_days_sensor(context: SensorEvaluationContext) -> SensorResult:
    """Ask for a run where a day of the trade has ended."""
    settings = InventoryResource().settings()  # no parameter, as in `bursts`
    clock = clock_of(settings)
    today, speed = clock.today(), clock.speed
    known = DayCursor.parse(context.cursor)
    days, cursor = decide(known, today, speed, begins=settings.partitions_start_date)
    lists = [] if clock.pace is None or known.listed == str(today) else reach(settings, today)
    if lists:
        cursor = msgspec.structs.replace(cursor, listed=str(today))
    if days is None:
        said = "the trade goes by the machine's clock, and the schedules do this" if speed == 1 else f"{today} goes on"
        return SensorResult(skip_reason=SkipReason(said), dynamic_partitions_requests=lists, cursor=cursor.dump())
    return SensorResult(run_requests=[request_days(*days)], dynamic_partitions_requests=lists, cursor=cursor.dump())
