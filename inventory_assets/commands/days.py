"""Days that a command is given: up to today, and none from before there were clocks to write them."""

from datetime import UTC, date, datetime

import click

from inventory_assets.ranges import FIRST_DAY


def read_day(option: str, given: datetime | None) -> date:
    """The day given, or today (UTC).

    Raises:
        click.UsageError: It is yet to come, or out of all range.
    """
    today = datetime.now(UTC).date()
    if given is None:
        return today
    day = given.date()
    if day > today:
        # What is measured as of a time to come knows no sales of it, and would erase what is known.
        raise click.UsageError(f"{option} was {day}, which is yet to come; expected a day up to today ({today} UTC).")
    if day < FIRST_DAY:
        raise click.UsageError(f"{option} was {day}; expected a day from {FIRST_DAY} to today ({today} UTC).")
    return day
