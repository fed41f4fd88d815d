"""All keys at once gives what each key by itself gives (RULES 21, 23-24)."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.alerts.evaluate import Point, find_breaches, is_restocking
from inventory_assets.domain.events.kinds import NO_POSITION, UNKNOWN_PARENTS, ThresholdRule
from inventory_assets.domain.events.parse_threshold import HIERARCHY_LEVELS
from inventory_assets.domain.stock.fold import KeyState, Mark
from inventory_assets.domain.thresholds import frames as threshold_frames
from inventory_assets.domain.thresholds.frames import KEY_SCHEMA, rules_frame
from inventory_assets.domain.thresholds.resolve import StoredRule, ThresholdDefaults, resolve_thresholds
from tests.domain.thresholds.witness import first_breaches, resolve_all

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
KEYS = st.lists(
    st.tuples(STATES, st.tuples(NAMES, NAMES, NAMES, NAMES), st.none() | st.sampled_from([18 / 28, 0.0, 2.0])),
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


def frame(keys):
    rows = [(s.warehouse_id, s.sku, p[3], p[2], p[1], p[0], s.min_threshold, s.reorder_threshold) for s, p, _ in keys]
    return pl.DataFrame(rows, schema=KEY_SCHEMA, orient="row")


@pytest.mark.parametrize("max_table", [0, 4_000_000])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(RULES, max_size=12).map(by_scope), KEYS)
def test_all_at_once_is_each_by_itself(max_table, rules, keys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threshold_frames, "_MAX_TABLE", max_table)
        resolved = resolve_all(frame(keys), rules_frame(each.rule for each in rules.values()), DEFAULTS)
    expected = [resolve_thresholds(state, parents, rules, DEFAULTS) for state, parents, _ in keys]

    assert resolved.drop("rule").rows() == [
        (
            s.warehouse_id, s.sku, t.level_type, t.level_id, t.warehouse_id, t.min_qty, t.reorder_qty,
            t.min_days, t.reorder_days, t.cooldown_minutes, t.is_enabled,
        )
        for (s, _, _), t in zip(keys, expected, strict=True)
    ]  # fmt: skip
    stock = pl.DataFrame(
        [(s.available, s.is_active, is_restocking(s), velocity) for s, _, velocity in keys],
        schema={"available": pl.Int64, "is_active": pl.Boolean, "is_restocking": pl.Boolean, "velocity": pl.Float64},
        orient="row",
    )
    breaches = [
        find_breaches(Point(state, limits, velocity, 1, ()))
        for (state, _, velocity), limits in zip(keys, expected, strict=True)
    ]
    assert first_breaches(resolved, stock).to_list() == [
        str(found[0].condition) if found else None for found in breaches
    ]


def test_without_rules_and_without_keys():
    nothing = rules_frame([])

    assert resolve_all(pl.DataFrame(schema=KEY_SCHEMA), nothing, DEFAULTS).height == 0
    key = [
        (
            KeyState("W1", "S1", levels=(Mark(NO_POSITION, "", "", False, 0, 0, False, 5, None),)),
            ("D", "C", "B", "P"),
            None,
        ),
        (KeyState("W1", "S2"), ("D",) * 4, None),
    ]
    assert resolve_all(frame(key), nothing, DEFAULTS)["level_type"].to_list() == ["EMBEDDED", "SYSTEM"]
