"""Rules that cannot be meant are found, and a key's ladder says which rule holds and why."""

import pytest

from inventory_assets.domain.thresholds.changes import wanted_rule
from inventory_assets.domain.thresholds.findings import find_conflicts
from inventory_assets.thresholds.check import list_rungs, read_key, read_keys
from inventory_assets.thresholds.edits import read_stored
from tests.builders import level, messages, rule
from tests.conftest import copy_home

PLACE = {"department_id": "D", "category_id": "C", "brand_id": "B", "product_id": "P"}


@pytest.fixture(scope="module")
def shop(empty_home, tmp_path_factory):
    """Two keys of one category and one elsewhere. Read it only."""
    from inventory_assets.ingest.engine import Engine
    from inventory_assets.settings import Settings

    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("shop"))))
    engine.commit_burst(
        messages(
            rule(10, 20), level(5, **PLACE), level(5, warehouse_id="W2", **PLACE), level(5, sku="S2", min_threshold=3),
            rule(1, 2, level_type="BRAND", level_id="B", updated_at="2022-04-14T00:00:00Z"),
            rule(level_type="BRAND", level_id="B", deleted=True),
        )
    )  # fmt: skip
    yield engine
    engine.close()


def findings(shop, *documents):
    rules = {}
    for document in documents:
        problems = []
        found = wanted_rule({"min_threshold_qty": 1, **document}, problems)
        assert problems == []
        rules[found.scope] = found
    return [(found.scope[0], found.what) for found in find_conflicts(rules, read_keys(shop.lake))]


def scope(level_type, level_id=None, **more):
    return {"level_type": level_type, "level_id": level_id, **more}


OFF = {"alert_settings": {"enabled": False}}


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param([scope("GLOBAL"), scope("CATEGORY", "C")], [], id="nothing to say"),
        pytest.param(
            [scope("CATEGORY", "CC")], [("CATEGORY", "no SKU has category_id 'CC': no key can reach this rule")],
            id="unknown id",
        ),
        pytest.param(
            [scope("GLOBAL", warehouse_id="W9")], [("GLOBAL", "no stock is known at warehouse 'W9'")],
            id="unknown warehouse",
        ),
        pytest.param(
            [scope("SKU", "S2", warehouse_id="W2")], [("SKU", "SKU 'S2' has no key at warehouse 'W2'")],
            id="not in that warehouse",
        ),
        pytest.param(
            [scope("CATEGORY", "C"), scope("SKU", "S1")],
            [("CATEGORY", "decides nothing: each of its 2 keys has a more specific rule (SKU/S1)")],
            id="shadowed",
        ),
        pytest.param(
            [scope("CATEGORY", "C"), scope("SKU", "S1", warehouse_id="W1"), scope("SKU", "S1", warehouse_id="W2")],
            [("CATEGORY", "decides nothing: each of its 2 keys has a more specific rule (SKU/S1@W1, SKU/S1@W2)")],
            id="shadowed by several",
        ),
        pytest.param(
            [scope("GLOBAL"), scope("CATEGORY", "C", **OFF)],
            [("CATEGORY", "disabled, and hides an enabled rule from 2 keys (GLOBAL)")], id="a mute hides",
        ),
        pytest.param(
            [scope("GLOBAL", **OFF), scope("SKU", "S1", warehouse_id="W2")],
            [("GLOBAL", "disabled, but 1 of its 3 keys still alert, by more specific rules (SKU/S1@W2)")],
            id="a mute is passed by",
        ),
        pytest.param([scope("GLOBAL", **OFF), scope("SKU", "S1", **OFF)], [], id="all silent"),
    ],
)  # fmt: skip
def test_conflicts_are_found(shop, documents, expected):
    assert findings(shop, *documents) == expected


def test_a_ladder_has_every_rung_and_one_winner(shop):
    rungs = list_rungs(*read_key(shop.lake, "W1", "S1"), read_stored(shop.lake), shop.meaning.defaults)

    assert [(rung.level_type, rung.warehouse_id) for rung in rungs[:12]] == [
        (level_type, warehouse)
        for level_type in ("SKU", "PRODUCT", "BRAND", "CATEGORY", "DEPARTMENT", "GLOBAL")
        for warehouse in ("W1", None)
    ]
    assert [rung.level_type for rung in rungs[12:]] == ["EMBEDDED", "SYSTEM"]
    assert [(rung.level_type, rung.rule) for rung in rungs if rung.is_winner] == [("GLOBAL", "min 10, reorder 20")]
    assert rungs[5].rule == "no rule (deleted in version 1)"
    assert rungs[-1].verdict == "not used: GLOBAL comes first"
    assert read_key(shop.lake, "W1", "S9") is None


@pytest.mark.parametrize(
    ("rules", "verdicts"),
    [
        ({}, {"EMBEDDED": "wins: no rule is set", "SYSTEM": "not used: its stock document comes first"}),
        (
            {"GLOBAL": {}, "SKU": OFF},
            {
                "SKU": "wins, and mutes the key: it is disabled", "GLOBAL": "hidden: SKU/S2 comes first and is disabled",
                "EMBEDDED": "not used: SKU/S2 comes first and is disabled",
                "SYSTEM": "not used: SKU/S2 comes first and is disabled",
            },
        ),
    ],
)  # fmt: skip
def test_verdicts_say_why(engine, rules, verdicts):
    documents = [
        rule(5, 6, level_type=name, level_id="S2" if name == "SKU" else None, **more) for name, more in rules.items()
    ]
    engine.commit_burst(messages(level(5, sku="S2", min_threshold=3), *documents))

    rungs = list_rungs(*read_key(engine.lake, "W1", "S2"), read_stored(engine.lake), engine.meaning.defaults)

    assert {rung.level_type: rung.verdict for rung in rungs if rung.verdict} == verdicts
