"""Days-of-cover limits in a back-test: the velocity of each day, and the points at which it changes (RULES 23).

Live, velocities are refreshed when a UTC day is complete, and each key whose
velocity changed is judged again at that midnight. Here the same points are laid
between the events.
"""

import numpy as np
import polars as pl

from inventory_assets.domain.stock.history import Stock
from inventory_assets.domain.values import DAY_US, to_datetime

VELOCITY_DAYS = 28


def add_velocity_points(
    stock: Stock, event_ids: pl.Series, is_chosen: np.ndarray, until: int
) -> tuple[Stock, pl.Series, np.ndarray]:
    """Lay a point where a day begins with another velocity, for the chosen keys.

    Args:
        stock: Points by key, in order.
        event_ids: The event of each row.
        is_chosen: By key number: whether some limit of it is in days.
        until: Microseconds; no day begins after this.

    Returns:
        (stock, event_ids, velocity): with the points added; velocity beside
        each row in mean daily units, nan for unknown or none.
    """
    rows = np.flatnonzero(is_chosen[stock.key])
    velocity = np.full(len(stock.key), np.nan)
    if not len(rows):
        return stock, event_ids, velocity
    keys, local = np.unique(stock.key[rows], return_inverse=True)
    day = stock.at[rows] // DAY_US
    first_day, last_day = int(day.min()), max(int(day.max()), until // DAY_US)
    days = last_day - first_day + 1
    # A late clock must not run a key's days backwards: it is the order that counts (RULES 25).
    day = np.maximum.accumulate(local * (days + 1) + day - first_day) - local * (days + 1)
    by_day = _daily_velocity(local, day, stock.sold[rows], len(keys), days)
    velocity[rows] = by_day[local, day]
    owner, changed = np.nonzero(np.nan_to_num(by_day[:, 1:]) != np.nan_to_num(by_day[:, :-1]))
    changed += 1
    before = np.searchsorted(local * (days + 1) + day, owner * (days + 1) + changed) - 1
    is_known = (before >= 0) & (local[before] == owner)
    source, owner, changed = rows[before[is_known]], owner[is_known], changed[is_known]
    take = np.concatenate((np.arange(len(stock.key)), source))
    is_added = np.arange(len(take)) >= len(stock.key)
    order = np.lexsort((np.concatenate((np.zeros(len(stock.key), np.int64), changed)), is_added, take))
    take, is_added = take[order], is_added[order]
    velocity = np.concatenate((velocity, by_day[owner, changed]))[order]
    names = pl.Series("event_id", [f"velocity:{to_datetime((first_day + d) * DAY_US):%Y-%m-%d}" for d in range(days)])
    ids = pl.concat([event_ids.rename("event_id"), names.gather(changed)])[order]
    longer = Stock(*(values[take] for values in stock))
    midnights = np.concatenate((np.zeros(len(stock.key), np.int64), (first_day + changed) * DAY_US))[order]
    return (
        longer._replace(
            at=np.where(is_added, midnights, longer.at),
            is_supply=longer.is_supply & ~is_added,
            sold=np.where(is_added, 0, longer.sold),
        ),
        ids,
        velocity,
    )


def _daily_velocity(owner: np.ndarray, day: np.ndarray, sold: np.ndarray, keys: int, days: int) -> np.ndarray:
    """Mean daily units over the 28 complete days before each day; nan where nothing was sold."""
    # Weights as floats are exact here: units of a day stay far below 2^53.
    units = np.bincount(owner * days + day, sold.astype(np.float64), keys * days).reshape(keys, days)
    total = np.zeros((keys, days + VELOCITY_DAYS))
    np.cumsum(units[:, :-1], axis=1, out=total[:, VELOCITY_DAYS + 1 :])
    window = total[:, VELOCITY_DAYS:] - total[:, :-VELOCITY_DAYS]
    return np.where(window > 0, window / VELOCITY_DAYS, np.nan)
