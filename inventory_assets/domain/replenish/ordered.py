"""What became of accepted lines: what arrived, what is on its way, what nobody has told of; pure (RULES 15, 36, 42).

Not here: which restock answers which acceptance (`decisions.allot`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from inventory_assets.domain.events.kinds import Status
from inventory_assets.domain.replenish.decisions import Allotted


class OrderState(StrEnum):
    """How it stands with an accepted line: the first that holds of what is still to come, then of what is not."""

    OVERDUE = "overdue"
    ON_ORDER = "on_order"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    ARRIVED = "arrived"


class Delivery(NamedTuple):
    """A RESTOCK as its version that counts has it: its status, its units, the day of its event."""

    status: str
    quantity: int
    day: date


class Became(NamedTuple):
    """Of an acceptance's units: `arrived` + `announced` + `cancelled` were seen as restocks, `unheard` + `lapsed` not.

    `announced` are inbound, `unheard` are counted on by the plan all the same. `cancelled` are also units that a
    delivery had fewer of than it was announced with. `arrived_on`: the last day on which some did. `expected_on`: the
    first day on which something is, or was, due of what has not come; null where all has, or no lead time is known.
    `overdue`: units still to come that were due before the day.
    """

    state: OrderState
    arrived: int
    arrived_on: date | None
    announced: int
    unheard: int
    lapsed: int
    cancelled: int
    overdue: int
    expected_on: date | None


def what_became(
    allotted: Sequence[Allotted], deliveries: Mapping[int, Delivery], day: date, *, lead_time_days: int | None
) -> list[Became]:
    """What became of each of one shelf's acceptances, in their order.

    Args:
        allotted: Of one shelf, as of `day`.
        deliveries: By the restock's `order_id`; of those that are not here nothing is known to have come.
        day: Today. Goods of today come today: only what was due before is overdue.
        lead_time_days: A restock comes a lead time after its event, what nobody told of after its line.
    """
    # Of a delivery that brought fewer units than were announced the oldest acceptance has what came.
    came = {name: each.quantity for name, each in deliveries.items()}
    found = []
    for each in allotted:
        parts = _parts(each, deliveries, came)
        lapsed = each.left if each.has_lapsed else 0
        unheard = each.left - lapsed
        due, overdue = parts.due or ([(each.decision.line_date, 0)] if lapsed else []), 0
        expected_on = None
        if lead_time_days is not None:
            dated = [(start + timedelta(days=lead_time_days), units) for start, units in due]
            overdue = sum(units for on, units in dated if on < day)
            expected_on = min((on for on, _ in dated), default=None)
        found.append(Became(
            _state(parts.announced + unheard, overdue=overdue, lapsed=lapsed, cancelled=parts.cancelled), parts.arrived,
            parts.arrived_on, parts.announced, unheard, lapsed, parts.cancelled, overdue, expected_on,
        ))  # fmt: skip
    return found


class _Parts(NamedTuple):
    """`due`: from when a lead time is counted, and units still to come."""

    arrived: int
    arrived_on: date | None
    announced: int
    cancelled: int
    due: list[tuple[date, int]]


def _parts(allotted: Allotted, deliveries: Mapping[int, Delivery], came: dict[int, int]) -> _Parts:
    """Share out an acceptance's units by what became of the restocks; takes from `came` what it has."""
    arrived = announced = cancelled = 0
    arrived_on: date | None = None
    due: list[tuple[date, int]] = []
    for restock, units in allotted.taken:
        delivery = deliveries.get(restock.order_id)
        if delivery is None or delivery.status == Status.CANCELLED:
            cancelled += units
            continue
        real = min(units, came[restock.order_id])
        came[restock.order_id] -= real
        cancelled += units - real
        if delivery.status != Status.COMPLETED:
            announced += real
            due.append((delivery.day, real))
        elif real:
            arrived += real
            arrived_on = max(arrived_on or delivery.day, delivery.day)
    if allotted.left and not allotted.has_lapsed:
        due.append((allotted.decision.line_date, allotted.left))
    return _Parts(arrived, arrived_on, announced, cancelled, due)


def _state(to_come: int, *, overdue: int, lapsed: int, cancelled: int) -> OrderState:
    if overdue:
        return OrderState.OVERDUE
    if to_come:
        return OrderState.ON_ORDER
    if lapsed:
        return OrderState.LAPSED
    return OrderState.CANCELLED if cancelled else OrderState.ARRIVED
