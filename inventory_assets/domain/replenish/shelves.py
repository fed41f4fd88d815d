"""What a plan is made of: the shelves of one lake version, what is on its way to them, and the plan's settings.

A shelf is an active key. Here: values, and arrivals in order. Not here: reading
them (`replenish.read`) or what follows from them (`plan`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from inventory_assets.domain.replenish.ahead import Curves
from inventory_assets.domain.stock.season import TWO_YEARS
from inventory_assets.domain.thresholds.forecast import Forecasts
from inventory_assets.ranges import MAX_DAYS, MAX_QUANTITY

DEFAULT_LEAD_DAYS = 14
"""Where no lead time is known: half of how long an accepted quantity stands is the one use of it (RULES 42)."""

ROAD_DAYS = 1
"""From one warehouse to another, and from a customer back: what nobody states, and a van drives in a day."""


METHOD = 2
"""How a plan reads what is overdue and what is urgent (docs/adr/0032-what-is-urgent.md); before there was no number."""

WAITING_RISK = 0.2
"""One in five: where a stockout before an order of the next review arrives is likelier, the order cannot wait.

Of method 2: another number is another method, as lines are derived again by their own.
"""


class PlanSettings(msgspec.Struct, frozen=True):
    """How a plan is made; recorded with each line.

    `review_days`: from this plan to the next look, which an order must last
    for as well. `service_level`: where no dynamic rule says its own.
    `least_transfer`: fewer units than these are not moved. `season_method`: by
    which a season of the year counts; None is not at all. `method`: by which
    what is overdue and what is urgent are read; None is as before `METHOD`.
    """

    review_days: int = 7
    service_level: float = 0.95
    least_transfer: int = 3
    season_method: str | None = TWO_YEARS
    method: int | None = METHOD

    def __post_init__(self) -> None:
        if not 1 <= self.review_days <= MAX_DAYS:
            raise ValueError(f"review_days was {self.review_days!r}, expected 1 to {MAX_DAYS:,}")
        if not 0 < self.service_level < 1:
            raise ValueError(f"service_level was {self.service_level!r}, expected above 0 and below 1")
        if not 1 <= self.least_transfer <= MAX_QUANTITY:
            raise ValueError(f"least_transfer was {self.least_transfer!r}, expected 1 to {MAX_QUANTITY:,}")
        if self.season_method not in (None, TWO_YEARS):
            raise ValueError(f"season_method was {self.season_method!r}, expected {TWO_YEARS!r} or none")
        if self.method not in (None, METHOD):
            raise ValueError(f"method was {self.method!r}, expected {METHOD} or none: a later release made the line")


PLAN_DEFAULTS = PlanSettings()


class Arrivals(NamedTuple):
    """What is on its way: `row` of the shelf, `day` after the plan's date (below 0: overdue), units.

    `is_inbound`: counted in the shelf's `inbound`. The others are accepted of an
    earlier plan, or a transfer that has not been shipped. `is_supplied`: ordered, so
    that a lead time says when; of the road nobody has said how long it takes.
    """

    row: np.ndarray
    day: np.ndarray
    quantity: np.ndarray
    is_inbound: np.ndarray
    is_supplied: np.ndarray

    @property
    def is_overdue(self) -> np.ndarray:
        """Of each whether its supplier's day is over."""
        return self.is_supplied & (self.day < 0)

    def take(self, chosen: np.ndarray) -> "Arrivals":
        """Some of them."""
        return Arrivals(*(values[chosen] for values in self))

    def rounds(self, *, is_sure: bool = False) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The first arrival of every shelf that has one, then the second, …: (rows, days, units).

        Nothing comes before the plan's date. With `is_sure`, only what is inbound and not overdue.
        """
        chosen = self.is_inbound & (self.day >= 0) if is_sure else np.ones(len(self.row), dtype=bool)
        row, day, quantity = self.row[chosen], np.maximum(self.day[chosen], 0), self.quantity[chosen]
        order = np.lexsort((day, row))
        row, day, quantity = row[order], day[order], quantity[order].astype(np.float64)
        starts = np.flatnonzero(np.append(True, (row[1:] != row[:-1]) | (day[1:] != day[:-1]))[: len(row)])
        row, day = row[starts], day[starts]
        quantity = np.add.reduceat(quantity, starts) if len(starts) else quantity
        firsts = np.flatnonzero(np.append(True, row[1:] != row[:-1])[: len(row)])
        nth = np.arange(len(row)) - np.repeat(firsts, np.diff(np.append(firsts, len(row))))
        for number in range(int(nth.max(initial=-1)) + 1):
            each = nth == number
            yield row[each], day[each], quantity[each]


_NONE = np.zeros(0, dtype=np.int64)
NO_ARRIVALS = Arrivals(_NONE, _NONE, _NONE, np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))


class Shelves(NamedTuple):
    """The active keys of a lake version, a row each, in any order; nan is unknown or not set.

    `sku` and `warehouse` are numbers that order as the ids do. Stock is in
    units. `announced`: transfers to the shelf that have not been shipped.
    `accepted`: what is left of accepted plan lines, `lapsed` what of them lapsed.
    `service_level`: a dynamic rule's own. `daily_units`: the velocity that
    limits in days are compared by (RULES 23). `curves`: seasons of the year; None is none.
    """

    sku: np.ndarray
    warehouse: np.ndarray
    available: np.ndarray
    inbound: np.ndarray
    announced: np.ndarray
    accepted: np.ndarray
    lapsed: np.ndarray
    lead_time_days: np.ndarray
    order_up_to: np.ndarray
    unit_price: np.ndarray
    pack_multiple: np.ndarray
    min_order_qty: np.ndarray
    min_qty: np.ndarray
    reorder_qty: np.ndarray
    min_days: np.ndarray
    reorder_days: np.ndarray
    daily_units: np.ndarray
    is_enabled: np.ndarray
    has_supplier: np.ndarray
    is_stated: np.ndarray
    service_level: np.ndarray
    forecasts: Forecasts
    arrivals: Arrivals
    curves: Curves | None = None

    def __len__(self) -> int:
        return len(self.available)
