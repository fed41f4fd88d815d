"""A small retailer for the suites of the demo."""

from datetime import UTC, datetime
from typing import Any

from inventory_assets.demo.past import build_past
from inventory_assets.demo.retailer import Retailer
from inventory_assets.ingest.engine import Engine
from inventory_assets.simulator.pulse import Pulse

START_AT = datetime(2026, 4, 4, 8, tzinfo=UTC)


def small(**more: Any) -> Retailer:
    """Twenty-four keys and some three weeks of history."""
    base: dict[str, Any] = {
        "seed": 1, "skus": 12, "warehouses": 2, "messages_per_day": 60.0, "start_at": START_AT, "history_days": 22,
    }  # fmt: skip
    return Retailer(**base | more)


RETAILER = small()


def build_small(engine: Engine) -> None:
    """Fill a lake with the small retailer's past."""
    for _ in build_past(engine, RETAILER, Pulse(RETAILER.simulation())):
        pass
