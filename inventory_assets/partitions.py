"""Partitions: UTC days from the configured start, and weeks from their Monday."""

from dagster import DailyPartitionsDefinition, WeeklyPartitionsDefinition

from inventory_assets.settings import Settings


def daily_partitions(settings: Settings) -> DailyPartitionsDefinition:
    """UTC days; `end_offset=1` because events of today are materialized today.

    Dagster lists every day since the start, so the UI starts a year back; older
    events are in the lake all the same.
    """
    return DailyPartitionsDefinition(
        start_date=settings.partitions_start_date.isoformat(), timezone="UTC", end_offset=1
    )


def complete_days(settings: Settings) -> DailyPartitionsDefinition:
    """UTC days that are over: what a closing stock can be told of."""
    return DailyPartitionsDefinition(start_date=settings.partitions_start_date.isoformat(), timezone="UTC")


def complete_weeks(settings: Settings) -> WeeklyPartitionsDefinition:
    """Weeks that are over, by their Monday (UTC)."""
    return WeeklyPartitionsDefinition(
        start_date=settings.partitions_start_date.isoformat(), timezone="UTC", day_offset=1
    )
