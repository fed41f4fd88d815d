"""The description says what the routes do: each is there, each answer fits, and the page needs nothing from elsewhere."""

import jsonschema
import pytest

from inventory_assets.api.table import ROUTES
from tests.api.asking import get, post, stock, sums

WHOLE = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


@pytest.fixture
def app(served):
    rows = [stock("W1", f"S{number}") for number in range(3)]
    return served.start(stock=rows, sums=[sums("PRODUCT", "P", 30, count=3)]).app


def test_every_route_is_described_once(app):
    described = get(app, "/v1/openapi.json").json

    assert {(route.method.lower(), route.path) for route in ROUTES} == {
        (method, path) for path, methods in described["paths"].items() for method in methods
    }
    names = [each["operationId"] for methods in described["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "path", "route", "body"),
    [
        ("get", "/v1/stock/W1/S1", "/v1/stock/{warehouse}/{sku}", None),
        ("get", "/v1/stock?warehouse=W1&limit=2", "/v1/stock", None),
        ("get", "/v1/stock?warehouse=W1&sku=S1", "/v1/stock", None),
        ("get", "/v1/stock/W1/none", "/v1/stock/{warehouse}/{sku}", None),
        ("get", "/v1/inventory/product/P", "/v1/inventory/product/{id}", None),
        ("get", "/v1/products", "/v1/products", None),
        ("get", "/v1/products/P", "/v1/products/{id}", None),
        ("get", "/v1/rollups?level=PRODUCT&id=P&children=true", "/v1/rollups", None),
        ("get", "/v1/rollups?level=no", "/v1/rollups", None),
        ("get", "/v1/alerts", "/v1/alerts", None),
        ("get", "/v1/plan", "/v1/plan", None),
        ("get", "/health", "/health", None),
        ("post", "/v1/batch/stock", "/v1/batch/stock", {"product_ids": ["P", "X"]}),
        ("post", "/v1/batch/stock", "/v1/batch/stock", {"product_ids": 3}),
        ("post", "/v1/inventory/recently-updated", "/v1/inventory/recently-updated", {"since_version": 0}),
    ],
)  # fmt: skip
def test_an_answer_is_as_described(app, method, path, route, body):
    described = get(app, "/v1/openapi.json").json
    answered = get(app, path) if body is None else post(app, path, body)

    said = described["paths"][route][method]["responses"][str(answered.status)]["content"]
    schema = said[answered.headers["content-type"]]["schema"]
    jsonschema.Draft202012Validator({**WHOLE, **schema, "components": described["components"]}).validate(answered.json)


def test_what_is_refused_is_described_as_a_problem(app):
    described = get(app, "/v1/openapi.json").json

    kinds = {
        (int(status) < 400, *said.get("content", {}))
        for methods in described["paths"].values()
        for each in methods.values()
        for status, said in each["responses"].items()
        if status != "503"  # health's own says how it fares
    }
    assert {(True,), (True, "application/json"), (False, "application/problem+json")} == kinds


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("Silence", {"reason": "x", "minutes": 5, "until": None}, {"reason": "x"}),
        ("Ack", {}, {"reason": {}}),
        ("PlanDismiss", {"reason": "x", "sku": "S1"}, {}),
        ("Count", {"quantity_on_hand": 3}, {"quantity_reserved": 3}),
        ("Change", {"reserve": 3}, {"reserve": 3, "release": 1}),
        ("Change", {"quantity_change": -3}, {"quantity_change": 0}),
        ("Batch", {"skus": ["a b"]}, {"skus": ["a "]}),
        ("Changes", {"since_version": 0}, {"since_version": 0, "since": "2026-01-01T00:00:00Z"}),
    ],
)
def test_the_description_has_what_goes_together(app, kind, good, bad):
    """A client made from it should not learn that from a refusal."""
    described = get(app, "/v1/openapi.json").json
    holds = jsonschema.Draft202012Validator(
        {**WHOLE, "$ref": f"#/components/schemas/{kind}", "components": described["components"]}
    )

    assert (True, False) == (holds.is_valid(good), holds.is_valid(bad))


def test_a_body_may_be_left_out_where_nothing_in_it_is_needed(app):
    """As the service has it: without one, these commands are taken."""
    described = get(app, "/v1/openapi.json").json
    bodies = {
        path: each["requestBody"]["required"]
        for path, methods in described["paths"].items()
        for each in methods.values()
        if "requestBody" in each
    }

    free = {path.rpartition("/")[2] for path, is_needed in bodies.items() if not is_needed}
    assert free == {"ack", "unsilence", "uninhibit"}


@pytest.mark.parametrize("path", ["/", "/try.js", "/try.css"])
def test_the_page_is_its_own(app, path):
    answered = get(app, path)

    assert 200 == answered.status and "default-src 'none'" in answered.headers["content-security-policy"]
    assert b"http://" not in answered.body and b"https://" not in answered.body and b"innerHTML" not in answered.body
