"""What was accepted and what became of it, in words. Pure; a row is one of `replenish.ordered`."""

from collections.abc import Mapping
from typing import Any

STATES = {
    "overdue": "overdue", "on_order": "on order", "lapsed": "lapsed", "cancelled": "not coming", "arrived": "arrived",
}  # fmt: skip


def became_text(row: Mapping[str, Any]) -> str:
    """What became of the units: `30 of 84 arrived, 54 due on 2022-05-25`; empty where all did."""
    whole = row["accepted_quantity"]
    parts = []
    if row["arrived"]:
        of = f" of {whole:,}" if row["arrived"] != whole else ""
        parts.append(f"{row['arrived']:,}{of} arrived, the last on {row['arrived_on']}")
    if row["announced"]:
        parts.append(f"{row['announced']:,} announced by the supplier and not arrived")
    if row["unheard"]:
        parts.append(f"{row['unheard']:,} ordered, no restock seen yet")
    if row["overdue"]:
        parts.append(f"{row['overdue']:,} overdue since {row['expected_on']}")
    elif row["announced"] or row["unheard"]:
        parts.append("no lead time is known" if row["expected_on"] is None else f"expected on {row['expected_on']}")
    if row["cancelled"]:
        parts.append(f"{row['cancelled']:,} cancelled or short: not coming")
    if row["lapsed"]:
        parts.append(f"{row['lapsed']:,} lapsed: no restock came in time, so no plan counts on it")
    return "; ".join(parts)
