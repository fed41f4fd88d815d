"""What a report is made of, as values: its basis, trade, trust, the whole. Null is unknown. Moments are naive UTC.

The lines of its lists are in `lines`. A row's fields are the columns of its CSV.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from inventory_assets.reports.period import Period
from inventory_assets.reports.read.lines import (
    EmptyShelf,
    OpenIncident,
    Planned,
    ShelfChange,
    ThresholdChange,
)

Figures = Mapping[str, float | int | None]
"""The figures that the next report compares with; null is unknown."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The report that "since last time" means: its period, the lake version it read, its figures."""

    key: str
    version: int
    as_of: datetime
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a report is computed from.

    `as_of`: the moment it speaks from; nothing in it is later. `today`: the day
    to act on, that of `as_of` or of its version's moment, which messages of that version speak from too.
    """

    period: Period
    version: int
    committed_at: datetime
    code_version: str
    as_of: datetime
    last_event_at: datetime | None
    today: date
    earlier: Earlier | None = None

    @property
    def is_running(self) -> bool:
        """Whether the period is not over yet."""
        return self.as_of < self.period.end_at


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that is missing or odd, and the command that mends it where there is one."""

    text: str
    command: str = ""


# ---- trade


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfWarehouse:
    """A day of a warehouse, from its daily stock snapshot. `empty` at the day's end; `stockout_hours` over all keys."""

    day: date
    warehouse_id: str
    shelves: int
    sold_units: int
    on_hand: int
    available: int
    empty: int
    stockout_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What happened in a period by type and status, and in the one before; `units` as stated, signed."""

    type: str
    status: str
    transactions: int
    units: int
    transactions_before: int | None
    units_before: int | None


@dataclass(frozen=True, slots=True)
class Trade:
    """Days of a period and of what it is compared with, oldest first, and its movements."""

    days: tuple[DayOfWarehouse, ...] = ()
    movements: tuple[Movement, ...] = ()
    versions: tuple[tuple[date, int], ...] = ()
    missing: tuple[Notice, ...] = ()

    def sold(self, day: date) -> int | None:
        """Units sold on a day; null without its snapshot."""
        found = [each.sold_units for each in self.days if each.day == day]
        return sum(found) if found else None


# ---- handling and trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What is done about alerts: the firing ones by state, and how those of the period ended."""

    firing: int
    unacknowledged: int
    urgent_unacknowledged: int
    silenced: int
    held: int
    oldest_open_at: datetime | None
    opened: int
    resolved: int
    false_alarms: int
    repeats: int
    acknowledge_minutes: float | None
    undelivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseFeed:
    """A warehouse's stock, and how fresh what we know of it is. `state`: fresh, quiet, silent."""

    warehouse_id: str
    shelves: int
    empty: int
    on_hand: int
    reserved: int
    available: int
    inbound: int
    last_event_at: datetime | None
    lag_hours: float | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Messages refused since last time, by reason, with one detail as an example."""

    reason: str
    messages: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDay:
    """Events taken in since last time for a day before the report's: its numbers have changed."""

    event_date: date
    events: int
    shelves: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """A rule of data quality that does not hold. ERROR: a number of ours is wrong; WARN: what came in looks so."""

    rule: str
    severity: str
    text: str
    failures: int
    example: str
    what_to_do: str
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far the report can be believed. `checks`: null where no check was ever run."""

    feeds: tuple[WarehouseFeed, ...]
    refused: tuple[Refused, ...]
    late: tuple[LateDay, ...]
    checks: tuple[FailedCheck, ...] | None
    checks_run: int
    messages: int
    coverage_date: date | None
    untrusted_alerts: int


# ---- the reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Nightly:
    """All of a nightly report."""

    basis: Basis
    shelves: int
    empty: tuple[EmptyShelf, ...]
    back_again: int
    planned: Planned
    changes: tuple[ShelfChange, ...]
    threshold_changes: tuple[ThresholdChange, ...]
    incidents: tuple[OpenIncident, ...]
    trade: Trade
    handling: Handling
    trust: Trust
    notices: tuple[Notice, ...]
