"""Rows as answers have them: the names of the lake's columns, quantities in units, times in UTC."""

from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from inventory_assets.domain.picture.rows import Alert, PlanLine, Stock, Sums
from inventory_assets.domain.values import EPOCH

Units = Annotated[int, msgspec.Meta(description="units")]
_DAY = date(1970, 1, 1)


class StockOf(msgspec.Struct, frozen=True):
    """The stock of one SKU in one warehouse; `version` is the one that last changed it."""

    warehouse_id: str
    sku: str
    product_id: str
    on_hand: Units
    reserved: Units
    available: Units
    inbound: Units
    is_active: bool
    is_restock_in_progress: bool
    is_negative: bool
    is_over_reserved: bool
    is_unstated: bool
    last_event_at: datetime | None
    version: int


class SumsOf(msgspec.Struct, frozen=True):
    """The sums of a node of the hierarchy over its active keys; `warehouse_id` null is all warehouses."""

    warehouse_id: str | None
    level: str
    level_id: str
    parent_id: str | None
    on_hand: Units
    reserved: Units
    available: Units
    inbound: Units
    sku_count: int
    version: int


class Total(msgspec.Struct, frozen=True):
    """Sums over active keys."""

    on_hand: Units
    reserved: Units
    available: Units
    inbound: Units


class AlertOf(msgspec.Struct, frozen=True):
    """An alert: what was done about it, and `message` as it was sent."""

    alert_id: str
    warehouse_id: str
    sku: str
    alert_type: str
    priority: str
    state: str
    opened_at: datetime | None
    resolved_at: datetime | None
    resolved_reason: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    silenced_until: datetime | None
    escalated_level: int
    inhibited_by: str | None
    is_untrusted: bool
    times_told: int
    message: msgspec.Raw
    version: int


class LineOf(msgspec.Struct, frozen=True):
    """A line of the plan: what to order of a SKU for a warehouse, or to move there."""

    line_id: str | None
    warehouse_id: str
    sku: str
    supplier_id: str | None
    category_id: str | None
    plan_date: date
    reason: str | None
    is_urgent: bool
    runs_out_on: date | None
    order_by: date | None
    order_quantity: int | None
    transfers: msgspec.Raw | None
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
    overdue_since: date | None
    order_without_overdue: int | None
    arriving: int | None
    arrives_on: date | None
    waiting_risk_percent: int | None


def stock_of(row: Stock) -> StockOf:
    """A key's stock."""
    return StockOf(
        row.warehouse_id, row.sku, row.product_id, row.on_hand, row.reserved, row.on_hand - row.reserved, row.inbound,
        row.is_active, row.is_restock_in_progress, row.on_hand < 0, row.reserved > row.on_hand,
        row.is_unstated_key is True, moment_of(row.last_event_us), row.version,
    )  # fmt: skip


def sums_of(row: Sums) -> SumsOf:
    """A node's sums."""
    return SumsOf(
        row.warehouse_id, row.level, row.level_id, row.parent_id, row.on_hand, row.reserved,
        row.on_hand - row.reserved, row.inbound, row.sku_count, row.version,
    )  # fmt: skip


def total_of(rows: list[Stock]) -> Total:
    """The sums of the active ones of some keys."""
    active = [row for row in rows if row.is_active]
    on_hand, reserved = sum(row.on_hand for row in active), sum(row.reserved for row in active)
    return Total(on_hand, reserved, on_hand - reserved, sum(row.inbound for row in active))


def alert_of(row: Alert) -> AlertOf:
    """An alert."""
    return AlertOf(
        row.alert_id, row.warehouse_id, row.sku, row.alert_type, row.priority, row.state, moment_of(row.opened_us),
        moment_of(row.resolved_us), row.resolved_reason, row.acknowledged_by, moment_of(row.acknowledged_us),
        moment_of(row.silenced_until_us), row.escalated_level or 0, row.inhibited_by, row.is_untrusted is True,
        row.notification_count, msgspec.Raw(row.body.encode()), row.version,
    )  # fmt: skip


def line_of(row: PlanLine) -> LineOf:
    """A line of the plan."""
    return LineOf(
        row.line_id, row.warehouse_id, row.sku, row.supplier_id, row.category_id, _DAY + timedelta(row.plan_day),
        row.reason, row.is_urgent is True, _day(row.runs_out_day), _day(row.order_by_day), row.order_quantity,
        msgspec.Raw(row.transfers.encode()) if row.transfers else None, row.risk_percent, row.revenue_at_risk,
        row.available, row.inbound, row.projected, row.projected_low, row.projected_high, row.lead_time_days,
        row.horizon_days, row.not_known, row.version, row.is_order_urgent, row.overdue, _day(row.overdue_since_day),
        row.order_without_overdue, row.arriving, _day(row.arrives_day), row.waiting_risk_percent,
    )  # fmt: skip


def moment_of(microseconds: int | None) -> datetime | None:
    """A moment; None where there is none, or one beyond the calendar, as an older lake may hold."""
    if microseconds is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _day(number: int | None) -> date | None:
    return None if number is None else _DAY + timedelta(number)
