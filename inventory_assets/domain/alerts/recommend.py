"""What to do about a breach: move stock that another warehouse can spare, then buy; pure, with its arithmetic.

What a warehouse can spare is shared out over all firing alerts of the SKU, so
that nothing is promised twice. Also what the breach costs: days to stockout and
revenue at risk. What is not known stays null: no number here is invented
(RULES 19).
"""

import math
from collections.abc import Iterable, Sequence

import msgspec

from inventory_assets.domain.alerts.alert import SEVERITY, Alert
from inventory_assets.ranges import MAX_DAYS, PRODUCT_RANGES

# More senders than this is a project, not a transfer.
MAX_TRANSFERS = 3
# Until new stock comes a giver lives on what it keeps. Where no lead time is known, two
# weeks: the reorder cover of R0's own sample rule.
DEFAULT_LEAD_DAYS = 14


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
    min_days: float | None = None

    def keeps(self, lead_time_days: int | None = None) -> tuple[int, str] | None:
        """Units it keeps for itself, and why; null where nobody has said what it needs.

        The greatest of its reorder and minimum thresholds, in units or days of
        cover, and what it sells until an order arrives.
        """
        found = [
            (limit, name)
            for limit, name in ((self.reorder_qty, "its reorder threshold"), (self.min_qty, "its minimum"))
            if limit
        ]
        days = [(self.reorder_days, "reorder days"), (self.min_days, "minimum days")]
        found += [self._cover(limit, name) for limit, name in days if limit and self.daily_units]
        if not found:
            return None
        if self.daily_units:
            known = lead_time_days is not None
            lead_days = lead_time_days if lead_time_days is not None else DEFAULT_LEAD_DAYS
            found.append(self._cover(lead_days, "days of lead time" if known else "days, as no lead time is known,"))
        return max(found, key=lambda each: each[0])

    def _cover(self, days: float, name: str) -> tuple[int, str]:
        # Velocities are 28ths: what is whole must not be rounded up for a last binary digit.
        units = math.ceil(round(min(days, MAX_DAYS) * (self.daily_units or 0), 9))
        return units, f"{days:g} {name} × {self.daily_units:g} sold a day"

    def spare(self, lead_time_days: int | None = None) -> int:
        """Units it can give and still keep what it needs; without a threshold none, as its need is unknown."""
        kept = self.keeps(lead_time_days)
        return 0 if kept is None or not self.is_active else max(0, self.available - kept[0])


class Claim(msgspec.Struct, frozen=True):
    """What a warehouse lacks whose alert is served first. `needed` in units."""

    warehouse_id: str
    needed: int


class Supply(msgspec.Struct, frozen=True):
    """What is known of buying a SKU. `target`: the stock to fill up to, in units.

    `unusable`: fields whose numbers are beyond all range; what they would say is unknown.
    """

    target: int | None = None
    supplier_id: str | None = None
    lead_time_days: int | None = None
    pack_multiple: int | None = None
    unit_price: float | None = None
    unusable: tuple[str, ...] = ()


class Transfer(msgspec.Struct, frozen=True):
    """Units to move from one warehouse, and how that leaves it; `promised` of its units go to alerts served first."""

    warehouse_id: str
    quantity: int
    available_before: int
    available_after: int
    keeps: int
    promised: int = 0


class Recommendation(msgspec.Struct, frozen=True):
    """What to do, and the sums it comes from.

    `needed` = target − available − inbound; `order_quantity` is what transfers
    leave of it, in whole packs. `days_to_stockout` = available / daily_units.
    `revenue_at_risk` = daily_units × max(0, lead time − days_to_stockout) ×
    unit_price: sales lost until an order placed now arrives.
    `nothing_because`: where nothing is to be done, what fills the shelf or
    keeps it low.
    """

    needed: int | None
    transfers: tuple[Transfer, ...]
    order_quantity: int | None
    supply: Supply
    daily_units: float | None
    days_to_stockout: float | None
    revenue_at_risk: float | None
    arithmetic: tuple[str, ...]
    nothing_because: str = ""


def served_before(alert: Alert, firing: Iterable[Alert]) -> list[Alert]:
    """The firing alerts of a SKU that are served before one: the worst first, then the oldest, then by id.

    An alert that was over by the end of its version stands where the one that
    fires at its warehouse does, or else last.
    """
    ordered = sorted(firing, key=lambda each: (-SEVERITY[each.condition], each.opened_at, each.alert_id))
    place = next((n for n, each in enumerate(ordered) if each.warehouse_id == alert.warehouse_id), len(ordered))
    return ordered[:place]


def recommend(
    short: WarehouseStock, others: Sequence[WarehouseStock], supply: Supply, *, before: Sequence[Claim] = ()
) -> Recommendation:
    """Work out what to do for a SKU that is short in one warehouse.

    Args:
        short: The warehouse with the breach, its stock as of the alert.
        others: The SKU's warehouses without an alert at the same version, any order.
        supply: Product data; unknown is null.
        before: What the alerts that are served first lack, in that order.
    """
    lines = [f"{field} of its product data is beyond {_range(field)}, so it is not used" for field in supply.unusable]
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
        givers = _Givers(others, supply.lead_time_days)
        for claim in before:
            givers.give(claim.warehouse_id, claim.needed)
        transfers = givers.give(short.warehouse_id, needed)
        lines += givers.sums(short.warehouse_id)
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
    because = _nothing_because(short, supply.target) if needed == 0 and supply.target is not None else ""
    return Recommendation(needed, transfers, order_quantity, supply, velocity, days, at_risk, tuple(lines), because)


def _range(field: str) -> str:
    least, most = PRODUCT_RANGES[field]
    return f"{least} to {most:,}"


def _nothing_because(short: WarehouseStock, target: int) -> str:
    limit = max(short.min_qty or 0, short.reorder_qty or 0)
    if target < limit:
        return f"order_up_to {target:,} is below the threshold {limit:,}, so no order ends the alert; raise one"
    if short.available < target:
        return "what is inbound fills the shelf"
    return f"the {short.available:,} available reach the target stock {target:,}"


class _Givers:
    """The warehouses with stock to spare, and what of it is promised to whom."""

    def __init__(self, stocks: Sequence[WarehouseStock], lead_time_days: int | None) -> None:
        self._lead_time_days = lead_time_days
        self._stocks = {stock.warehouse_id: stock for stock in stocks}
        self._spare = {stock.warehouse_id: stock.spare(lead_time_days) for stock in stocks}
        self._promised: dict[str, dict[str, int]] = {stock.warehouse_id: {} for stock in stocks}

    def give(self, to: str, needed: int) -> tuple[Transfer, ...]:
        """Promise what can be spared to one warehouse."""
        found: list[Transfer] = []
        # The largest surplus first: the fewest lorries.
        for name in sorted(self._spare, key=lambda each: (-self._spare[each], each))[:MAX_TRANSFERS]:
            quantity = min(needed, self._spare[name])
            if quantity <= 0:
                break
            promised = sum(self._promised[name].values())
            kept = self._stocks[name].keeps(self._lead_time_days)
            assert kept is not None  # else it has nothing to spare
            before = self._stocks[name].available
            found.append(Transfer(name, quantity, before, before - promised - quantity, kept[0], promised))
            self._spare[name] -= quantity
            self._promised[name][to] = quantity
            needed -= quantity
        return tuple(found)

    def sums(self, to: str) -> list[str]:
        """A line for every warehouse that gives to `to`, or would if others were not served first."""
        lines = []
        for name, promised in self._promised.items():
            if not promised:
                continue
            stock, quantity = self._stocks[name], promised.get(to, 0)
            first = "".join(f" − {units} for {other}" for other, units in promised.items() if other != to)
            own = f" − {quantity}" if quantity else ""
            kept = stock.keeps(self._lead_time_days)
            assert kept is not None  # else nothing were promised
            head = f"transfer {quantity} from {name}" if quantity else f"nothing from {name}"
            left = stock.available - sum(promised.values())
            lines.append(
                f"{head}: available {stock.available}{first}{own} = {left}, keeps at least {kept[0]}, {kept[1]}"
            )
        return lines


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
