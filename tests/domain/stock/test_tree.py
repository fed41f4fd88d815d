"""A tree of stock over a frame: sums of active shelves, alerts counted once at each level, orders that do not waver."""

from itertools import pairwise

import polars as pl
import pytest

from inventory_assets.domain.stock.tree import ROOT, SHELVES_SCHEMA, WAREHOUSE, Branch, Step, StockFrame, ordered


def shelf(warehouse, sku, on_hand, **more):
    row = dict.fromkeys(SHELVES_SCHEMA) | {
        "warehouse_id": warehouse, "sku": sku, "DEPARTMENT": "D", "CATEGORY": "a/b", "BRAND": "c", "PRODUCT": "P",
        "on_hand": on_hand, "reserved": 1, "inbound": 2, "is_active": True,
    }  # fmt: skip
    return row | more


@pytest.fixture
def tree():
    return StockFrame(
        pl.DataFrame(
            [
                shelf(
                    "W1", "S1", 10, priority="HIGH", category_name="Phones", product_name="Phone", variant_name="red"
                ),
                shelf("W2", "S1", 20, category_name="Phones", product_name="Phone", variant_name="red"),
                shelf("W1", "S2", 5, priority="CRITICAL", PRODUCT="Q"),
                shelf("W2", "S3", 99, is_active=False, DEPARTMENT="Gone"),
            ],
            schema=SHELVES_SCHEMA,
        )
    )


def test_sums_are_of_active_shelves_and_skus_count_once(tree):
    [found] = tree.children(ROOT, None)

    assert Branch("DEPARTMENT", "D", "D", 35, 3, 6, 2, alerts=2, worst=0) == found
    assert Branch("", "", "", 35, 3, 6, 2, 2, 0) == tree.node(ROOT, None)
    assert 32 == found.available


def test_a_warehouse_alone(tree):
    assert [("W1", 15, 2), ("W2", 20, 0)] == [(each.level_id, each.on_hand, each.alerts) for each in tree.warehouses()]
    assert {WAREHOUSE} == {each.level for each in tree.warehouses()}
    assert [("a/b", "Phones", 20)] == [
        (each.level_id, each.name, each.on_hand) for each in tree.children(("DEPARTMENT", "D"), "W2")
    ]
    assert tree.node(("DEPARTMENT", "Gone"), None) is None


def test_the_way_down_and_up_again(tree):
    way = [("CATEGORY", "a/b"), ("CATEGORY_BRAND", "a/b/c"), ("PRODUCT", "P"), ("SKU", "S1")]
    for above, below in pairwise(way):
        assert below in [each[:2] for each in tree.children(above, None)]

    assert [("DEPARTMENT", "D"), *way] == [each[:2] for each in tree.path(("SKU", "S1"))]
    assert Step("CATEGORY_BRAND", "a/b/c", "c") == tree.path(("PRODUCT", "P"))[2]
    assert "Phone red" == tree.path(("SKU", "S1"))[-1].name
    assert [] == tree.path(ROOT) == tree.path(("SKU", "none"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s1", ["S1"]), ("S", ["S1", "S2"]), ("E RED", ["S1"]), ("none", []), ("S2", ["S2"]), ("", ["S1", "S2"])],
)
def test_what_is_found_has_the_text_in_its_id_or_name(tree, text, expected):
    assert expected == [each.level_id for each in tree.find(text, None, 50)]


def test_most_is_most(tree):
    assert 1 == len(tree.find("s", None, 1))


@pytest.mark.parametrize(("order", "expected"), [("name", "cBa"), ("available", "aBc"), ("alerts", "Bac")])
def test_orders(order, expected):
    branches = [
        Branch("SKU", "a", "z", 1, 0, 0, 1, alerts=1, worst=1), Branch("SKU", "B", "Y", 2, 0, 0, 1, alerts=1, worst=0),
        Branch("SKU", "c", "x", 3, 0, 0, 1),
    ]  # fmt: skip

    assert expected == "".join(each.level_id for each in ordered(branches, order))
