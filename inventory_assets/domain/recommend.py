"""What to do about a breach: move stock that another warehouse can spare, then buy; pure, with its arithmetic.

Also what the breach costs: days to stockout and revenue at risk. What is not
known stays null: no number here is invented (RULES 19).
"""

import math
from collections.abc import Sequence

import msgspec

# More senders than this is a project, not a transfer.
MAX_TRANSFERS = 3


class WarehouseStock(msgspec.Struct, frozen=True):
    """A SKU in one warehouse: stock in units and the limits in force. Null limits are not set."""

    warehouse_id: str
    available: int
    inbound: int = 0
    is_active: bool = True
    min_qty: int | None = None
    reorder_qty: int | None = None
    reorder_days: float | None = None
    daily_units: float | None = None

    @property
    def keeps(self) -> int | None:
        """Units it must keep: its reorder threshold, in units or days of cover; null where it has none."""
        limits = [limit for limit in (self.reorder_qty, self.min_qty) if limit]
        if self.reorder_days and self.daily_units:
            limits.append(math.ceil(self.reorder_days * self.daily_units))
        return max(limits, default=None)

    @property
    def spare(self) -> int:
        """Units it can give and still keep its reorder threshold; without a threshold none, as cover is unknown."""
        return max(0, self.available - self.keeps) if self.is_active and self.keeps is not None else 0


class Supply(msgspec.Struct, frozen=True):
    """What is known of buying a SKU. `target`: the stock to fill up to, in units."""

    target: int | None = None
    supplier_id: str | None = None
    lead_time_days: int | None = None
    pack_multiple: int | None = None
    unit_price: float | None = None


class Transfer(msgspec.Struct, frozen=True):
    """Units to move from one warehouse, and how that leaves it."""

    warehouse_id: str
    quantity: int
    available_before: int
    available_after: int
    keeps: int


class Recommendation(msgspec.Struct, frozen=True):
    """What to do, and the sums it comes from.

    `needed` = target − available − inbound; `order_quantity` is what transfers
    leave of it, in whole packs. `days_to_stockout` = available / daily_units.
    `revenue_at_risk` = daily_units × max(0, lead time − days_to_stockout) ×
    unit_price: sales lost until an order placed now arrives.
    """

    needed: int | None
    transfers: tuple[Transfer, ...]
    order_quantity: int | None
    supply: Supply
    daily_units: float | None
    days_to_stockout: float | None
    revenue_at_risk: float | None
    arithmetic: tuple[str, ...]


def recommend(short: WarehouseStock, others: Sequence[WarehouseStock], supply: Supply) -> Recommendation:
    """Work out what to do for a SKU that is short in one warehouse.

    Args:
        short: The warehouse with the breach, its stock as of the alert.
        others: The SKU's other warehouses at the same version, any order.
        supply: Product data; unknown is null.
    """
    lines: list[str] = []
    needed = None
    transfers: tuple[Transfer, ...] = ()
    order_quantity = None
    if supply.target is None:
        lines.append("no target stock is known, so no quantity is suggested")
    else:
        needed = max(0, supply.target - short.available - short.inbound)
        lines.append(
            f"needed {needed} = target {supply.target} − available {short.available} − inbound {short.inbound}"
        )
        transfers = _transfers(needed, others)
        lines += [
            f"transfer {t.quantity} from {t.warehouse_id}: available {t.available_before} − {t.quantity} = "
            f"{t.available_after}, keeps at least {t.keeps}"
            for t in transfers
        ]
        moved = sum(transfer.quantity for transfer in transfers)
        left = needed - moved
        pack = supply.pack_multiple or 1
        order_quantity = -(-left // pack) * pack
        packs = f" → {order_quantity} in packs of {pack}" if pack > 1 else ""
        lines.append(f"order {left} = needed {needed} − transferred {moved}{packs}")
    velocity = short.daily_units or None
    days = None
    if velocity is not None:
        days = max(0, short.available) / velocity
        lines.append(f"days to stockout {days:.1f} = available {max(0, short.available)} / {velocity:g} sold a day")
    at_risk = _revenue_at_risk(velocity, days, supply, lines)
    return Recommendation(needed, transfers, order_quantity, supply, velocity, days, at_risk, tuple(lines))


def _transfers(needed: int, others: Sequence[WarehouseStock]) -> tuple[Transfer, ...]:
    found: list[Transfer] = []
    # The largest surplus first: the fewest lorries.
    for other in sorted(others, key=lambda each: (-each.spare, each.warehouse_id))[:MAX_TRANSFERS]:
        quantity = min(needed, other.spare)
        if quantity <= 0:
            break
        assert other.keeps is not None  # else it has nothing to spare
        found.append(Transfer(other.warehouse_id, quantity, other.available, other.available - quantity, other.keeps))
        needed -= quantity
    return tuple(found)


def _revenue_at_risk(velocity: float | None, days: float | None, supply: Supply, lines: list[str]) -> float | None:
    if velocity is None or days is None or supply.unit_price is None or supply.lead_time_days is None:
        return None
    dry_days = max(0.0, supply.lead_time_days - days)
    at_risk = round(velocity * dry_days * supply.unit_price, 2)
    lines.append(
        f"revenue at risk {at_risk:.2f} = {velocity:g} a day × {dry_days:.1f} days without stock "
        f"(lead time {supply.lead_time_days} − {days:.1f}) × price {supply.unit_price:.2f}"
    )
    return at_risk
