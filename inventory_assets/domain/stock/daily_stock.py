"""Stock of many keys at the end of each UTC day, by event time (RULES 12-17).

Everything here follows from the state at a time (`stock_in_time`): a day's row
is the state at the day's end, what it sold is what the completed orders grew
by, and its stockout is how long the state had none available. Not here:
reading events, writing files.
"""

import numpy as np

from inventory_assets.domain.stock.stock_in_time import Points, empty_points
from inventory_assets.domain.values import DAY_US, SECOND_US

DAY_SECONDS = 86_400


def end_days(steps: Points, first_day: int) -> Points:
    """The last row of each key and day, with the day's sales and stockout.

    Of the days before `first_day` each key keeps its last one only.
    """
    key, at, day = steps.key, steps.at, steps.day
    size = len(key)
    is_last = np.ones(size, dtype=bool)
    is_last[:-1] = (key[1:] != key[:-1]) | (day[1:] != day[:-1])
    last = np.flatnonzero(is_last)
    first = np.concatenate(([0], last[:-1] + 1))[: len(last)]
    is_out = steps.is_out
    until = np.where(is_last, (day + 1) * DAY_US, np.concatenate((at[1:], at[:1])))
    out = np.add.reduceat(np.where(is_out, until - at, 0), first) if size else at
    # A day begins as the key's last row before it left things.
    before = np.maximum(first - 1, 0)
    is_carried = (first > 0) & (key[before] == key[first]) & is_out[before]
    out = out + np.where(is_carried, at[first] - day[first] * DAY_US, 0)
    sold = np.add.reduceat(steps.sold, first) if size else steps.sold
    ends = steps.take(last)._replace(sold=sold, stockout=out // SECOND_US)
    is_kept = np.ones(len(last), dtype=bool)
    is_kept[:-1] = (ends.key[1:] != ends.key[:-1]) | (ends.day[1:] >= first_day)
    return ends.take(is_kept | (ends.day >= first_day))


class StockByDay:
    """All keys' state, carried forward day by day.

    `now`: every key's row as of the day passed last, a place per key number;
    zeros where `is_known` is false. Both change with the next day.
    """

    def __init__(self, keys: int) -> None:
        """Nothing is known of any of `keys` key numbers."""
        self.now = empty_points(keys)
        self.is_known = np.zeros(keys, dtype=bool)

    def begin(self, points: Points) -> None:
        """Take what the days before the first one left."""
        self._put(points)

    def pass_day(self, points: Points) -> None:
        """Carry everything over one day, of which `points` has a row for each key with an event in it."""
        self.now.sold[:] = 0
        self.now.stockout[:] = np.where(self.now.is_out & self.is_known, DAY_SECONDS, 0)
        self._put(points)

    def differs(self, other: "StockByDay") -> np.ndarray:
        """Which keys' rows are other ones."""
        columns = zip(self.now[1:], other.now[1:], strict=True)
        return np.logical_or.reduce([self.is_known != other.is_known, *(mine != theirs for mine, theirs in columns)])

    def _put(self, points: Points) -> None:
        for mine, theirs in zip(self.now[1:], points[1:], strict=True):
            mine[points.key] = theirs
        self.is_known[points.key] = True
