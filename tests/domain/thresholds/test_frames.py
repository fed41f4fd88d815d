"""All keys at once gives what each key by itself gives (RULES 21-24)."""

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.alerts.evaluate import Point, find_breaches, is_restocking
from inventory_assets.domain.events.kinds import NO_POSITION, UNKNOWN_PARENTS, DynamicSettings, ThresholdRule
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS
from inventory_assets.domain.stock.fold import KeyState, Mark
from inventory_assets.domain.thresholds import frames as threshold_frames
from inventory_assets.domain.thresholds.resolve import (
    DynamicLimits,
    StoredRule,
    ThresholdDefaults,
    resolve_thresholds,
)
from inventory_assets.recompute.limits import first_breaches, resolve_all
from tests.hunting import tried
from tests.recompute.frames import keys_frame, rules_frame

NAMES = st.sampled_from(["A", "B", "C", "UNKNOWN", ""])
LIMIT = st.none() | st.sampled_from([0, 1, 10, 27])
DAYS = st.none() | st.sampled_from([0.0, 1.0, 42.0, 0.5])
DEFAULTS = ThresholdDefaults(3, 7)

RULES = st.builds(
    ThresholdRule,
    event_id=st.uuids().map(str), level_type=st.sampled_from(HIERARCHY_LEVELS), level_id=NAMES,
    warehouse_id=st.none() | st.sampled_from(["W1", "W2", "W3"]), min_threshold_qty=LIMIT,
    reorder_threshold_qty=LIMIT, min_threshold_days=DAYS, reorder_threshold_days=DAYS,
    cooldown_minutes=st.sampled_from([0, 60]), is_enabled=st.booleans(), is_deleted=st.booleans(),
    event_at=st.just(0), position=st.just(NO_POSITION),
    dynamic=st.none() | st.builds(
        DynamicSettings, st.just(0.95), st.none() | st.sampled_from([0, 5]), st.none() | st.sampled_from([5, 20])
    ),
)  # fmt: skip
STATES = st.builds(
    KeyState, warehouse_id=st.sampled_from(["W1", "W2"]), sku=NAMES, on_hand=st.sampled_from([-1, 0, 1, 9, 10, 26, 27]),
    reserved=st.sampled_from([0, 1]), inbound=st.sampled_from([0, 0, 1]), is_active=st.booleans(),
    levels=st.tuples(st.builds(
        Mark, position=st.just(NO_POSITION), event_id=st.just(""), source=st.just(""), has_cluster_time=st.just(False),
        on_hand=st.just(0), reserved=st.just(0), is_restock_in_progress=st.booleans(), min_threshold=LIMIT,
        reorder_threshold=LIMIT, parents=st.just(UNKNOWN_PARENTS),
    )),
)  # fmt: skip
COMPUTED = st.none() | st.builds(
    DynamicLimits, st.sampled_from([0, 3, 12]), st.sampled_from([12, 40]), st.just("mean"), st.just(0.1), st.just(1e-7),
    st.just(2.0), st.just(6), st.just(0.95), st.just(1.6448536269514715),
)  # fmt: skip
KEYS = st.lists(
    st.tuples(
        STATES, st.tuples(NAMES, NAMES, NAMES, NAMES), st.none() | st.sampled_from([18 / 28, 0.0, 2.0]), COMPUTED
    ),
    max_size=6,
)


def by_scope(found):
    named = [
        r
        if r.level_type != "GLOBAL"
        else ThresholdRule(**{n: getattr(r, n) for n in r.__struct_fields__} | {"level_id": ""})
        for r in found
    ]
    return {rule.scope: StoredRule(rule, 1) for rule in named}


@pytest.mark.parametrize("max_table", [0, 4_000_000])
@tried(60)
@given(st.lists(RULES, max_size=12).map(by_scope), KEYS)
def test_all_at_once_is_each_by_itself(max_table, rules, keys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threshold_frames, "_MAX_TABLE", max_table)
        resolved = resolve_all(
            keys_frame([(state, parents, computed) for state, parents, _, computed in keys], DEFAULTS),
            rules_frame(each.rule for each in rules.values()),
        )
    expected = [resolve_thresholds(state, parents, rules, DEFAULTS, dynamic) for state, parents, _, dynamic in keys]

    assert resolved.rows() == [
        (
            s.warehouse_id, s.sku, t.min_qty, t.reorder_qty, t.min_days, t.reorder_days, t.cooldown_minutes,
            t.is_enabled, t.level_type, t.level_id, t.warehouse_id, t.event_id,
            None if t.dynamic is None else msgspec.json.encode(t.dynamic).decode(),
        )
        for (s, *_), t in zip(keys, expected, strict=True)
    ]  # fmt: skip
    stock = pl.DataFrame(
        [(s.available, s.is_active, is_restocking(s), velocity) for s, _, velocity, _ in keys],
        schema={"available": pl.Int64, "is_active": pl.Boolean, "is_restocking": pl.Boolean, "velocity": pl.Float64},
        orient="row",
    )
    breaches = [
        find_breaches(Point(state, limits, velocity, 1, ()))
        for (state, _, velocity, _), limits in zip(keys, expected, strict=True)
    ]
    assert first_breaches(pl.concat([resolved, stock], how="horizontal")).to_list() == [
        str(found[0].condition) if found else None for found in breaches
    ]


def test_without_rules_and_without_keys():
    nothing = rules_frame([])

    assert resolve_all(keys_frame([], DEFAULTS), nothing).height == 0
    keys = [
        (
            KeyState("W1", "S1", levels=(Mark(NO_POSITION, "", "", False, 0, 0, False, 5, None),)),
            ("D", "C", "B", "P"),
            None,
        ),
        (KeyState("W1", "S2"), ("D",) * 4, None),
    ]
    assert resolve_all(keys_frame(keys, DEFAULTS), nothing)["rule_level_type"].to_list() == ["EMBEDDED", "SYSTEM"]
