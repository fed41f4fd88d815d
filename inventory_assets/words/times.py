"""Times, days and spans as people read them, in UTC and whatever the machine's language. Pure."""

from datetime import date, datetime, timedelta

from inventory_assets.domain import values
from inventory_assets.domain.values import to_datetime
from inventory_assets.words.numbers import UNKNOWN, figure
from inventory_assets.words.text import clean

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip

# ---- moments


def to_minute(at: datetime) -> str:
    """`2025-03-04 22:33`, as tables and terminals have it."""
    return f"{at:%Y-%m-%d %H:%M}"


def to_second(at: datetime) -> str:
    """`2025-03-04 22:33:07`."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def moment_of(at: int) -> str:
    """A time in microseconds: `2025-03-04 22:33 UTC`."""
    return f"{to_minute(to_datetime(at))} UTC"


def wire_moment(text: str) -> str:
    """The same of a time of the wire."""
    return f"{clean(text)[:16].replace('T', ' ')} UTC"


def moment(at: datetime | None, *, now: datetime | None = None) -> str:
    """`4 Mar 22:33`; with `now`, the year where it is another one."""
    if at is None:
        return UNKNOWN
    year = "" if now is None or at.year == now.year else f" {at.year}"
    return f"{_day_month(at)}{year} {at:%H:%M}"


def full_moment(at: datetime) -> str:
    """`4 March 2025, 22:33 UTC`."""
    return f"{day_name(at)}, {at:%H:%M} UTC"


# ---- days


def day_name(day: date) -> str:
    """`4 March 2025`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def day(value: date) -> str:
    """`Tue 4 Mar`."""
    return f"{value:%a} {_day_month(value)}"


def _day_month(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1][:3]}"


def clock_sentence(today: date, speed: float) -> str:
    """What day it is by a demo's clock, and how fast that runs; nothing where it is everybody's."""
    if speed == 1:
        return ""
    return f"In this demo it is {day(today)}, and its clock runs {figure(speed)} times as fast as ours"


# ---- spans


def span(hours: float | None) -> str:
    """`40 min`, `5 h`, `3 days`."""
    return UNKNOWN if hours is None else values.span(round(hours * 3_600_000_000))


def duration(span: timedelta) -> str:
    """An age in its two largest units: `3d 4h`, `12 min`."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days:,}d {hours}h"
    return f"{hours}h {minutes % 60}m" if hours else f"{minutes} min"


def ago(seconds: float | None) -> str:
    """How long ago, in a few words."""
    if seconds is None:
        return "never"
    return f"{seconds:.0f} s ago" if seconds < 90 else f"{duration(timedelta(seconds=seconds))} ago"


def day_count(value: float) -> str:
    """A limit in days: `1 day`, `2.5 days`."""
    return f"{figure(value)} {'day' if value == 1 else 'days'}"


def days(value: float | None) -> str:
    """Days of cover: `3.2 days`; whole from ten on, hours below one."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 24:.0f} h"
    return "over a year" if value > 365 else f"{value:.0f} days" if value >= 10 else f"{value:.1f} days"
