"""What a number or a day that enters may be: each bound once, for messages, files, settings and commands.

A number beyond these is a slip of the pen, and one such would be in everybody's sums (RULES 5, 19, 22).
A leaf: whoever reads numbers uses it.
"""

from datetime import date

MAX_QUANTITY = 10**12
MAX_DAYS = 3_650
MAX_PRICE = 10**9
MAX_PACK = 10**6
# BSON's timestamp has 32 bits for each of its two parts.
MAX_CLUSTER_TIME = 2**32 - 1
MAX_PORT = 65_535

PRODUCT_RANGES = {
    "lead_time_days": (0, MAX_DAYS), "order_up_to": (0, MAX_QUANTITY), "pack_multiple": (1, MAX_PACK),
    "unit_price": (0, MAX_PRICE), "min_order_qty": (0, MAX_QUANTITY),
}  # fmt: skip
"""The numbers of product data: (least, most), both allowed."""

# Windows of weeks end in year 0 before the one, past the last year after the other.
FIRST_DAY = date(1970, 1, 1)
LAST_DAY = date(9998, 12, 31)

SIMULATION_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, MAX_QUANTITY), "skus": (1, 1_000_000), "warehouses": (1, 10_000),
    "events_per_second": (0.0001, 1_000_000), "zipf_exponent": (0, 10), "disorder_window": (1, 1_000_000),
    "source_epoch": (0, MAX_QUANTITY), "lead_day_seconds": (0.001, 86_400), "cover_hours": (0.001, 24 * MAX_DAYS),
    "work_minute_seconds": (0.001, 86_400),
}  # fmt: skip
"""The numbers of a simulated retailer, likewise."""
