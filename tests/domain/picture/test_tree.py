"""The tree of the picture is that of the lake's own rows, node by node, in each warehouse and in all."""

import pytest

from inventory_assets.domain.picture.picture import KEPT_CHANGES
from inventory_assets.domain.picture.tree import PictureTree, count_alerts
from inventory_assets.domain.stock.tree import BELOW, ROOT, StockFrame
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.picture.frames import Reading
from inventory_assets.picture.load import picture_of, read_loaded
from inventory_assets.queries.shelf_history import read_shelves
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction

ODD = ("a/b", "%2F :", "日本 <b>")


def fill(engine):
    """Three warehouses; ids with slashes and worse; one SKU that moved to another category; alerts of two priorities."""
    engine.commit_burst(messages(rule(10, 20)))
    for number, text in enumerate(ODD):
        parents = {"department_id": "D", "category_id": text, "brand_id": ODD[0], "product_id": f"P/{text}"}
        engine.commit_burst(
            messages(
                level(100 + number, sku=text, warehouse_id="W1", product_name=f"Name of {number}", **parents),
                level(15, sku=text, warehouse_id="W2", **parents),
                level(50, sku="S1", warehouse_id=text, **parents),
            )
        )
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-100, sku=text, at="09:00")))


@pytest.fixture(scope="module")
def trees(filled, tmp_path_factory):
    settings = Settings(home=filled(fill, tmp_path_factory.mktemp("trees")))
    picture = picture_of(read_loaded(settings, KEPT_CHANGES), Reading(), kept_changes=KEPT_CHANGES)
    return PictureTree(picture, count_alerts(picture)), StockFrame(read_shelves(LakeReader(settings)))


def walk(tree, warehouse):
    """Every node below the root, by the way down to it."""
    found, places = {}, [ROOT]
    while places:
        place = places.pop()
        for branch in tree.children(place, warehouse):
            found[place, branch.level, branch.level_id] = branch
            if branch.level in BELOW:
                places.append((branch.level, branch.level_id))
    return found


@pytest.mark.parametrize("warehouse", [None, "W1", "W2", ODD[0], "nowhere"])
def test_both_trees_are_the_same(trees, warehouse):
    ours, theirs = trees

    assert walk(theirs, warehouse) == walk(ours, warehouse)
    assert theirs.node(ROOT, warehouse) == ours.node(ROOT, warehouse)
    assert (warehouse == "nowhere") == (walk(ours, warehouse) == {})


def test_so_are_warehouses_ways_and_what_is_found(trees):
    ours, theirs = trees

    assert theirs.warehouses() == ours.warehouses()
    for text in ODD:
        assert theirs.path(("SKU", text)) == ours.path(("SKU", text)) != []
        assert theirs.find(text, None, 50) == ours.find(text, None, 50) != []
    assert theirs.find("name of", "W1", 2) == ours.find("NAME OF", "W1", 2)
    assert [] == ours.find("none", None, 50) == ours.path(("PRODUCT", "none")) == ours.path(ROOT)


def test_alerts_count_once_at_every_level_above_them(trees):
    ours, _ = trees
    [department] = ours.children(ROOT, None)

    assert 6 == department.alerts == ours.node(ROOT, None).alerts == sum(each.alerts for each in ours.warehouses())
    assert 0 == department.worst
