"""Thresholds of 200,000 keys: resolved all at once, for one burst's keys, and after a rule changed."""

import random
import time
from collections.abc import Callable

import polars as pl

from benchmarks.measure import BURST, START_AT, percentiles
from inventory_assets.domain.alerts.evaluate import Point, find_breaches, needs_step
from inventory_assets.domain.events.kinds import NO_POSITION, ThresholdRule
from inventory_assets.domain.ingest.process import process_burst
from inventory_assets.domain.ingest.state import InventoryState, SkuParents
from inventory_assets.domain.stock.fold import KeyState, Mark
from inventory_assets.domain.thresholds.resolve import StoredRule, resolve_thresholds
from inventory_assets.recompute.limits import first_breaches, resolve_all
from tests.recompute.frames import keys_frame, rules_frame

ROUNDS = 20
STATED = Mark(NO_POSITION, "level", "", False, 0, None, False, 50, 100)
"""The level that every key rests on, for the thresholds in it."""


def run(*, skus: int = 10_000, warehouses: int = 20) -> None:
    """Print what resolution costs.

    Args:
        skus, warehouses: The keys.
    """
    state = _make_state(skus, warehouses)
    print(f"\nthresholds: {len(state.keys):,} keys, {len(state.rules):,} rules")
    keys, stock, rules = _frames(state)
    times = _time(lambda: first_breaches(pl.concat([resolve_all(keys, rules), stock], how="horizontal")))
    print(f"  resolve and test all keys, ms (goal 150): {percentiles(times, 50, 95)}")
    chosen = random.Random(2).sample(list(state.keys), BURST)
    times = _time(lambda: _test_each(state, chosen))
    print(f"  test the keys of a {BURST:,}-event burst, limits kept, ms (goal 5): {percentiles(times, 50, 95)}")
    times = _time(lambda: _resolve_each(state, chosen))
    print(f"  resolve and test them anew, as after levels that move SKUs, ms: {percentiles(times, 50, 95)}")
    for level_type, level_id in (("GLOBAL", ""), ("CATEGORY", "C1"), ("SKU", "SKU-00001")):
        changed = 0
        times = []
        for number in range(5):
            rule = _rule(level_type, level_id, None, 1_000 + number, at=START_AT + number)
            began = time.perf_counter()
            result = process_burst(state, [rule], version=1)
            times.append((time.perf_counter() - began) * 1000)
            changed = len(result.draft.thresholds.changed)
        print(f"  a {level_type} rule changes {changed:,} keys, alerts and all, ms: {percentiles(times, 50, 95)}")


def _time(work: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _rule(level_type: str, level_id: str, warehouse_id: str | None, low: int, *, at: int = 0) -> ThresholdRule:
    name = f"rule:{level_type}:{level_id}:{warehouse_id}:{at}"
    position = (0, at, 0) if at else NO_POSITION
    return ThresholdRule(
        name, level_type, level_id, warehouse_id, low, 2 * low, None, None, 60, True, False, at or START_AT, position
    )


def _make_state(skus: int, warehouses: int) -> InventoryState:
    """A warm state with rules at every level; two keys in three have one of their own ladder's lower half."""
    state = InventoryState()
    names = tuple(f"WH-{number}" for number in range(warehouses))
    rules = [_rule("GLOBAL", "", None, 50), _rule("GLOBAL", "", "WH-3", 60)]
    rules += [_rule("DEPARTMENT", f"D{number}", None, 40) for number in range(5)]
    rules += [_rule("CATEGORY", f"C{n}", names[n % warehouses] if n % 2 else None, 30) for n in range(100)]
    rules += [_rule("BRAND", f"B{n}", "WH-1" if n % 2 else None, 30) for n in range(40)]
    rules += [_rule("PRODUCT", f"P{n}", None, 25) for n in range(200)]
    rules += [_rule("SKU", f"SKU-{3 * n:05d}", names[n % warehouses] if n % 2 else None, 20) for n in range(skus // 5)]
    state.rules = {rule.scope: StoredRule(rule, 1) for rule in rules}
    rng = random.Random(1)
    for number in range(skus):
        sku = f"SKU-{number:05d}"
        parents = (f"D{number % 10}", f"C{number % 200}", f"B{number % 50}", f"P{number // 10}")
        state.skus[sku] = SkuParents(parents, (NO_POSITION, ""), names)
        for warehouse_id in names:
            key = KeyState(warehouse_id, sku, on_hand=rng.randrange(400), levels=(STATED,))
            state.keys[key.key] = key
            state.thresholds[key.key] = resolve_thresholds(key, parents, state.rules, state.meaning.defaults)
    return state


def _frames(state: InventoryState) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    keys = keys_frame([(key, state.skus[key.sku].parents, None) for key in state.keys.values()], state.meaning.defaults)
    stock = pl.DataFrame({"available": [key.available for key in state.keys.values()]}).with_columns(
        pl.lit(True).alias("is_active"), pl.lit(False).alias("is_restocking"), pl.lit(1.5).alias("velocity")
    )
    return keys, stock, rules_frame(stored.rule for stored in state.rules.values())


def _test_each(state: InventoryState, keys: list[tuple[str, str]]) -> int:
    """What an order costs: its key's limits are known, and most keys need no more than a look."""
    breached = 0
    for key in keys:
        key_state, limits = state.keys[key], state.thresholds[key]
        if needs_step(None, limits, key_state.available):
            breached += bool(find_breaches(Point(key_state, limits, 1.5, 1, ())))
    return breached


def _resolve_each(state: InventoryState, keys: list[tuple[str, str]]) -> int:
    breached = 0
    for key in keys:
        key_state = state.keys[key]
        limits = resolve_thresholds(key_state, state.skus[key[1]].parents, state.rules, state.meaning.defaults)
        breached += bool(find_breaches(Point(key_state, limits, 1.5, 1, ())))
    return breached
