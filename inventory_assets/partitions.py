"""Partitions: UTC days from the configured start, and weeks from their Monday.

A home in which trade goes by a clock of its own, as a demo's does, has lists of days instead: Dagster's web server
reckons by the machine's clock and would show every day up to ours as missing. Sensors lengthen the lists as the trade
goes on (docs/adr/0022-a-clock-of-its-own.md).
"""

from collections.abc import Iterable
from datetime import date, timedelta

import dagster as dg
from dagster import DailyPartitionsDefinition, DynamicPartitionsDefinition, WeeklyPartitionsDefinition

from inventory_assets import clock
from inventory_assets.demo.retailer import retailer_path
from inventory_assets.settings import Settings

# The trade's days up to today, and those and the weeks that are over.
DAYS = DynamicPartitionsDefinition(name="trade_days")
COMPLETE_DAYS = DynamicPartitionsDefinition(name="complete_trade_days")
COMPLETE_WEEKS = DynamicPartitionsDefinition(name="complete_trade_weeks")


def is_listed(settings: Settings) -> bool:
    """Whether the home's days are lists: it has a clock of its own, or a demo that will set one."""
    return (settings.home / clock.FILE).exists() or retailer_path(settings).exists()


def daily_partitions(settings: Settings) -> dg.PartitionsDefinition:
    """UTC days; `end_offset=1` because events of today are materialized today.

    Dagster lists every day since the start, so the UI starts a year back; older
    events are in the lake all the same.
    """
    return DAYS if is_listed(settings) else _days(settings, end_offset=1)


def arrival_partitions(settings: Settings) -> dg.PartitionsDefinition | None:
    """The days on which messages came, by the machine's clock; none where the trade goes by another."""
    return None if is_listed(settings) else _days(settings, end_offset=1)


def complete_days(settings: Settings) -> dg.PartitionsDefinition:
    """UTC days that are over: what a closing stock can be told of."""
    return COMPLETE_DAYS if is_listed(settings) else _days(settings)


def complete_weeks(settings: Settings) -> dg.PartitionsDefinition:
    """Weeks that are over, by their Monday (UTC)."""
    if is_listed(settings):
        return COMPLETE_WEEKS
    return WeeklyPartitionsDefinition(
        start_date=settings.partitions_start_date.isoformat(), timezone="UTC", day_offset=1
    )


def reach(settings: Settings, today: date) -> list[dg.AddDynamicPartitionsRequest]:
    """What the lists of a home whose days are listed have, once the trade has reached a day; nothing elsewhere.

    Whole, so that each is in the order of days whoever lengthens it first; what a list has already stays.
    """
    if not is_listed(settings):
        return []
    first = settings.partitions_start_date
    monday = first + timedelta(days=-first.weekday() % 7)
    return _add(
        (DAYS, _range(first, today + timedelta(days=1))),
        (COMPLETE_DAYS, _range(first, today)),
        (COMPLETE_WEEKS, _range(monday, today - timedelta(days=6), step=7)),
    )


def reach_reported(settings: Settings, days: Iterable[str]) -> list[dg.AddDynamicPartitionsRequest]:
    """What the list of days needs for materializations of events' days; nothing where there is none."""
    last = max(map(date.fromisoformat, days), default=None)
    if last is None or not is_listed(settings):
        return []
    return _add((DAYS, _range(settings.partitions_start_date, last + timedelta(days=1))))


def _add(*lists: tuple[DynamicPartitionsDefinition, list[date]]) -> list[dg.AddDynamicPartitionsRequest]:
    return [each.build_add_request([day.isoformat() for day in days]) for each, days in lists if days]


def _range(first: date, end: date, *, step: int = 1) -> list[date]:
    return [first + timedelta(days=day) for day in range(0, (end - first).days, step)]


def _days(settings: Settings, end_offset: int = 0) -> DailyPartitionsDefinition:
    return DailyPartitionsDefinition(
        start_date=settings.partitions_start_date.isoformat(), timezone="UTC", end_offset=end_offset
    )
