"""Refresh `core.dynamic_thresholds`, and re-judge the keys whose limits changed.

Only keys that a rule of mode dynamic holds for are computed. What changed goes
into one burst as an input, so that replay, verify and rebuild have it too.
"""

from datetime import date, timedelta

import numpy as np

from inventory_assets.domain.alerts.alert import usable
from inventory_assets.domain.events.kinds import DynamicSettings, Key
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.ingest.state import InventoryState
from inventory_assets.domain.stock.coverage import WINDOW_DAYS
from inventory_assets.domain.thresholds.forecast import forecast_demand, limits_from
from inventory_assets.domain.thresholds.resolve import DynamicLimits
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.stages import Stage
from inventory_assets.queries.history import read_demand, read_keys

# More SKUs than this and reading all of them is quicker than naming each.
MAX_NAMED_SKUS = 500


def dynamic_keys(state: InventoryState) -> dict[Key, DynamicSettings]:
    """The keys that a dynamic rule is in force for."""
    found = {}
    for key, limits in state.thresholds.items():
        stored = state.rules.get((limits.level_type, limits.level_id, limits.warehouse_id))
        if stored is not None and stored.rule.dynamic is not None and not stored.rule.is_deleted:
            found[key] = stored.rule.dynamic
    return found


def refresh_dynamic(engine: Engine, reader: Reader, as_of_date: date, *, run_id: str = "") -> list[Commit]:
    """Compute limits as of a day, commit those that changed and judge their keys again.

    Args:
        engine: Where to commit.
        reader: Where to read the history, so that the writer is not held up.
        as_of_date: Demand is of the complete UTC days before it.
        run_id: For `meta.versions`.

    Returns:
        One commit, or none where no limit changed.
    """
    wanted = dynamic_keys(engine.state)
    now = _compute(engine.state, reader, as_of_date, wanted) if wanted else {}
    before = {key: limits for key, limits in engine.state.dynamics.items() if limits is not None}
    changed = tuple(
        (*key, now.get(key)) for key in sorted(now.keys() | before.keys()) if now.get(key) != before.get(key)
    )
    if not changed:
        return []
    inputs = BurstInputs(dynamic_date=as_of_date.isoformat(), dynamics=changed)
    return engine.commit_burst([], inputs=inputs, stage=Stage.DYNAMIC, run_id=run_id)


def _compute(
    state: InventoryState, reader: Reader, as_of_date: date, wanted: dict[Key, DynamicSettings]
) -> dict[Key, DynamicLimits]:
    keys, _ = read_keys(reader)
    skus = {sku for _, sku in wanted}
    names = ", ".join("'" + sku.replace("'", "''") + "'" for sku in sorted(skus))
    chosen = f"AND e.sku IN ({names})" if len(skus) <= MAX_NAMED_SKUS else ""
    days = np.arange(WINDOW_DAYS)
    weekdays = ((as_of_date - timedelta(days=WINDOW_DAYS)).weekday() + days) % 7
    found = {}
    for demand in read_demand(reader, as_of_date, chosen=chosen):
        places = [place for place, number in enumerate(demand.keys.tolist()) if keys[number] in wanted]
        forecasts = forecast_demand(demand.units[places], demand.is_counted[places], weekdays)
        for row, number in enumerate(demand.keys[places].tolist()):
            key = keys[number]
            product = state.products.get(key[1])
            # Without a lead time there is nothing to protect against: the rule's own numbers hold.
            # Nor over ten years: one such number, of a document, took the memory of all.
            lead_time_days = None if product is None else usable(product).lead_time_days
            if lead_time_days is None:
                continue
            limits = limits_from(
                forecasts, row, next_weekday=as_of_date.weekday(), lead_time_days=lead_time_days,
                service_level=wanted[key].service_level,
            )  # fmt: skip
            if limits is not None:
                found[key] = limits
    return found
