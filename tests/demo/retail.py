"""A small retailer for the suites of the demo, and a demo that has just opened."""

from datetime import UTC, datetime, timedelta
from typing import Any

from inventory_assets.clock import set_clock
from inventory_assets.demo.past import build_past
from inventory_assets.demo.retailer import Retailer
from inventory_assets.derived import derive
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
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
    _build(engine, RETAILER)


def _build(engine: Engine, retailer: Retailer) -> None:
    for _ in build_past(engine, retailer, Pulse(retailer.simulation())):
        pass


def open_demo(settings: Settings, retailer: Retailer, *, speed: int) -> None:
    """A home as a demo leaves it when its past is built: the past, its clock, and all that follows but the marts."""
    engine = Engine(settings)
    _build(engine, retailer)
    engine.close()
    set_clock(settings, shown=retailer.opens_at, speed=speed)
    for _ in derive(settings, first=retailer.start_at.date(), last=retailer.opens_at.date() - timedelta(days=1)):
        pass
