"""What to move between the warehouses of a SKU, so that a shelf lasts until an order arrives (RULES 43).

All shelves of a SKU are seen together, so nothing is promised twice. Not here:
what a shelf lacks and what it keeps (`plan`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MAX_GIVERS = 3
"""More senders for one shelf than these are a project, not a transfer."""


class Transfer(NamedTuple):
    """Units to move from one shelf to another, both by row; `keeps` is what the giver needs for itself."""

    giver: int
    taker: int
    quantity: int
    keeps: int


class Need(NamedTuple):
    """What a shelf lacks until an order arrives, and when it runs out without it. Both whole numbers."""

    units: np.ndarray
    runs_out: np.ndarray


def share_out(
    sku: np.ndarray, warehouse: np.ndarray, need: Need, spare: np.ndarray, keeps: np.ndarray, least: int
) -> list[Transfer]:
    """Share out what can be spared: to who runs out first, from who can spare most.

    Args:
        sku, warehouse: Numbers of each shelf that order as the ids do.
        need: Of each shelf; 0 units where it takes nothing.
        spare: Units that each shelf can give; 0 where it takes.
        keeps: What it then still has, at least.
        least: Fewer units than these are not moved.
    """
    takes, gives = need.units >= least, spare >= least
    size = int(sku.max(initial=0)) + 1
    wanted = (np.bincount(sku[takes], minlength=size) > 0) & (np.bincount(sku[gives], minlength=size) > 0)
    rows = np.flatnonzero(wanted[sku] & (takes | gives))
    rows = rows[np.lexsort((warehouse[rows], sku[rows]))]
    cuts = np.flatnonzero(sku[rows][1:] != sku[rows][:-1]) + 1
    found: list[Transfer] = []
    for own in np.split(rows, cuts):
        found += _share_one(own.tolist(), need, spare, keeps, least)
    return found


def _share_one(rows: Sequence[int], need: Need, spare: np.ndarray, keeps: np.ndarray, least: int) -> list[Transfer]:
    takers = [row for row in rows if need.units[row] >= least]
    # Rows come in the order of the ids, and sorting keeps it: the last tie.
    takers.sort(key=lambda row: (need.runs_out[row], -need.units[row]))
    left = {row: int(spare[row]) for row in rows if spare[row] >= least}
    found = []
    for taker in takers:
        lacks = int(need.units[taker])
        for giver in sorted(left, key=lambda row: -left[row])[:MAX_GIVERS]:
            quantity = min(lacks, left[giver])
            if quantity < least:
                break
            found.append(Transfer(giver, taker, quantity, int(keeps[giver])))
            left[giver] -= quantity
            lacks -= quantity
    return found
