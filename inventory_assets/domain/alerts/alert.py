"""Alerts as values: their id, their wire format, what to order (RULES 29-30)."""

import hashlib
import json
from functools import lru_cache
from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Condition, Key, ParentIds
from inventory_assets.domain.stock.fold import KeyState
from inventory_assets.domain.thresholds.resolve import Thresholds
from inventory_assets.domain.values import DAY_US, format_time, to_datetime
from inventory_assets.ranges import PRODUCT_RANGES

# `json.dumps` with options builds an encoder each time: half the cost of an id.
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


SEVERITY = {Condition.STOCKOUT: 3, Condition.LOW_STOCK: 2, Condition.REORDER: 1}
WAREHOUSE_SOURCE = "warehouse:"
"""How the sources of an inhibition begin that covers a whole warehouse."""
PRIORITY = {Condition.STOCKOUT: "CRITICAL", Condition.LOW_STOCK: "HIGH", Condition.REORDER: "MEDIUM"}


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One comparison that failed. `is_days_breached`: the days limit failed, alone or too."""

    condition: Condition
    threshold: int | float
    is_days_breached: bool
    comparison: str


class Handling(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What people and time have done about an alert (ADR 0004). Times in microseconds.

    `silence_id` is the event id of the command that silences it, of several the
    one that ends last. `inhibited_by` are the sources that hold it, sorted. From
    `released_at` on a withheld telling
    may leave. `closed_as` is the condition that a closing by hand or by age
    still covers; null once the stock has recovered.
    """

    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    silenced_by: str | None = None
    silenced_until: int | None = None
    silence_id: str | None = None
    escalated_level: int = 0
    escalated_at: int | None = None
    inhibited_by: tuple[str, ...] = ()
    released_at: int | None = None
    closed_as: Condition | None = None

    @property
    def is_untrusted(self) -> bool:
        """Whether its warehouse's data are in doubt."""
        return any(source.startswith(WAREHOUSE_SOURCE) for source in self.inhibited_by)


class Alert(msgspec.Struct, frozen=True, gc=False):
    """One alert as it stands: its opening, its values at the last (re)opening, its state.

    Times are microseconds, event time; stock is in units. `trend` holds the
    last (event time, available) points up to the breach, oldest first.
    """

    alert_id: str
    condition: Condition
    warehouse_id: str
    sku: str
    opening_event_id: str
    opened_at: int
    breached_at: int
    is_late: bool
    on_hand: int
    reserved: int
    inbound: int
    threshold: int | float
    comparison: str
    is_days_breached: bool
    thresholds: Thresholds
    base_event_id: str
    trend: tuple[tuple[int, int], ...]
    state_version: int
    is_firing: bool = True
    resolved_at: int | None = None
    resolved_reason: str | None = None
    last_notified_at: int | None = None
    notification_count: int = 0
    is_notification_due: bool = False
    # How many of its key and condition came before; and when stock or time last moved it.
    ordinal: int = 0
    moved_at: int = 0
    # Unset, not null: most alerts are never handled, and their records stay as they were.
    handling: Handling | msgspec.UnsetType = msgspec.UNSET

    @property
    def handled(self) -> Handling:
        """What was done about it; the defaults where nothing was."""
        return UNHANDLED if self.handling is msgspec.UNSET else self.handling

    @property
    def key(self) -> Key:
        """(warehouse_id, sku)."""
        return (self.warehouse_id, self.sku)

    @property
    def available(self) -> int:
        """on_hand - reserved at the breach."""
        return self.on_hand - self.reserved


UNHANDLED = Handling()


class Transition(msgspec.Struct, frozen=True, gc=False):
    """One step in an alert's life, in the order taken.

    `transition` is opened, reopened, resolved or notified, or one of
    `lifecycle`; `at` is event time. `actor` is who commanded it, `policy` or
    `clock` where time did, null where stock did.
    """

    alert_id: str
    transition: str
    reason: str
    event_id: str | None
    at: int
    is_late: bool
    actor: str | None = None


class Product(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a SKU beside its stock. Unknown is null, never invented (RULES 19).

    `document_fields` names, joined by commas, what came with a stock document
    and not from an import. `is_removed`: cleaned up, nothing is known any more;
    true or null.
    """

    sku: str
    product_name: str | None = None
    variant_name: str | None = None
    brand_name: str | None = None
    category_name: str | None = None
    department_name: str | None = None
    supplier_id: str | None = None
    lead_time_days: int | None = None
    order_up_to: int | None = None
    unit_price: float | None = None
    pack_multiple: int | None = None
    min_order_qty: int | None = None
    document_fields: str = ""
    is_removed: bool | None = None


def with_document_fields(known: Product, fields: tuple[tuple[str, str | int | float], ...]) -> Product:
    """Take what a SKU's newest level document says of the product, whole; an import is the better source."""
    values: dict[str, Any] = dict.fromkeys(filter(None, known.document_fields.split(",")))
    taken = {name: value for name, value in fields if name in values or getattr(known, name) is None}
    return msgspec.structs.replace(known, **{**values, **taken}, document_fields=",".join(sorted(taken)))


@lru_cache(maxsize=1024)
def _day(number: int) -> str:
    """A UTC day as yyyymmdd; alerts of a burst share a few."""
    return f"{to_datetime(number * DAY_US):%Y%m%d}"


def make_alert_id(key: Key, condition: Condition, opening_event_id: str, event_at: int) -> str:
    """Build the id that every delivery of an alert carries (RULES 29)."""
    warehouse_id, sku = key
    parts = [warehouse_id, sku, str(condition), opening_event_id]
    digest = hashlib.sha256(_compact(parts).encode()).hexdigest()[:8]
    return f"alt-{_day(event_at // DAY_US)}-{warehouse_id}-{sku}-{condition}-{digest}"


def usable(product: Product) -> Product:
    """Product data without the numbers that cannot be meant, as an older lake may hold them."""
    beyond = [
        name
        for name, (least, most) in PRODUCT_RANGES.items()
        if (value := getattr(product, name)) is not None and not least <= value <= most
    ]
    return msgspec.structs.replace(product, **dict.fromkeys(beyond)) if beyond else product


def target_stock(thresholds: Thresholds, product: Product | None) -> int | None:
    """The stock to order up to: `order_up_to`, else twice the reorder quantity (RULES 30)."""
    if product is not None and product.order_up_to is not None:
        return product.order_up_to
    return None if thresholds.reorder_qty is None else 2 * thresholds.reorder_qty


def suggest_quantity(state: KeyState | Alert, thresholds: Thresholds, product: Product | None) -> int | None:
    """How many units to order: up to the target, in whole packs; null where no target is known."""
    target = target_stock(thresholds, product)
    if target is None:
        return None
    needed = max(0, target - state.available - state.inbound)
    pack = (product.pack_multiple if product is not None else None) or 1
    return -(-needed // pack) * pack


def to_wire(alert: Alert, parents: ParentIds, product: Product | None) -> dict[str, Any]:
    """Write an alert as the JSON object that leaves the system: R0's fields and its lineage (RULES 30)."""
    known = product if product is not None else Product(sku=alert.sku)
    department_id, category_id, brand_id, product_id = parents
    limits = alert.thresholds
    suggested = suggest_quantity(alert, limits, product)
    return {
        "alert_type": str(alert.condition),
        "priority": PRIORITY[alert.condition],
        "warehouse_id": alert.warehouse_id,
        "sku": alert.sku,
        "product_name": display_name(known, alert.sku),
        "current_stock": alert.on_hand,
        "available_stock": alert.available,
        "reserved_stock": alert.reserved,
        "inbound_stock": alert.inbound,
        "threshold": alert.threshold,
        "timestamp": format_time(alert.breached_at, digits=3),
        "hierarchy": {
            "department": known.department_name or department_id,
            "category": known.category_name or category_id,
            "brand": known.brand_name or brand_id,
            "product": known.product_name or product_id,
        },
        "restock_recommendation": None
        if suggested is None
        else {
            "suggested_quantity": suggested,
            "supplier_id": known.supplier_id,
            "typical_lead_time_days": known.lead_time_days,
        },
        "alert_id": alert.alert_id,
        "first_breach_time": format_time(alert.opened_at, digits=3),
        "is_late": alert.is_late,
        "stock_trend": [
            {"timestamp": format_time(at, digits=3), "available_stock": available} for at, available in alert.trend
        ],
        "lineage": {
            "opening_event_id": alert.opening_event_id,
            "event_ids": [alert.base_event_id, alert.opening_event_id]
            if alert.base_event_id and alert.base_event_id != alert.opening_event_id
            else [alert.opening_event_id],
            "state_version": alert.state_version,
            "rule": {
                "level_type": limits.level_type,
                "level_id": limits.level_id or None,
                "warehouse_id": limits.warehouse_id,
                "version": limits.version,
                **({} if limits.dynamic is None else {"dynamic": msgspec.to_builtins(limits.dynamic)}),
            },
            "arithmetic": {
                "on_hand": alert.on_hand,
                "reserved": alert.reserved,
                "available": alert.available,
                "threshold": alert.threshold,
                "comparison": alert.comparison,
            },
        },
        **_handling_fields(alert.handled),
    }


def _handling_fields(handled: Handling) -> dict[str, Any]:
    # Only what is so: an alert that nobody touched leaves as R0 has it.
    fields = {
        "acknowledged_by": handled.acknowledged_by,
        "escalated_level": handled.escalated_level or None,
        "is_untrusted": handled.is_untrusted or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def display_name(product: Product, sku: str) -> str:
    """The name to show for a SKU: product and variant where known, else the SKU itself."""
    if product.product_name is None:
        return sku
    return f"{product.product_name} {product.variant_name}" if product.variant_name else product.product_name
