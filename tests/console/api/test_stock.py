"""Stock over HTTP: the tree and a SKU's past are those of the pages; a token of a warehouse sees that one alone."""

from inventory_assets.console.api.stock import LEVELS, ORDERS
from tests.console.conftest import escaped


def test_the_tree_has_sums_alerts_and_the_way(shop, console):
    answer = console.get("/api/stock/tree")

    assert "1" == answer.headers["x-total-count"]
    assert (5, 2, "CRITICAL") == tuple(
        answer.json["sums"][name] for name in ("available", "open_alerts", "worst_priority")
    )
    assert ["W1", "W2"] == [each["id"] for each in answer.json["warehouses"]]
    [department] = answer.json["rows"]
    below = console.get(f"/api/stock/tree?level=DEPARTMENT&id={escaped(department['id'])}").json
    assert ("CATEGORY", [department["id"]]) == (below["below"], [each["level_id"] for each in below["path"]])


def test_one_warehouse_and_one_moment(shop, console):
    now = console.get("/api/stock/tree?warehouse=W1").json
    then = console.get("/api/stock/tree?warehouse=W1&at=2022-04-20T07:30:00Z").json

    assert (5, 100) == (now["sums"]["available"], then["sums"]["available"])
    assert [] == now["warehouses"]
    assert "2022-04-20T07:30:00.000000Z" == then["at"]


def test_search_and_pages(shop, console):
    assert ["S1"] == [each["id"] for each in console.get("/api/stock/tree?q=s1").json["rows"]]
    assert ["S2"] == [each["id"] for each in console.get("/api/stock/tree?q=s&limit=1&offset=1").json["rows"]]


def test_a_history_has_its_numbers(shop, console):
    answer = console.get("/api/stock/history?sku=S1&warehouse=W1&days=1")
    found = answer.json

    assert "2" == answer.headers["x-total-count"]
    assert [100, 5] == [each["available"] for each in found["available"]]
    assert [(10, 20)] == [(each["min_threshold_qty"], each["reorder_threshold_qty"]) for each in found["limits"]]
    assert ["LOW_STOCK"] == [each["alert_type"] for each in found["alerts"]]
    assert ["ORDER", "LEVEL"] == [each["kind"] for each in found["events"]]
    assert 95 == found["sold_by_week"][-1]["units"]
    assert found["projection"] is None
    assert [100] == [each["available"] for each in console.get("/api/stock/history?sku=S1&at=2022-04-20T07:30:00Z").json["shelves"]]  # fmt: skip


WRONG = [
        ("history", 400), ("history?sku=none", 404), ("history?sku=S1&warehouse=W2", 404), ("history?sku=S1&days=0", 400),
        ("tree?level=PRODUCT&id=none", 404), ("tree?warehouse=none", 404), ("tree?at=soon", 422), ("tree?sort=x", 400),
    ]  # fmt: skip


def test_what_is_wrong_is_refused(shop, console):
    for path, status in WRONG:
        assert status == console.get(f"/api/stock/{path}").status, path


def test_the_description_says_what_may_be_asked(console):
    described = console.get("/api/openapi.json").json["paths"]["/api/stock/tree"]["get"]["parameters"]

    schemas = {each["name"]: each["schema"] for each in described}
    assert (list(LEVELS), list(ORDERS)) == (schemas["level"]["enum"], schemas["sort"]["enum"])
