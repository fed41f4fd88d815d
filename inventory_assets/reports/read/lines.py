"""The lines of a report's lists, as values: stock, orders, moves, changes. Null is unknown. Moments are naive UTC.

A row's fields are the columns of its CSV. Here: values. Not here: reading them
(`stock`, `changes`), saying them (`shelf_sections` and its like).
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyShelf:
    """An active key without available stock. `since`, `hours_empty`: null where no alert says."""

    warehouse_id: str
    sku: str
    product: str
    is_new: bool
    since: datetime | None
    hours_empty: float | None
    available: int
    reserved: int
    inbound: int
    daily_units: float | None
    revenue_at_risk: float | None
    to_do: str
    supplier_id: str | None
    acknowledged_by: str | None
    is_untrusted: bool
    alert_id: str | None
    line_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningOut:
    """A key with stock that must be ordered within a week, or should have been: its line of the plan (RULES 42).

    `cover_days` until it runs out, with what comes by then. `order_by_date` is
    the last day on which to order (`words.plan.order_by_day`); `is_late`: that day is
    over. `seen_by_limit`: where no limit in force sees that, the reorder quantity that would.
    """

    warehouse_id: str
    sku: str
    product: str
    available: int
    inbound: int
    daily_units: float
    cover_days: int
    runs_out_date: date
    lead_time_days: int | None
    order_by_date: date | None
    is_late: bool
    risk_percent: int | None
    order_quantity: int | None
    to_do: str
    why: str
    rule: str | None
    seen_by_limit: int | None
    supplier_id: str | None
    alert_id: str | None
    line_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """What to buy for one key, after transfers. `value` = quantity × price. No `condition`: no alert is open."""

    supplier_id: str | None
    warehouse_id: str
    sku: str
    product: str
    quantity: int
    pack_multiple: int | None
    lead_time_days: int | None
    unit_price: float | None
    value: float | None
    order_by_date: date | None
    is_late: bool
    condition: str
    available: int
    inbound: int
    days_left: int | None
    needed: int
    transferred: int
    why: str
    is_untrusted: bool
    alert_id: str | None
    line_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLine:
    """What to move to one key from one warehouse, and what that leaves there."""

    from_warehouse_id: str
    to_warehouse_id: str
    sku: str
    product: str
    quantity: int
    sender_available: int
    sender_left: int
    sender_keeps: int
    condition: str
    available: int
    is_untrusted: bool
    alert_id: str | None
    line_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A firing alert for which no quantity can be suggested: nobody has said what its shelf should hold."""

    warehouse_id: str
    sku: str
    product: str
    condition: str
    available: int
    alert_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What the plan of the report's version and day says.

    `out`: active keys without available stock. `can_wait`: lines with an order that has time until the next review.
    `chased`: shelves that cannot wait for what is overdue, `chased_units` of it. `is_demand_known`: of some shelf, so
    that it is known what will run out.
    """

    running_out: tuple[RunningOut, ...]
    orders: tuple[OrderLine, ...]
    transfers: tuple[TransferLine, ...]
    undecided: tuple[Undecided, ...]
    out: int
    can_wait: int
    chased: int
    chased_units: int
    is_demand_known: bool

    @property
    def late(self) -> list[RunningOut]:
        """The shelves that will be empty before an order can arrive."""
        return [shelf for shelf in self.running_out if shelf.is_late]


# ---- changes


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfChange:
    """A key whose alert is another than last time. `step`: new, worse, better, over."""

    step: str
    warehouse_id: str
    sku: str
    product: str
    condition_before: str | None
    condition_now: str | None
    available_before: int | None
    available_now: int | None
    reason: str
    alert_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdChange:
    """A change of a threshold rule."""

    changed_at: datetime
    scope: str
    action: str
    change: str
    author: str | None
    reason: str | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """A business alert over many keys that is open."""

    priority: str
    kind: str
    title: str
    opened_at: datetime
    is_new: bool
    incident_id: str
