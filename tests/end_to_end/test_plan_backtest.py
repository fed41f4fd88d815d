"""The plan tried on the simulator's trade and on a real year: the tables of docs/coverage-and-backtest.md."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from examples.online_retail.plan_backtest import try_on
from inventory_assets.backtest.plans import figures, try_plan
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.domain.thresholds.resolve import ThresholdDefaults
from inventory_assets.refresh.products import import_products
from inventory_assets.simulator import Simulation, SimulationSettings
from tests.builders import cut, received
from tests.end_to_end.test_online_retail import DEFAULT_PARQUET

pytestmark = pytest.mark.big

TRADE = SimulationSettings(
    skus=100, warehouses=3, seed=7, events_per_second=0.004, lead_day_seconds=86_400, cover_hours=168, rule_change_rate=0.0
)  # fmt: skip
KNOWN = ("sku", "supplier_id", "lead_time_days", "order_up_to", "pack_multiple")


def test_urgent_lines_lose_less_than_order_up_to_on_as_much_stock(open_engine):
    """60 of 120 days of a retailer whose days are days."""
    simulation = Simulation(TRADE)
    sent = list(simulation.opening())
    for each in simulation.stream():
        if each.event_time >= TRADE.start_at + timedelta(days=120):
            break
        sent.append(each)
    engine = open_engine()
    import_products(
        engine,
        [
            Product(**{name: getattr(product, name) for name in KNOWN}, unit_price=float(product.unit_price))
            for product in simulation.catalog
        ],
    )
    for burst in cut(received(sent), 4_000):
        engine.commit_burst(burst)
    engine.land()

    found = {row["policy"]: row for row in figures(try_plan(engine.lake, PlanSettings(), ThresholdDefaults(), days=60))}

    assert 22_098 == found["plan"]["asked"]
    assert 0 == found["plan"]["lost"]
    assert found["plan_urgent"]["lost"] < 0.1 * found["order_up_to"]["lost"]
    assert found["plan_urgent"]["held_units"] < 1.01 * found["order_up_to"]["held_units"]
    assert found["plan_urgent"]["orders"] <= found["order_up_to"]["orders"]


def test_a_real_year_is_too_lumpy_for_either():
    """The plan holds less and sells less; neither keeps what it aims at before Christmas."""
    parquet = Path(os.environ.get("ONLINE_RETAIL_PARQUET") or DEFAULT_PARQUET)
    if not parquet.is_file():
        pytest.skip(f"{parquet} is absent; set ONLINE_RETAIL_PARQUET to run")

    found = {row["policy"]: row for row in try_on(parquet, 60)}

    assert 1_359_671 == found["plan"]["asked"]
    assert found["plan"]["held_units"] < 0.85 * found["order_up_to"]["held_units"]
    assert 0.8 < found["plan_urgent"]["service_level"]
    assert found["plan"]["service_level"] - found["plan_urgent"]["service_level"] < 0.015
    assert found["plan_urgent"]["orders"] < 0.7 * found["plan"]["orders"]
    assert 0.8 < found["plan"]["service_level"] < found["order_up_to"]["service_level"] < 0.9
