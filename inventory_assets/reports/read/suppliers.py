"""An order list summed up by supplier; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from inventory_assets.reports.read.lines import OrderLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """What goes to one supplier; null is no supplier known. `value` sums the lines whose price is known."""

    supplier_id: str | None
    lines: int
    units: int
    value: float | None
    lines_priced: int
    for_empty_shelves: int
    lead_time_days_least: int | None
    lead_time_days_most: int | None


def sum_by_supplier(found: Sequence[OrderLine]) -> list[Supplier]:
    """One row a supplier, the most urgent first: empty shelves, then units. `found` is in order of suppliers."""
    groups = [_sum(key, list(lines)) for key, lines in groupby(found, key=lambda line: line.supplier_id)]
    return sorted(groups, key=lambda each: (-each.for_empty_shelves, -each.units, each.supplier_id or ""))


def _sum(supplier_id: str | None, lines: Sequence[OrderLine]) -> Supplier:
    leads = [line.lead_time_days for line in lines if line.lead_time_days is not None]
    priced = [line for line in lines if line.value is not None]
    return Supplier(
        supplier_id=supplier_id, lines=len(lines), units=sum(line.quantity for line in lines),
        value=sum_value(lines), lines_priced=len(priced),
        for_empty_shelves=sum(line.available <= 0 for line in lines),
        lead_time_days_least=min(leads, default=None), lead_time_days_most=max(leads, default=None),
    )  # fmt: skip


def sum_value(lines: Iterable[OrderLine]) -> float | None:
    """The value of the lines whose price is known; null where none is."""
    values = [line.value for line in lines if line.value is not None]
    return round(sum(values), 2) if values else None
