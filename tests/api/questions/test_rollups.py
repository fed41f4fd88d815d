"""Sums of the hierarchy and thresholds, as of now and of versions that memory knows."""

import pytest

from inventory_assets.domain.picture.rows import Limits
from tests.api.asking import get, stock, sums


@pytest.fixture
def app(served):
    rows = [stock("W1", "S1", 10), stock("W1", "S2", 5, product_id="P2")]
    nodes = [sums("CATEGORY", "C", 15, count=2, parent="D"), sums("CATEGORY_BRAND", "C/B", 15, count=2, parent="C"),
             sums("PRODUCT", "P", 10), sums("PRODUCT", "P2", 5)]  # fmt: skip
    limits = [Limits("W1", "S1", 5, 9, None, None, True, "GLOBAL", None, None, 1, 1)]
    return served.start(stock=rows, sums=nodes, limits=limits).app


def test_a_node_is_told_with_those_right_below_it(app):
    node = get(app, "/v1/rollups?level=CATEGORY&id=C&children=true").json
    below = get(app, "/v1/rollups?level=CATEGORY_BRAND&id=C/B&children=true").json

    assert (15, 2, ["C/B"]) == (
        node["node"]["on_hand"], node["node"]["sku_count"], [each["level_id"] for each in node["children"]]
    )  # fmt: skip
    assert ["P", "P2"] == [each["level_id"] for each in below["children"]]
    assert sum(each["on_hand"] for each in below["children"]) == below["node"]["on_hand"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("level=PRODUCT&id=P&warehouse=W1", 200), ("level=SKU&id=S1&warehouse=W1", 200), ("level=BRAND&id=X", 404),
     ("level=SHELF&id=X", 422), ("level=BRAND", 200),
     ("level=BRAND&children=true", 422), ("level=BRAND&cursor=x", 422), ("level=BRAND&id=B&cursor=x", 422),
     ("level=BRAND&id=X&children=maybe", 422)],
)  # fmt: skip
def test_a_node_is_asked_by_level_and_id(app, query, status):
    assert status == get(app, f"/v1/rollups?{query}").status


@pytest.mark.parametrize(
    ("query", "ids"),
    [("level=PRODUCT", ["P", "P2"]), ("level=CATEGORY", ["C"]), ("level=SKU&warehouse=W1", ["S1", "S2"]),
     ("level=PRODUCT&warehouse=W1", ["P", "P2"]), ("level=PRODUCT&warehouse=W9", []), ("level=BRAND", [])],
)  # fmt: skip
def test_all_nodes_of_a_level_are_told_in_pages_of_one_version(served, app, query, ids):
    found, cursor = [], ""
    while True:
        page = get(app, f"/v1/rollups?{query}&limit=1{cursor}").json
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        version = served.picture.version + 1
        served.step(
            stock=[stock("W1", "S2", 9, version, product_id="P2")],
            sums=[sums("PRODUCT", "P2", 9, version), sums("PRODUCT", "P3", 1, version)],
        )

    assert ids == [node["level_id"] for node in found]
    assert all(node["version"] == 1 for node in found)


def test_thresholds_are_those_of_the_version(served, app):
    served.step(limits=[Limits("W1", "S1", 7, 9, None, None, True, "SKU", "S1", None, 2, 2)])

    now, before = (get(app, f"/v1/thresholds/W1/S1{query}").json for query in ("", "?version=1"))

    assert (7, 2, 5, 1) == (now["min_threshold_qty"], now["version"], before["min_threshold_qty"], before["version"])
    assert 404 == get(app, "/v1/thresholds/W1/S9").status
