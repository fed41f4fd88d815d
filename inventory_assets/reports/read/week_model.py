"""What a weekly report says, as values; the lines of its lists are the rows of its CSV. Null is unknown."""

from dataclasses import dataclass
from datetime import datetime

from inventory_assets.reports.read.lines import Planned
from inventory_assets.reports.read.model import Basis, Handling, Notice, Trade, Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A SKU's units sold over all warehouses in the week and in the one before."""

    sku: str
    product: str
    units: int
    units_before: int
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekStockout:
    """A key that had nothing available for some of the week, and about what it would have sold.

    `lost_units` = days empty × mean daily units; `lost_sales` at its price.
    """

    warehouse_id: str
    sku: str
    product: str
    hours_empty: float
    days_touched: int
    is_empty: bool
    daily_units: float | None
    lost_units: float | None
    lost_sales: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadStock:
    """A key with stock that sold nothing on all its days with stock in the last twelve weeks, four of them at least."""

    warehouse_id: str
    sku: str
    product: str
    on_hand: int
    in_stock_days: int
    value: float | None
    last_event_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseWeek:
    """A warehouse's week and the one before. `empty_share`: of its shelves' time. Turns: at this pace."""

    warehouse_id: str
    shelves: int
    sold_units: int
    sold_units_before: int | None
    empty_share: float
    empty_share_before: float | None
    on_hand: int
    turns_a_year: float | None
    alerts_opened: int
    false_alarms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockClass:
    """A class of SKUs by what they sell: A makes the first 80 %, B the next 15 %, C the rest, N sells nothing."""

    name: str
    skus: int
    share: float
    shelves: int
    empty: int
    on_hand: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWeek:
    """How a threshold rule did: alerts opened in the week, and whether stockouts were foreseen by a milder alert."""

    rule: str
    opened: int
    over: int
    false_alarms: int
    stockouts: int
    foreseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """All of a weekly report. `is_by_value`: classes are by sales value, else by units."""

    basis: Basis
    trade: Trade
    movers: tuple[Mover, ...]
    stockouts: tuple[WeekStockout, ...]
    dead: tuple[DeadStock, ...]
    warehouses: tuple[WarehouseWeek, ...]
    classes: tuple[StockClass, ...]
    is_by_value: bool
    rules: tuple[RuleWeek, ...]
    handling: Handling
    trust: Trust
    planned: Planned
    notices: tuple[Notice, ...]
