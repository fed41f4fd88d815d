"""Limits chosen for all keys at once, from events, are those that the stream keeps (RULES 21-23)."""

import pytest
from polars.testing import assert_frame_equal

from inventory_assets.domain.ingest import rules
from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.thresholds import resolve
from inventory_assets.domain.thresholds.resolve import DynamicLimits, StoredRule
from inventory_assets.domain.values import DAY_US
from inventory_assets.recompute.alerts import contradictions
from inventory_assets.recompute.limits import LIMITS_SCHEMA, recompute_limits
from inventory_assets.recompute.stock import recompute_stock
from tests.builders import ROUGH, command, cut, envelope, level, messages, received, rule, simulated, transaction
from tests.recompute.shop import Shop

PLACE = {"department_id": "D", "category_id": "C", "brand_id": "B", "product_id": "P"}
OFF = {"alert_settings": {"enabled": False}}
COMPUTED = DynamicLimits(7, 30, "mean", 0.1, 1e-7, 2.5, 6, 0.95, 1.6448536269514715)


def shop_of(*documents, meaning=None):
    shop = Shop(meaning)
    shop.burst(messages(*documents))
    return shop


def computed(shop, limits, *keys, date="2022-04-21"):
    shop.burst([], inputs=BurstInputs(dynamic_date=date, dynamics=tuple((*key, limits) for key in keys)))


def rule_at(minute, **more):
    return rule(updated_at=f"2022-04-20T07:{minute:02d}:00Z", **more)


def shown(shop):
    """(min, reorder, level, id, warehouse) of the only key, by sets; and both engines agree."""
    limits = shop.limits()
    assert_frame_equal(shop.kept_limits(), limits)
    [row] = limits.select(
        "min_threshold_qty", "reorder_threshold_qty", "rule_level_type", "rule_level_id", "rule_warehouse_id"
    ).rows()
    return row


@pytest.mark.parametrize("seed", [3, 8])
def test_limits_of_a_rough_stream(seed):
    _, sent = simulated(500, seed=seed, **ROUGH)
    shop = Shop()
    for burst in cut(received(sent), 120):
        shop.burst(burst)
    keys = sorted(shop.state.keys)
    category = shop.state.skus[keys[0][1]].parents[1]
    computed(shop, COMPUTED, *keys[::2])
    shop.burst(
        messages(
            *(rule(None, None, level_type="SKU", level_id=sku, warehouse_id=name, mode="dynamic", service_level=0.9,
                   floor_qty=12, ceiling_qty=25) for name, sku in keys[:6]),
            rule(1, 2, level_type="CATEGORY", level_id=category, updated_at="2025-03-04T00:00:00Z", **OFF),
            rule(level_type="CATEGORY", level_id=category, warehouse_id=keys[0][0], deleted=True,
                 updated_at="2025-03-05T00:00:00Z"),
        )
    )  # fmt: skip

    limits = shop.limits()

    assert_frame_equal(shop.kept_limits(), limits)
    assert {True, False} == set(limits["is_enabled"])
    assert 3 == limits["dynamic"].count()
    assert {"SKU", "CATEGORY", "BRAND"} <= set(limits["rule_level_type"])


def test_both_engines_agree_in_a_lake(engine, undone):
    """core.resolved_thresholds is refreshed only where rules or places changed; it must be what all of them give."""
    _, sent = simulated(200, seed=11, skus=20, warehouses=2, opening_breach_rate=0.2)
    for burst in cut(received(sent), 150):
        engine.commit_burst(burst)
    lake = engine.lake
    kept = f"SELECT {', '.join(LIMITS_SCHEMA)} FROM core.resolved_thresholds ORDER BY warehouse_id, sku"

    def again():
        stock, _ = recompute_stock(lake.connection)
        limits = recompute_limits(lake, stock, engine.meaning.defaults)
        return limits, contradictions(lake, stock, limits, unstated_grace=DAY_US)

    expected = lake.query(kept)
    limits, wrong = again()
    assert_frame_equal(expected, limits)
    assert 0 == wrong.height
    firing = lake.query("SELECT warehouse_id, sku, alert_type FROM out.alerts WHERE state = 'firing' ORDER BY ALL")
    with undone(engine, "UPDATE lake.out.alerts_changes SET state = 'resolved'"):
        _, wrong = again()
    assert firing.height > 0
    assert firing.rows() == wrong.select("warehouse_id", "sku", "expected").rows()


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param([], (0, 0, "SYSTEM", "", None), id="the system's"),
        pytest.param([level(9, "07:01", min_threshold=3)], (3, None, "EMBEDDED", "S1", "W1"), id="the level's"),
        pytest.param(
            [level(9, "07:01", min_threshold=3), level(9, "07:02", reorder_threshold=4), level(9, "07:00:30")],
            (None, 4, "EMBEDDED", "S1", "W1"), id="the level's that counts",
        ),
        pytest.param(
            [rule_at(1), level(9, "07:01", min_threshold=3)], (10, 20, "GLOBAL", "", None), id="a rule before a level's"
        ),
        pytest.param([rule_at(1, level_id="any")], (10, 20, "GLOBAL", "", None), id="a global rule of any name"),
        pytest.param(
            [rule_at(1, level_type="SKU", level_id="S1"), rule_at(1, level_type="SKU", level_id="S1", warehouse_id="W1")],
            (10, 20, "SKU", "S1", "W1"), id="the warehouse's own",
        ),
        pytest.param(
            [rule_at(1, level_type="PRODUCT", level_id="P"), rule_at(1, level_type="BRAND", level_id="B", warehouse_id="W1")],
            (10, 20, "PRODUCT", "P", None), id="the level before the warehouse",
        ),
        pytest.param(
            [rule_at(1, low=1), rule_at(3, low=3), rule_at(2, low=2)], (3, 20, "GLOBAL", "", None), id="the latest"
        ),
        pytest.param(
            [rule_at(1), rule_at(2, level_type="SKU", level_id="S1"), rule_at(3, level_type="SKU", level_id="S1", deleted=True)],
            (10, 20, "GLOBAL", "", None), id="a deleted one is none",
        ),
        pytest.param(
            [rule_at(3, deleted=True), rule_at(1)], (0, 0, "SYSTEM", "", None), id="deleted before it was set"
        ),
        pytest.param(
            [envelope(rule_at(1, low=1), 60, connector_id="A", source_epoch=2),
             envelope(rule_at(2, low=2), 120, connector_id="B"),
             envelope(rule_at(3, low=3), 180, connector_id="A", source_epoch=1)],
            (2, 20, "GLOBAL", "", None), id="an epoch says nothing of another's clock",
        ),
        pytest.param([level(9, "07:01", sku="S1", **PLACE | {"brand_id": "B2"}), rule_at(1, level_type="BRAND", level_id="B")],
                     (0, 0, "SYSTEM", "", None), id="where the SKU stands now"),
    ],
)  # fmt: skip
def test_which_limits_hold(documents, expected):
    assert expected == shown(shop_of(level(100, **PLACE), *documents))


@pytest.mark.parametrize(
    ("bounds", "limits", "expected"),
    [
        ({}, COMPUTED, (7, 30)),
        ({"floor_qty": 10, "ceiling_qty": 25}, COMPUTED, (10, 25)),
        ({"floor_qty": 10}, None, (10, 10)),
        ({"floor_qty": 10, "reorder_threshold_qty": 40}, None, (10, 40)),
        ({}, None, (None, None)),
    ],
)
def test_a_dynamic_rule_takes_what_was_computed(bounds, limits, expected):
    shop = shop_of(level(100), rule(None, None, mode="dynamic", service_level=0.95, **bounds))
    computed(shop, COMPUTED, ("W1", "S1"))
    computed(shop, limits, ("W1", "S1"), date="2022-04-22")

    assert expected == shown(shop)[:2]


def test_the_default_of_its_time_holds_until_a_key_is_resolved_again():
    """Who sets another default does not move the limits of keys that nothing has touched since."""
    shop = shop_of(
        level(100), level(100, sku="S2"), level(100, sku="S3", min_threshold=1), meaning=Meaning(default_min=5)
    )
    shop.state.meaning = Meaning(default_min=8)
    shop.burst(messages(command("re-evaluate", sku="S2"), transaction("T", sku="S1")))

    limits = shop.limits()

    assert [5, 8, 1] == limits["min_threshold_qty"].to_list()
    assert_frame_equal(shop.kept_limits(), limits)


def test_only_the_keys_asked_for():
    shop = shop_of(level(1), level(1, warehouse_id="W2"), rule())

    limits = recompute_limits(shop, shop.stock(["W2"]), shop.state.meaning.defaults)

    assert [("W2", "S1", 10)] == limits.select("warehouse_id", "sku", "min_threshold_qty").rows()


FAULTS = {
    "a row that is gone": ("DELETE FROM core.resolved_thresholds_changes WHERE sku = 'S2'", "sku"),
    "a limit off by one": ("UPDATE core.resolved_thresholds_changes SET min_threshold_qty = 11 WHERE sku = 'S2'",
                           "min_threshold_qty"),
    "a mute that is lost": ("UPDATE core.resolved_thresholds_changes SET is_enabled = true WHERE sku = 'S2'",
                            "is_enabled"),
    "another rule": ("UPDATE core.resolved_thresholds_changes SET rule_level_type = 'GLOBAL' WHERE sku = 'S2'",
                     "rule_level_type"),
    "another cooldown": ("UPDATE core.resolved_thresholds_changes SET cooldown_minutes = 0 WHERE sku = 'S2'",
                         "cooldown_minutes"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "column"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_at_its_key(statement, column):
    shop = shop_of(level(1), level(1, sku="S2"), rule(), rule(level_type="SKU", level_id="S2", **OFF))
    shop.connection.execute(statement)

    kept, again = shop.kept_limits(), shop.limits()

    differing = again.join(kept, on=again.columns, how="anti", nulls_equal=True)
    assert ["S2"] == differing["sku"].to_list()
    assert column == "sku" or again.filter(sku="S2")[column].item() != kept.filter(sku="S2")[column].item()


def _last_arrived(stored, rule, version):
    return StoredRule(rule, version)


def _without_warehouses(warehouse_id, sku, parents):
    return LADDER(warehouse_id, sku, parents)[1::2]


def _from_the_bottom(warehouse_id, sku, parents):
    return LADDER(warehouse_id, sku, parents)[::-1]


def _no_level(key, low, reorder, defaults, level_event_id=None):
    return DEFAULT(key, None, None, defaults)


LADDER, DEFAULT = resolve.ladder, resolve.default_thresholds
CODE_FAULTS = {
    "the rule that arrived last": (rules, "with_rule", _last_arrived, [rule_at(2, low=2), rule_at(1, low=1)]),
    "no warehouse's own": (resolve, "ladder", _without_warehouses, [rule_at(1), rule_at(2, low=2, warehouse_id="W1")]),
    "the general before the special": (
        resolve, "ladder", _from_the_bottom, [rule_at(1), rule_at(2, level_type="SKU", level_id="S1", low=2)]
    ),
    "no level's own": (resolve, "default_thresholds", _no_level, [level(9, "07:01", min_threshold=3)]),
    "no bounds": (
        resolve, "_bounded", lambda quantity, bounds: quantity,
        [rule_at(1, low=None, reorder=None, mode="dynamic", service_level=0.9, ceiling_qty=5)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "name", "wrong", "documents"), CODE_FAULTS.values(), ids=CODE_FAULTS)
def test_a_fault_of_the_streamed_engine_shows_at_its_key(where, name, wrong, documents, monkeypatch):
    monkeypatch.setattr(where, name, wrong)
    shop = shop_of(level(100), level(100, sku="CALM"), rule_at(0, level_type="SKU", level_id="CALM"))
    computed(shop, COMPUTED, ("W1", "S1"))
    for document in documents:
        shop.burst(messages(document))

    again = shop.limits()

    assert ["S1"] == again.join(shop.kept_limits(), on=again.columns, how="anti", nulls_equal=True)["sku"].to_list()


def test_a_rule_that_the_lake_holds_otherwise_is_not_believed():
    """The rules are those that events have set, not those that the streamed engine says are in force."""
    shop = shop_of(level(1), rule())
    shop.connection.execute("UPDATE core.threshold_rules_changes SET min_threshold_qty = 99")
    shop.connection.execute("UPDATE core.resolved_thresholds_changes SET min_threshold_qty = 99")

    assert [10] == shop.limits()["min_threshold_qty"].to_list()
