"""Who may ask: tokens, their warehouses, their rate; and loopback without one."""

import pytest

from inventory_assets.access.gate import Gate
from inventory_assets.access.tokens import make_token, revoke_token
from inventory_assets.api.app import Api
from inventory_assets.api.door import Door
from inventory_assets.domain.access.grants import Scope
from tests.api.asking import get, post, stock, sums


@pytest.fixture
def app(served, settings):
    served.start(stock=[stock("W1", "S1"), stock("W2", "S1")], sums=[sums("SKU", "S1", 20), sums("PRODUCT", "P", 20)])
    gate = Gate(settings)
    yield Api(served.service, Door(gate=gate))
    gate.close()


def _bearer(secret):
    return {"authorization": f"Bearer {secret}"}


def test_without_any_token_this_machine_may_ask(app):
    assert 200 == get(app, "/v1/stock/W1/S1").status


def test_once_there_is_a_token_nobody_asks_without(app, settings):
    _, secret = make_token(settings, "reader", Scope.READ)

    refused = get(app, "/v1/stock/W1/S1")

    assert (401, "Bearer") == (refused.status, refused.headers["www-authenticate"])
    assert [200, 401] == [get(app, "/v1/stock/W1/S1", headers=_bearer(each)).status for each in (secret, "inv_x")]
    assert 200 == get(app, "/health").status


def test_a_token_of_some_warehouses_sees_those(app, settings):
    _, secret = make_token(settings, "east", Scope.READ, warehouses=["W1"])
    headers = _bearer(secret)

    statuses = {path: get(app, path, headers=headers).status for path in (
        "/v1/stock/W1/S1", "/v1/stock/W2/S1", "/v1/stock?warehouse=W2", "/v1/rollups?level=SKU&id=S1",
        "/v1/rollups?level=SKU&id=S1&warehouse=W1", "/v1/products", "/v1/products?warehouse=W1", "/v1/products/P",
        "/v1/thresholds/W2/S1", "/v1/alerts?warehouse=W2", "/v1/alerts", "/v1/plan?warehouse=W2",
    )}  # fmt: skip
    assert {path: status for path, status in statuses.items() if status == 403} == dict.fromkeys(
        ("/v1/stock/W2/S1", "/v1/stock?warehouse=W2", "/v1/rollups?level=SKU&id=S1", "/v1/products", "/v1/products/P",
         "/v1/thresholds/W2/S1", "/v1/alerts?warehouse=W2", "/v1/plan?warehouse=W2"), 403
    )  # fmt: skip
    assert ["W1"] == [row["warehouse_id"] for row in get(app, "/v1/stock?sku=S1", headers=headers).json["items"]]
    mine = get(app, "/v1/inventory/product/P", headers=headers).json
    assert (10, ["W1"]) == (mine["total"]["on_hand"], mine["limited_to"])
    batches = [{"skus": ["S1"]}, {"skus": ["S1"], "warehouse_id": "W1"}]
    assert [403, 200] == [post(app, "/v1/batch/stock", body, headers=headers).status for body in batches]
    since = post(app, "/v1/inventory/recently-updated", {"since_version": 0}, headers=headers).json
    assert ["W1"] == [row["warehouse_id"] for row in since["items"]]


def test_a_token_asks_as_often_as_it_may(app, settings):
    _, secret = make_token(settings, "slow", Scope.READ, rate=1, burst=1)
    answered = [get(app, "/v1/stock/W1/S1", headers=_bearer(secret)) for _ in range(2)]

    assert ([200, 429], "1") == ([each.status for each in answered], answered[1].headers["retry-after"])


def test_the_last_token_that_is_revoked_closes_the_door(served, settings):
    served.start(stock=[stock()])
    token, secret = make_token(settings, "only", Scope.READ)
    revoke_token(settings, token.token_id)
    gate = Gate(settings)
    app = Api(served.service, Door(gate=gate))

    assert [401, 401] == [get(app, "/v1/stock/W1/S1", headers=each).status for each in ({}, _bearer(secret))]
    gate.close()
