"""The rows that a picture keeps: the columns of the lake's tables that answers need.

Times are microseconds, quantities units. None of them is tracked by the garbage collector, as none holds another
object that could lead back to it: there are hundreds of thousands.
"""

import msgspec

from inventory_assets.domain.events.kinds import Key


class Stock(msgspec.Struct, frozen=True, gc=False):
    """The stock of one (warehouse, SKU), as `core.sku_state` has it."""

    warehouse_id: str
    sku: str
    on_hand: int
    reserved: int
    inbound: int
    is_active: bool
    department_id: str
    category_id: str
    brand_id: str
    product_id: str
    is_restock_in_progress: bool
    is_unstated_key: bool | None
    last_event_us: int
    version: int

    @property
    def key(self) -> Key:
        """What it is the stock of."""
        return self.warehouse_id, self.sku

    @property
    def available(self) -> int:
        """What can be sold."""
        return self.on_hand - self.reserved

    @property
    def is_gone(self) -> bool:
        """Never: a key that was deleted is inactive, and stays (RULES 17)."""
        return False


Node = tuple[str | None, str, str]
"""(warehouse or None for all, level, id)."""


class Sums(msgspec.Struct, frozen=True, gc=False):
    """The sums of one node over its active keys, as `core.rollups` has them (RULES 20)."""

    warehouse_id: str | None
    level: str
    level_id: str
    parent_id: str | None
    on_hand: int
    reserved: int
    inbound: int
    sku_count: int
    version: int

    @property
    def key(self) -> Node:
        """Which node."""
        return self.warehouse_id, self.level, self.level_id

    @property
    def available(self) -> int:
        """What can be sold of all."""
        return self.on_hand - self.reserved

    @property
    def is_gone(self) -> bool:
        """Whether no active key is left below it."""
        return self.sku_count <= 0


class Limits(msgspec.Struct, frozen=True, gc=False):
    """The thresholds in force for one (warehouse, SKU), as `core.resolved_thresholds` has them (RULES 21)."""

    warehouse_id: str
    sku: str
    min_threshold_qty: int | None
    reorder_threshold_qty: int | None
    min_threshold_days: float | None
    reorder_threshold_days: float | None
    is_enabled: bool
    rule_level_type: str | None
    rule_level_id: str | None
    rule_warehouse_id: str | None
    rule_version: int | None
    version: int

    @property
    def key(self) -> Key:
        """Whose they are."""
        return self.warehouse_id, self.sku

    @property
    def is_gone(self) -> bool:
        """Never."""
        return False


class Product(msgspec.Struct, frozen=True, gc=False):
    """What is known of one SKU, as `core.products` has it; None is unknown."""

    sku: str
    product_name: str | None
    variant_name: str | None
    brand_name: str | None
    category_name: str | None
    department_name: str | None
    supplier_id: str | None
    lead_time_days: int | None
    unit_price: float | None
    is_removed: bool | None
    version: int

    @property
    def key(self) -> str:
        """Its SKU."""
        return self.sku

    @property
    def is_gone(self) -> bool:
        """Whether nothing is known of it any more."""
        return self.is_removed is True


class Alert(msgspec.Struct, frozen=True, gc=False):
    """An alert, as `out.alerts` has it; `body` is the message as sent."""

    alert_id: str
    warehouse_id: str
    sku: str
    alert_type: str
    priority: str
    state: str
    body: str
    notification_count: int
    opened_us: int
    resolved_us: int | None
    resolved_reason: str | None
    acknowledged_by: str | None
    acknowledged_us: int | None
    silenced_until_us: int | None
    escalated_level: int | None
    inhibited_by: str | None
    is_untrusted: bool | None
    version: int

    @property
    def key(self) -> str:
        """Its id."""
        return self.alert_id

    @property
    def is_gone(self) -> bool:
        """Whether it is over: the lake has those that are."""
        return self.state != "firing"


class PlanLine(msgspec.Struct, frozen=True, gc=False):
    """A line of the newest plan, as `out.plans` has it: what to order of a SKU for a warehouse, or move there."""

    line_id: str | None
    warehouse_id: str
    sku: str
    supplier_id: str | None
    category_id: str | None
    plan_day: int
    reason: str | None
    is_urgent: bool | None
    runs_out_day: int | None
    order_by_day: int | None
    order_quantity: int | None
    transfers: str | None
    risk_percent: int | None
    revenue_at_risk: float | None
    available: int | None
    inbound: int | None
    projected: int | None
    projected_low: int | None
    projected_high: int | None
    lead_time_days: int | None
    horizon_days: int | None
    not_known: str | None
    version: int
    is_order_urgent: bool | None
    overdue: int | None
    overdue_since_day: int | None
    order_without_overdue: int | None
    arriving: int | None
    arrives_day: int | None
    waiting_risk_percent: int | None

    @property
    def key(self) -> Key:
        """Which shelf it is about."""
        return self.warehouse_id, self.sku

    @property
    def is_gone(self) -> bool:
        """Whether it asks for nothing."""
        return self.line_id is None or not (self.is_urgent or (self.order_quantity or 0) > 0 or self.transfers)


Row = Stock | Sums | Limits | Product | Alert | PlanLine
