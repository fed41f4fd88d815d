"""Shelves for tests: each as a few words, the rest as a plan would find it.

Belongs here: building. Does not belong: expectations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inventory_assets.domain.replenish.plan import Plan
from inventory_assets.domain.replenish.shelves import Arrivals, Shelves
from inventory_assets.domain.thresholds.forecast import forecast_demand

DAYS = 84
NUMBERS = (
    "lead_time_days", "order_up_to", "unit_price", "pack_multiple", "min_order_qty", "min_qty", "reorder_qty",
    "min_days", "reorder_days", "daily_units", "service_level",
)  # fmt: skip
UNITS = ("available", "inbound", "announced", "accepted", "lapsed")


@dataclass
class Shelf:
    """A shelf; `sales` are repeated over the days before the plan, `arrivals` are (day, units) of what is inbound.

    They are a supplier's; `on_the_road` are from another warehouse.
    """

    sku: int = 1
    warehouse: int = 1
    available: int = 0
    sales: Sequence[float] = (10.0,)
    days: int = DAYS
    arrivals: Sequence[tuple[int, int]] = ()
    on_the_road: Sequence[tuple[int, int]] = ()
    accepted: int = 0
    announced: int = 0
    lapsed: int = 0
    lead_time_days: float | None = 5
    order_up_to: float | None = None
    unit_price: float | None = 2.0
    pack_multiple: float | None = None
    min_order_qty: float | None = None
    min_qty: float | None = None
    reorder_qty: float | None = None
    min_days: float | None = None
    reorder_days: float | None = None
    daily_units: float | None = None
    service_level: float | None = None
    is_enabled: bool = True
    has_supplier: bool = True
    is_stated: bool = True
    counted: Sequence[bool] = field(default_factory=lambda: (True,))

    @property
    def inbound(self) -> int:
        """All that arrives."""
        return sum(units for _, units in (*self.arrivals, *self.on_the_road))


def network(*given: Shelf) -> Shelves:
    """Shelves as a plan takes them."""
    units, counted = np.zeros((len(given), DAYS)), np.zeros((len(given), DAYS), dtype=bool)
    for row, each in enumerate(given):
        units[row, DAYS - each.days :] = np.resize(each.sales, each.days)
        counted[row, DAYS - each.days :] = np.resize(each.counted, each.days)
    coming = [(row, *arrival, True, True) for row, each in enumerate(given) for arrival in each.arrivals]
    coming += [(row, *arrival, True, False) for row, each in enumerate(given) for arrival in each.on_the_road]
    coming += [(row, 2, each.accepted, False, True) for row, each in enumerate(given) if each.accepted]
    coming += [(row, 1, each.announced, False, False) for row, each in enumerate(given) if each.announced]
    columns: list[Any] = [np.array([each[place] for each in coming], dtype=kind) for place, kind in enumerate(_KINDS)]

    def numbers(name: str) -> np.ndarray:
        found = [getattr(each, name) for each in given]
        return np.array([np.nan if value is None else value for value in found], dtype=float)

    return Shelves(
        **{name: np.array([getattr(each, name) for each in given], dtype=np.int64) for name in ("sku", "warehouse", *UNITS)},
        **{name: numbers(name) for name in NUMBERS},
        **{name: np.array([getattr(each, name) for each in given], dtype=bool) for name in _FLAGS},
        forecasts=forecast_demand(units, counted, np.arange(DAYS) % 7),
        arrivals=Arrivals(*columns),
    )  # fmt: skip


_KINDS = (np.int64, np.int64, np.int64, bool, bool)
_FLAGS = ("is_enabled", "has_supplier", "is_stated")


def row_of(plan: Plan, row: int = 0) -> dict[str, Any]:
    """A line's numbers, null for unknown."""
    found = {name: values[row].item() for name, values in plan.lines._asdict().items()}
    return {name: None if value != value else value for name, value in found.items()}
