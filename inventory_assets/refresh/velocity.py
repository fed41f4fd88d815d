"""Refresh `core.velocity`: mean daily units sold, and re-judge the keys it concerns (RULES 23)."""

from datetime import date, timedelta

from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.clauses import counting_versions
from inventory_assets.lake.stages import Stage

WINDOW_DAYS = 28

_LATEST_ORDERS = counting_versions("warehouse_id, sku, status, quantity, event_date", "type = 'ORDER'")


def refresh_velocity(engine: Engine, as_of_date: date, *, run_id: str = "") -> list[Commit]:
    """Compute velocities as of a day and commit those that changed.

    Args:
        engine: Where to commit.
        as_of_date: The window is the 28 complete UTC days before it.
        run_id: For `meta.versions`.

    Returns:
        One commit, or none where no velocity changed.
    """
    rows = engine.lake.query(
        f"SELECT warehouse_id, sku, -sum(quantity) / {WINDOW_DAYS} AS daily_units FROM ({_LATEST_ORDERS}) "
        "WHERE status = 'COMPLETED' AND event_date >= ? AND event_date < ? GROUP BY ALL",
        [as_of_date - timedelta(days=WINDOW_DAYS), as_of_date],
    )
    now = {(warehouse_id, sku): units for warehouse_id, sku, units in rows.iter_rows()}
    before = {key: units for key, units in engine.state.velocities.items() if units}
    changed = sorted(
        (warehouse_id, sku, now.get((warehouse_id, sku)))
        for warehouse_id, sku in now.keys() | before.keys()
        if now.get((warehouse_id, sku)) != before.get((warehouse_id, sku))
    )
    if not changed:
        return []
    inputs = BurstInputs(velocity_date=as_of_date.isoformat(), velocities=tuple(changed))
    return engine.commit_burst([], inputs=inputs, stage=Stage.VELOCITY, run_id=run_id)
