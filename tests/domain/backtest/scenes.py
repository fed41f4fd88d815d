"""Shelves and their past for back-tests of plans: each as a few words.

Belongs here: building. Does not belong: expectations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inventory_assets.domain.backtest.past import Coming, Past, Window
from inventory_assets.domain.backtest.supply import Scene, Terms, set_scene
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.stock.history import NO_LIMIT

# A Monday.
FIRST_DAY = 19_121
NUMBERS = (
    "order_up_to", "unit_price", "pack_multiple", "min_order_qty", "min_qty", "reorder_qty", "min_days",
    "reorder_days", "service_level", "floor_qty", "ceiling_qty",
)  # fmt: skip


@dataclass
class Shelf:
    """A shelf that has sold `sales`, over and over, on each of its days up to the end of the window.

    `on_hand` is what history had at the end of the day before the window and of
    each of its days (one number: at all of them); `coming` is (said on, units) of
    restocks on their way.
    """

    sku: int = 1
    warehouse: int = 1
    on_hand: int | Sequence[int] = 100
    sales: Sequence[float] = (10,)
    counted: Sequence[bool] = (True,)
    known_for: int = WINDOW_DAYS
    coming: Sequence[tuple[int, int]] = ()
    returned: Sequence[int] = (0,)
    corrected: Sequence[int] = (0,)
    stated: Sequence[int] = (0,)
    is_active: Sequence[bool] = (True,)
    lead_time_days: int = 3
    order_up_to: float | None = None
    unit_price: float | None = 2.0
    pack_multiple: float | None = None
    min_order_qty: float | None = None
    min_qty: float | None = None
    reorder_qty: float | None = None
    min_days: float | None = None
    reorder_days: float | None = None
    service_level: float | None = None
    floor_qty: float | None = None
    ceiling_qty: float | None = None
    is_enabled: bool = True
    is_embedded: bool = False
    embedded: tuple[int, int] | None = None


def scene(*given: Shelf, days: int = 14, review_days: int = 7) -> Scene:
    """The shelves over a window that begins on a Monday."""
    size, all_days, reviews = len(given), WINDOW_DAYS + days, -(-days // review_days)
    nothing = np.zeros(size, dtype=np.int64)

    def fitted(name: str, columns: int, kind: type) -> np.ndarray:
        rows = [np.resize(np.atleast_1d(getattr(each, name)), columns) for each in given]
        return np.array(rows, dtype=kind).reshape(size, columns)

    known = np.array([[day >= WINDOW_DAYS - each.known_for for day in range(all_days)] for each in given])
    counted = fitted("counted", all_days, bool) & known
    limits = [
        np.repeat([[NO_LIMIT if each.embedded is None else each.embedded[place]] for each in given], reviews, axis=1)
        for place in (0, 1)
    ]
    past = Past(
        np.arange(size), np.where(counted, fitted("sales", all_days, np.float64), 0), counted, known,
        fitted("on_hand", days + 1, np.int64), fitted("is_active", days + 1, bool),
        *(fitted(name, days, np.int64) for name in ("returned", "corrected", "stated")),
        *limits, nothing, nothing, nothing, nothing,
    )  # fmt: skip
    coming = [(row, *each, True) for row, shelf in enumerate(given) for each in shelf.coming]
    kinds: Any = (np.int64, np.int64, np.int64, bool)
    columns = (np.array([each[place] for each in coming], dtype=kind) for place, kind in enumerate(kinds))
    return set_scene(Window(FIRST_DAY, days, review_days), past, terms(*given), Coming(*columns))


def terms(*given: Shelf) -> Terms:
    """What holds for the shelves."""
    return Terms(
        **{name: np.array([getattr(each, name) for each in given]) for name in ("sku", "warehouse", "lead_time_days")},
        **{
            name: np.array([np.nan if getattr(each, name) is None else getattr(each, name) for each in given], float)
            for name in NUMBERS
        },
        is_enabled=np.array([each.is_enabled for each in given]),
        is_embedded=np.array([each.is_embedded for each in given]),
        has_supplier=np.ones(len(given), dtype=bool),
    )
