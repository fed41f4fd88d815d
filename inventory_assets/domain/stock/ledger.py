"""Counted stock against the ledger: what each level states, and what the events before it add up to.

Not here: running the stock itself (`history`), or reading events (`queries.history`).
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from inventory_assets.domain.stock.history import LEVEL, Stock, contained_rows, last_rows, transaction_deltas


class Drift(NamedTuple):
    """Levels whose on_hand differs from the ledger just before them; arrays of one length, rows of a history.

    `agreed_row` is the key's level before, from which the ledger ran; `ledger`
    what it had come to, in units.
    """

    row: np.ndarray
    agreed_row: np.ndarray
    stated: np.ndarray
    ledger: np.ndarray


def find_drift(events: pl.DataFrame, stock: Stock) -> Drift:
    """Compare every level with the running stock right before it.

    A key's first level begins its ledger and is compared with nothing; nor is
    one that brings a deleted key back. What a level contains at its own
    position (RULES 12) belongs to the ledger before it.

    Args:
        events: `HISTORY_SCHEMA`, each key's rows complete from its first event.
        stock: What `run_stock` makes of them.
    """
    key, rank = events["key"].to_numpy(), events["rank"].to_numpy()
    size = len(key)
    is_first = np.ones(size, dtype=bool)
    is_first[1:] = key[1:] != key[:-1]
    is_level = rank == LEVEL
    last_level = last_rows(is_level, is_first)
    before = np.arange(size) - 1
    earlier = np.where(is_first, -1, last_level[before])
    is_compared = is_level & (earlier >= 0) & stock.is_active[before]
    contained = np.flatnonzero(contained_rows(events, last_level) & ~is_level)
    own = np.zeros(size, dtype=np.int64)
    if len(contained):
        deltas, _ = transaction_deltas(events, rank)
        np.add.at(own, last_level[contained], deltas[contained, 0])
    ledger = stock.on_hand[before] + own
    stated = events["on_hand"].fill_null(0).to_numpy()
    rows = np.flatnonzero(is_compared & (stated != ledger))
    return Drift(rows, earlier[rows], stated[rows], ledger[rows])
