"""What other orders would have made of the past: shelves that are filled by a policy, day by day, all at once. Pure.

A morning: what is due comes in, then the policy orders and moves, then the day's
demand is served as far as stock goes. A policy is shown what its own world has
seen so far and nothing else. Not here: the past (`past`) or policies (`policies`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from inventory_assets.domain.backtest.past import Coming, Past, Window, assumed_demand
from inventory_assets.domain.replenish.shelves import ROAD_DAYS
from inventory_assets.domain.replenish.transfers import Transfer
from inventory_assets.domain.stock.coverage import WINDOW_DAYS


class Terms(NamedTuple):
    """What holds for each shelf all the time, as known today; nan is not set.

    `sku` and `warehouse` are numbers that order as the ids do. `service_level`,
    `floor_qty`, `ceiling_qty` are a dynamic rule's, whose quantities are computed
    anew from what was known. `is_embedded`: no rule holds, so what its levels say does.
    """

    sku: np.ndarray
    warehouse: np.ndarray
    lead_time_days: np.ndarray
    order_up_to: np.ndarray
    unit_price: np.ndarray
    pack_multiple: np.ndarray
    min_order_qty: np.ndarray
    min_qty: np.ndarray
    reorder_qty: np.ndarray
    min_days: np.ndarray
    reorder_days: np.ndarray
    is_enabled: np.ndarray
    service_level: np.ndarray
    floor_qty: np.ndarray
    ceiling_qty: np.ndarray
    is_embedded: np.ndarray
    has_supplier: np.ndarray


class Scene(NamedTuple):
    """All that the worlds have in common. `coming_row` is the shelf of each of `coming`."""

    window: Window
    past: Past
    terms: Terms
    demand: np.ndarray
    unseen: np.ndarray
    coming: Coming
    coming_row: np.ndarray


class Morning(NamedTuple):
    """What a policy knows on the morning of a day of the window.

    `sold`, `is_counted`: of the 84 days before. `is_open`: shelves that are known
    and active. The arrivals are what is on its way: row, days from now, units.
    """

    day: int
    stock: np.ndarray
    sold: np.ndarray
    is_counted: np.ndarray
    is_open: np.ndarray
    low_limit: np.ndarray
    reorder_limit: np.ndarray
    arrival_row: np.ndarray
    arrival_day: np.ndarray
    arrival_quantity: np.ndarray

    @property
    def inbound(self) -> np.ndarray:
        """Units on their way to each shelf."""
        return _sum(self.arrival_row, self.arrival_quantity, len(self.stock))


class Acts(NamedTuple):
    """What a policy does on a morning: units to order, a number for each shelf; transfers between rows."""

    orders: np.ndarray
    transfers: Sequence[Transfer] = ()


Policy = Callable[[Morning], Acts]


class Placed(NamedTuple):
    """Orders and transfers in the order they were made; `giver` is -1 for an order."""

    day: np.ndarray
    row: np.ndarray
    giver: np.ndarray
    quantity: np.ndarray


class Outcome(NamedTuple):
    """What came of a window, a row for each shelf.

    `sold` of what was asked for; `held`: units at the day's end, summed over the
    days; `asked_periods`: reviews after which something was asked for, and
    `kept_periods` of these without a day that ended empty.
    """

    demand: np.ndarray
    sold: np.ndarray
    held: np.ndarray
    asked_periods: np.ndarray
    kept_periods: np.ndarray
    orders: np.ndarray
    ordered: np.ndarray
    moves: np.ndarray
    moved: np.ndarray


def set_scene(window: Window, past: Past, terms: Terms, coming: Coming) -> Scene:
    """Put together what all worlds share; rows of `terms` are those of `past`, whose keys ascend."""
    place = np.searchsorted(past.key, coming.key)
    is_ours = (place < len(past)) & (past.key[np.minimum(place, len(past) - 1)] == coming.key)
    demand, unseen = assumed_demand(past)
    return Scene(
        window, past, terms, demand, unseen, Coming(*(values[is_ours] for values in coming)), place[is_ours]
    )  # fmt: skip


def run_policy(scene: Scene, policy: Policy) -> tuple[Outcome, Placed]:
    """Let a policy fill the shelves over the window."""
    world = _World(scene)
    for day in range(scene.window.days):
        world.begin(day)
        world.do(day, policy(world.morning(day)))
        world.trade(day)
    return world.outcome()


def what_happened(scene: Scene) -> Outcome:
    """The same figures of history itself."""
    past, days = scene.past, scene.window.days
    on_hand = np.where(past.is_active[:, 1:], past.on_hand[:, 1:], 0)
    asked, kept = _periods(scene, on_hand <= 0)
    is_known = past.is_known[:, WINDOW_DAYS:]
    # Goods that a level shows and nobody announced were ordered all the same.
    return Outcome(
        demand=scene.demand.sum(axis=1),
        sold=(scene.demand - scene.unseen).sum(axis=1),
        held=np.where(is_known, np.maximum(0, on_hand), 0).sum(axis=1),
        asked_periods=asked,
        kept_periods=kept,
        orders=past.orders + (past.stated[:, :days] > 0).sum(axis=1),
        ordered=past.ordered + past.stated.sum(axis=1),
        moves=past.moves,
        moved=past.moved,
    )


class _World:
    """Shelves as a policy has filled them so far."""

    def __init__(self, scene: Scene) -> None:
        self.scene, past = scene, scene.past
        size, days = len(past), scene.window.days
        self.stock = np.zeros(size, dtype=np.int64)
        # What was sold before is known; of the window a world learns its own.
        self.sold, self.is_counted = past.sold.copy(), past.is_counted.copy()
        self.sold[:, WINDOW_DAYS:], self.is_counted[:, WINDOW_DAYS:] = 0, False
        self.is_empty = np.zeros((size, days), dtype=bool)
        self.held = np.zeros(size, dtype=np.int64)
        # Units that customers have, so that they can bring them back.
        self.with_customers = past.sold[:, :WINDOW_DAYS].sum(axis=1).astype(np.int64)
        lead = scene.terms.lead_time_days
        self.row, self.quantity = scene.coming_row, scene.coming.quantity
        self.due = scene.coming.due(lead[scene.coming_row])
        self.placed: list[Placed] = []

    def begin(self, day: int) -> None:
        """Take in what is due; a shelf that is new has what it opened with."""
        past = self.scene.past
        known = past.is_known[:, WINDOW_DAYS + day]
        is_new = known & ~past.is_known[:, WINDOW_DAYS + day - 1] if day else known
        self.stock += np.where(is_new, past.on_hand[:, day], 0)
        is_due = self.due <= day
        self.stock += _sum(self.row[is_due], self.quantity[is_due], len(self.stock))
        self.row, self.due, self.quantity = (each[~is_due] for each in (self.row, self.due, self.quantity))

    def morning(self, day: int) -> Morning:
        """What is known now. Days to come are in none of it."""
        past, window = self.scene.past, slice(day, day + WINDOW_DAYS)
        review = day // self.scene.window.review_days
        return Morning(
            day, self.stock.copy(), self.sold[:, window], self.is_counted[:, window], self._is_open(day),
            past.low_limit[:, review], past.reorder_limit[:, review], self.row, self.due - day, self.quantity,
        )  # fmt: skip

    def do(self, day: int, acts: Acts) -> None:
        """Place the orders, send the transfers."""
        rows = np.flatnonzero(acts.orders > 0)
        self._place(day, rows, np.full(len(rows), -1), acts.orders[rows], self.scene.terms.lead_time_days[rows])
        if acts.transfers:
            giver, taker, quantity = (
                np.array([each[place] for each in acts.transfers], dtype=np.int64) for place in (0, 1, 2)
            )
            self.stock -= _sum(giver, quantity, len(self.stock))
            self._place(day, taker, giver, quantity, np.full(len(taker), ROAD_DAYS))

    def _place(self, day: int, row: np.ndarray, giver: np.ndarray, quantity: np.ndarray, takes: np.ndarray) -> None:
        quantity = quantity.astype(np.int64)
        self.placed.append(Placed(np.full(len(row), day), row, giver, quantity))
        # What takes no time is there before the shop opens.
        is_now = takes <= 0
        self.stock += _sum(row[is_now], quantity[is_now], len(self.stock))
        later = ~is_now
        self.row = np.concatenate((self.row, row[later]))
        self.due = np.concatenate((self.due, day + takes[later].astype(np.int64)))
        self.quantity = np.concatenate((self.quantity, quantity[later]))

    def trade(self, day: int) -> None:
        """Serve the day's demand; then what came back, was written off or found."""
        past, column = self.scene.past, WINDOW_DAYS + day
        is_open = self._is_open(day)
        had = self.stock > 0
        got = np.minimum(np.maximum(self.stock, 0), self.scene.demand[:, day])
        self.stock -= got
        self.with_customers += got
        # Nobody returns what this world did not sell him, nor can more be written off than is there.
        back = np.minimum(past.returned[:, day], np.maximum(0, self.with_customers))
        self.with_customers -= back
        self.stock += back
        self.stock += np.maximum(past.corrected[:, day], -np.maximum(0, self.stock))
        self.sold[:, column] = got
        self.is_counted[:, column] = is_open & (had | (self.stock > 0)) | (got > 0)
        self.is_empty[:, day] = self.stock <= 0
        self.held += np.where(past.is_active[:, day + 1], np.maximum(0, self.stock), 0)

    def _is_open(self, day: int) -> np.ndarray:
        return self.scene.past.is_known[:, WINDOW_DAYS + day] & self.scene.past.is_active[:, day]

    def outcome(self) -> tuple[Outcome, Placed]:
        """What came of it all, and what was ordered and moved."""
        size = len(self.stock)
        placed = Placed(*(np.concatenate(each) for each in zip(*self.placed, strict=True)))
        is_order = placed.giver < 0
        asked, kept = _periods(self.scene, self.is_empty)
        sums = [
            (np.bincount(placed.row[chosen], minlength=size), _sum(placed.row[chosen], placed.quantity[chosen], size))
            for chosen in (is_order, ~is_order)
        ]
        sold = self.sold[:, WINDOW_DAYS:].sum(axis=1).astype(np.int64)
        return Outcome(self.scene.demand.sum(axis=1), sold, self.held, asked, kept, *sums[0], *sums[1]), placed


def _periods(scene: Scene, is_empty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each shelf the reviews after which something was asked for, and of these those no day of which ended empty."""
    starts = np.arange(0, scene.window.days, scene.window.review_days)
    asked = np.add.reduceat(scene.demand, starts, axis=1) > 0
    was_empty = np.logical_or.reduceat(is_empty, starts, axis=1)
    return asked.sum(axis=1), (asked & ~was_empty).sum(axis=1)


def _sum(rows: np.ndarray, quantities: np.ndarray, size: int) -> np.ndarray:
    # Exact up to 2^53, as a day's sums are.
    return np.bincount(rows, quantities.astype(np.float64), size).astype(np.int64)
