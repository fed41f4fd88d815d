"""Pieces of SQL that many questions share, each said once. Knows no table and no connection."""

from collections.abc import Iterable

from inventory_assets.domain.events import kinds


def listed(values: Iterable[str]) -> str:
    """Words of our own as a list for IN; what others sent goes in as a parameter."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def latest(*key: str, order: str = "version DESC", count: int = 1) -> str:
    """The clause that keeps of each key its latest row, or so many."""
    kept = "= 1" if count == 1 else f"<= {count}"
    return f"QUALIFY row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {order}) {kept}"


STOCK_KINDS = listed(kinds.STOCK_KINDS)
EVENT_KINDS = listed(kinds.EVENT_KINDS)
FINAL_STATUSES = listed(kinds.FINAL_STATUSES)

# The version of a transaction that counts is the greatest of these, RULES 13.
_RANK = (
    "CASE status WHEN 'PENDING' THEN 0 WHEN 'SHIPPED' THEN 1 ELSE 2 END",
    "source_epoch", "instant", "increment", "status = 'CANCELLED'", "event_id",
)  # fmt: skip
VERSION_RANK = f"({', '.join(_RANK)})"
"""What ranks a transaction's versions, for `arg_max`, which forgets all others as it goes."""
COUNTING_VERSION = latest("transaction_id", order=", ".join(f"{each} DESC" for each in _RANK))
"""Keeps of each transaction in core.events the version that counts."""

WORST_FIRST = "CASE priority WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, opened_at DESC"
"""The order of alerts and incidents in every list: the worst, and of these the newest. An id goes after it."""
