"""How much there is: many ids at once, one key, lists of one version, a product."""

import asyncio
from urllib.parse import quote

import pytest

from inventory_assets.api.app import build_app
from tests.api.asking import ask_within, get, post, stock, sums
from tests.builders import level, messages

BATCH = "/v1/batch/stock"


@pytest.fixture
def app(served):
    rows = [stock("W1", "S1", 10), stock("W2", "S1", 5), stock("W1", "S2", -3, product_id="Q", is_active=False)]
    nodes = [sums("PRODUCT", "P", 15), sums("SKU", "S1", 15)]
    return served.start(stock=rows, sums=nodes).app


@pytest.mark.parametrize(
    ("body", "stocks", "unknown"),
    [
        ({"product_ids": ["P", "X", "P"]}, {"P": 15}, ["X"]),
        ({"product_ids": ["P"], "warehouse_id": "W1"}, {"P": 10}, []),
        ({"product_ids": ["P"], "warehouse_id": "W9"}, {}, ["P"]),
        ({"skus": ["S1", "S2"]}, {"S1": 15}, ["S2"]),
        ({"skus": ["S1", "S2"], "warehouse_id": "W2"}, {"S1": 5}, ["S2"]),
    ],
)
def test_many_ids_are_answered_at_once(app, body, stocks, unknown):
    """A key that was deleted is no stock of 0 (RULES 17), nor is a warehouse that nobody has heard of."""
    answered = post(app, BATCH, body)

    assert (200, {"stocks": stocks, "unknown": unknown, "version": 1}) == (answered.status, answered.json)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body"),
        ({"skus": ["a"], "product_ids": ["b"]}, "body"),
        ({"skus": []}, "body.skus"),
        ({"skus": [f"S{number}" for number in range(1_001)]}, "body.skus"),
        ({"skus": ["S1", 3]}, "body.skus[1]"),
        ({"skus": ["S1", "a\nb"]}, "body.skus[1]"),
        ({"skus": ["é" * 129]}, "body.skus[0]"),
        ({"skus": ["S1"], "warehouse": "W1"}, "body.warehouse"),
        ({"skus": ["S1"], "warehouse_id": " W1"}, "body.warehouse_id"),
        (b'{"skus": ["S1"], "skus": ["S2"]}', "body"),
        (b'{"skus": ["S1"], "sk\\u0075s": ["S2"]}', "body"),
        ([], "body"),
    ],
)
def test_what_is_wrong_with_a_batch_is_said_by_its_place(app, body, where):
    answered = post(app, BATCH, body)

    assert (422, where) == (answered.status, answered.json["errors"][0]["where"])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 10_000])
def test_what_is_no_json_is_refused(app, body):
    assert post(app, BATCH, body).status in (400, 422)


@pytest.mark.parametrize("sku", ["a/b", "100%", "a:b c", "ÄÖ/é", "+", "a&b=c", "..", "%2F"])
def test_any_id_can_stand_in_a_path_and_in_a_query(served, sku):
    app = served.start(stock=[stock("W/1", sku)]).app
    by_path, by_query = f"/v1/stock/W%2F1/{quote(sku, safe='')}", f"/v1/stock?warehouse=W/1&sku={quote(sku, safe='')}"

    assert [sku, sku] == [get(app, path).json["sku"] for path in (by_path, by_query)]


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("sku=S1&sku=S2", 422), ("skus=S1", 422), ("sku=", 422), ("sku=S1&limit=0", 422), ("sku=S9", 404),
     ("sku=S1&limit=x", 422), ("sku=S1&version=99999", 404), ("sku=S1&at=now", 422), ("sku=%ff", 422),
     ("sku=S1&at=2999-01-01T00:00:00Z", 404), ("sku=S1&version=1&at=2020-01-01T00:00:00Z", 422)],
)  # fmt: skip
def test_a_query_is_read_whole_or_refused(app, query, status):
    assert status == get(app, f"/v1/stock?{query}").status


def test_pages_of_a_list_are_of_one_version(served):
    app = served.start(stock=[stock(sku=f"S{number}", on_hand=1) for number in range(7)]).app
    found, query, moved = [], "", 0
    while True:
        page = get(app, f"/v1/stock?warehouse=W1&limit=3{query}").json
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query = f"&cursor={page['next_cursor']}"
        moved = served.step(stock=[stock(sku=f"S{number}", on_hand=2, version=moved + 2) for number in range(9)])

    assert [(f"S{number}", 1) for number in range(7)] == [(row["sku"], row["on_hand"]) for row in found]


def test_a_warehouse_has_the_skus_it_has_had_also_those_that_came_later(served):
    app = served.start(stock=[stock("W1", "S2"), stock("W2", "S1")]).app
    first = get(app, "/v1/stock?warehouse=W1").json
    served.step(stock=[stock("W1", "S1", version=2)])
    second = get(app, "/v1/stock?warehouse=W1").json

    assert [["S2"], ["S1", "S2"]] == [[row["sku"] for row in found["items"]] for found in (first, second)]
    assert 404 == get(app, "/v1/stock?warehouse=W3").status


def test_a_cursor_is_of_its_question_and_of_a_version_that_is_there(served):
    app = served.start(stock=[stock(sku=f"S{number}") for number in range(3)]).app
    cursor = get(app, "/v1/stock?warehouse=W1&limit=1").json["next_cursor"]

    assert 422 == get(app, "/v1/stock?warehouse=W1&limit=1&cursor=rubbish").status
    assert 422 == get(app, f"/v1/stock?warehouse=W2&limit=1&cursor={cursor}").status
    assert 200 == get(app, f"/v1/stock?warehouse=W1&limit=2&cursor={cursor}").status
    served.picture.epoch += 1
    assert 410 == get(app, f"/v1/stock?warehouse=W1&limit=1&cursor={cursor}").status


def test_a_product_is_told_by_sku_and_warehouse(app):
    answered = get(app, "/v1/inventory/product/P").json

    assert (15, ["S1"], [10, 5]) == (
        answered["total"]["available"], [each["sku"] for each in answered["skus"]],
        [row["on_hand"] for row in answered["skus"][0]["warehouses"]],
    )  # fmt: skip
    assert 404 == get(app, "/v1/inventory/product/X").status


def test_a_version_that_memory_has_forgotten_is_asked_of_the_lake(open_engine):
    engine = open_engine()
    for amount in (5, 6, 7):
        engine.commit_burst(messages(level(amount, amount, product_id="P1")))
    engine.lake.land()
    app = build_app(engine.settings)

    async def run():
        await app.service.live.step()
        paths = ("/v1/stock/W1/S1", "/v1/stock/W1/S1?version=2", "/v1/inventory/product/P1?version=1",
                 "/v1/stock?sku=S1&version=1", "/v1/stock/W1/S1?at=2001-01-01T00:00:00Z")  # fmt: skip
        answered = [await ask_within(app, "GET", path) for path in paths]
        bodies = (
            {"product_ids": ["P1", "X"]},
            {"product_ids": ["P1", "X"], "warehouse_id": "W1"},
            {"skus": ["S1"], "warehouse_id": "W1"},
        )
        answered.append(
            [(await ask_within(app, "POST", BATCH, {**body, "version": 1})).json["stocks"] for body in bodies]
        )
        app.service.close()
        return answered

    now, before, product, listed, early, batches = asyncio.run(run())
    assert [7, 6, 5, 5] == [
        now.json["on_hand"], before.json["on_hand"], product.json["total"]["on_hand"], listed.json["items"][0]["on_hand"]
    ]  # fmt: skip
    assert before.headers["lake-version"] == "2" and before.headers["etag"].endswith('-2"')
    assert (404, [{"P1": 5}, {"P1": 5}, {"S1": 5}]) == (early.status, batches)
