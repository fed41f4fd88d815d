"""Pieces of SQL that many questions share, each said once. Knows no table and no connection."""

from collections.abc import Iterable

from inventory_assets.domain.events import kinds
from inventory_assets.ranges import PRODUCT_RANGES


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

ASKING_LINE = "line_id IS NOT NULL AND (is_urgent OR order_quantity > 0 OR transfers <> '')"
"""Of a plan's lines, those that ask for something."""

TRANSACTION = ("warehouse_id", "transaction_id", "line_id")
"""What names a transaction: warehouses may number alike (RULES 10)."""

STATUS_RANK = "CASE status WHEN 'PENDING' THEN 0 WHEN 'SHIPPED' THEN 1 ELSE 2 END"
_WITHIN = "instant DESC, increment DESC, status = 'CANCELLED' DESC, event_id DESC"


def counting_versions(columns: str, condition: str, events: str = "core.events") -> str:
    """SQL for the version that counts of each transaction in core.events (RULES 13).

    Each source's greatest first: an epoch says nothing of another source's clock.
    """
    inner = latest(*TRANSACTION, STATUS_RANK, "source", order=f"source_epoch DESC, {_WITHIN}")
    return (
        f"SELECT {columns} FROM (SELECT * FROM {events} WHERE kind = 'transaction' AND {condition} {inner}) "
        + latest(*TRANSACTION, order=f"{STATUS_RANK} DESC, {_WITHIN}")
    )


def greatest(source: str, *key: str, where: str = "true") -> str:
    """The row at the greatest position: each source's greatest, and of these the greatest by instant (RULES 12)."""
    order = "instant DESC, increment DESC, event_id DESC"
    of_sources = latest(*key, "source", order=f"source_epoch DESC, {order}")
    return f"SELECT * FROM (SELECT * FROM {source} WHERE {where} {of_sources}) {latest(*key, order=order)}"


_USABLE = ", ".join(
    f"CASE WHEN {name} BETWEEN {least} AND {most} THEN {name} END AS {name}"
    for name, (least, most) in PRODUCT_RANGES.items()
)


def usable_products(source: str) -> str:
    """SQL for product data without the numbers that cannot be meant (`domain.alerts.alert.usable`)."""
    return f"(SELECT * REPLACE ({_USABLE}) FROM {source})"


USABLE_PRODUCTS = usable_products("core.products")
"""The same of all products as of now."""
ABSURD_PRODUCTS = "SELECT sku FROM core.products WHERE {} ORDER BY sku".format(
    " OR ".join(f"{name} NOT BETWEEN {least} AND {most}" for name, (least, most) in PRODUCT_RANGES.items())
)

WORST_FIRST = "CASE priority WHEN 'CRITICAL' THEN 0 WHEN 'HIGH' THEN 1 ELSE 2 END, opened_at DESC"
"""The order of alerts and incidents in every list: the worst, and of these the newest. An id goes after it."""
