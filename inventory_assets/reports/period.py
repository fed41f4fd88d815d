"""What a report is about: a UTC day, or a week from Monday to Sunday; pure."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from inventory_assets.words.times import day_name

# When the nightly report of a day is made; a report made later reads what that one would have.
MADE_AT_HOUR = 3


class Kind(StrEnum):
    """The two reports."""

    NIGHTLY = "nightly"
    WEEKLY = "weekly"


class PeriodError(ValueError):
    """A date that no report can be about."""


@dataclass(frozen=True, slots=True)
class Period:
    """A day, or a week from its Monday. Moments are naive UTC."""

    kind: Kind
    first_date: date

    def __post_init__(self) -> None:
        if self.kind is Kind.WEEKLY and self.first_date.weekday() != 0:
            raise PeriodError(f"a week was to begin on {self.first_date:%A, %Y-%m-%d}; expected a Monday")

    @property
    def days(self) -> int:
        """1 or 7."""
        return 7 if self.kind is Kind.WEEKLY else 1

    @property
    def last_date(self) -> date:
        """The day itself, or the Sunday."""
        return self.first_date + timedelta(days=self.days - 1)

    @property
    def start_at(self) -> datetime:
        """Its first midnight."""
        return datetime.combine(self.first_date, time())

    @property
    def end_at(self) -> datetime:
        """The midnight after it."""
        return self.start_at + timedelta(days=self.days)

    @property
    def made_at(self) -> datetime:
        """When its report is due at the latest."""
        return self.end_at + timedelta(hours=MADE_AT_HOUR)

    @property
    def key(self) -> str:
        """Its first day, as partitions and directories are named."""
        return self.first_date.isoformat()

    @property
    def title(self) -> str:
        """`Tuesday 4 March 2025`, `Week 10: 3 to 9 March 2025`."""
        if self.kind is Kind.NIGHTLY:
            return f"{self.first_date:%A} {day_name(self.first_date)}"
        last = self.last_date
        is_same = (self.first_date.month, self.first_date.year) == (last.month, last.year)
        start = str(self.first_date.day) if is_same else day_name(self.first_date)
        return f"Week {self.first_date.isocalendar().week}: {start} to {day_name(last)}"

    @property
    def before(self) -> "Period":
        """The week before; of a day the same weekday before, as weekdays do not compare."""
        return Period(self.kind, self.first_date - timedelta(days=7))


def period_of(kind: Kind, day: date) -> Period:
    """The day, or the week it is in."""
    return Period(kind, day if kind is Kind.NIGHTLY else day - timedelta(days=day.weekday()))


def last_complete(kind: Kind, today: date) -> Period:
    """Yesterday, or the last whole week before a day."""
    yesterday = today - timedelta(days=1)
    period = period_of(kind, yesterday)
    return period if period.last_date <= yesterday else period.before
