"""Days and times that a command is given: up to now, and none from before there were clocks to write them."""

from datetime import UTC, date, datetime

import click

from inventory_assets.clock import clock_of, machine_now
from inventory_assets.ranges import FIRST_DAY, LAST_DAY
from inventory_assets.settings import load_settings


def read_day(option: str, given: datetime | None, *, may_come: bool = False) -> date:
    """The day given, or today (UTC).

    Args:
        option: Its name.
        given: As typed.
        may_come: A day yet to come is right, too, up to the last there is.

    Raises:
        click.UsageError: It is yet to come, or out of all range.
    """
    today = clock_of(load_settings()).today()
    if given is None:
        return today
    day = given.date()
    if may_come and FIRST_DAY <= day <= LAST_DAY:
        return day
    if may_come:
        raise click.UsageError(f"{option} was {day}; expected a day from {FIRST_DAY} to {LAST_DAY}.")
    if day > today:
        # What is measured as of a time to come knows no sales of it, and would erase what is known.
        raise click.UsageError(f"{option} was {day}, which is yet to come; expected a day up to today ({today} UTC).")
    if day < FIRST_DAY:
        raise click.UsageError(f"{option} was {day}; expected a day from {FIRST_DAY} to today ({today} UTC).")
    return day


def read_span(first: datetime | None, last: datetime | None) -> tuple[date | None, date | None]:
    """The days of `--from` and `--to`, where they are given.

    Raises:
        click.UsageError: One is yet to come or out of all range, or the first is after the last.
    """
    begin, end = (
        None if given is None else read_day(option, given) for option, given in (("--from", first), ("--to", last))
    )
    if begin is not None and end is not None and begin > end:
        raise click.UsageError(f"--from was {begin}, after --to, {end}; expected a day up to it.")
    return begin, end


def read_moment(option: str, text: str) -> datetime:
    """The time by the machine's clock that a text says, as versions are committed by; UTC where it names no zone.

    Raises:
        click.UsageError: It is no time, yet to come, or out of all range.
    """
    now = machine_now()
    expected = f"expected a time from {FIRST_DAY} to now, such as {now:%Y-%m-%dT%H:%M:%SZ}."
    try:
        moment = datetime.fromisoformat(text)
        # Of a year at the end of the calendar, another zone's time is beyond it.
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option} was {text!r}; {expected}") from None
    if moment.date() < FIRST_DAY or moment > now:
        raise click.UsageError(f"{option} was {text!r}{', which is yet to come' if moment > now else ''}; {expected}")
    return moment
