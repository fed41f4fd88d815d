"""Reconcile the alerts of the lake with its stock: the six-hourly sweep's rule."""

from typing import Any

from inventory_assets.clock import clock_of
from inventory_assets.domain.alerts.evaluate import Point, needs_step
from inventory_assets.domain.alerts.reconcile import find_disagreement
from inventory_assets.domain.ingest.state import InventoryState, pause_over
from inventory_assets.domain.thresholds.resolve import resolve_thresholds
from inventory_assets.ingest.meaning import meaning_of
from inventory_assets.ingest.sweep import is_in_grace, moments_of
from inventory_assets.ingest.warm import load_judgement
from inventory_assets.quality.rule import Found, Pass, to_rows


def judge_alerts(look: Pass) -> Found:
    """Find keys whose alerts are not those that their stock calls for, and alerts of no key."""
    state = load_judgement(look.reader, look.version, meaning=meaning_of(look.settings))
    moments = moments_of(state, look.now, clock_of(look.settings).shown_at)
    found: list[dict[str, Any]] = []
    for key in sorted(state.keys.keys() | state.alerts.keys()):
        row = _compare(state, key, moments.get(key[0], look.now))
        if row is not None:
            found.append({"warehouse_id": key[0], "sku": key[1], **row})
    return to_rows(found, len(state.keys))


def _compare(state: InventoryState, key: tuple[str, str], now: int) -> dict[str, Any] | None:
    alerts = state.alerts.get(key) or {}
    key_state = state.keys.get(key)
    if key_state is None:
        firing = next((alert for alert in alerts.values() if alert.is_firing), None)
        if firing is None:
            return None
        return {"finding": "over", "should_be": None, "is_now": str(firing.condition), "alert_id": firing.alert_id,
                "available": None, "why": "the key has no stock"}  # fmt: skip
    if is_in_grace(state, key, now):
        return None
    limits = resolve_thresholds(
        key_state, state.skus[key[1]].parents, state.rules, state.meaning.defaults, state.dynamics.get(key)
    )
    # A key without limits is `every_key_has_limits`: one fault, one finding.
    in_force = state.thresholds.get(key, limits)
    if in_force == limits and not needs_step(alerts, limits, key_state.available):
        return None
    velocity = state.velocities.get(key) or None
    point = Point(key_state, limits, velocity, state.version, ())
    is_paused = pause_over(state.pauses, key, state.category(key)) is not None
    differs = find_disagreement(alerts, point, in_force, now=now, is_paused=is_paused)
    return None if differs is None else {**differs._asdict(), "available": key_state.available}
