"""Products with their stock: one, and all in pages of one version."""

import pytest

from inventory_assets.api.questions import products
from inventory_assets.domain.picture.rows import Product
from tests.api.asking import get, stock


def _known(sku, version=1, **more):
    base = dict.fromkeys(Product.__struct_fields__) | {"sku": sku, "version": version}
    return Product(**(base | more))


@pytest.fixture
def app(served):
    rows = [
        stock("W1", "S1", 10, product_id="P1"), stock("W2", "S1", 5, product_id="P1"),
        stock("W1", "S2", 2, product_id="P1"), stock("W1", "S3", 4, product_id="P2", category_id="C2"),
    ]  # fmt: skip
    return served.start(stock=rows, products=[_known("S1", product_name="Phone", supplier_id="U")]).app


def test_a_product_has_what_is_known_of_its_skus_and_their_stock(app):
    found = get(app, "/v1/products/P1").json
    east = get(app, "/v1/products/P1?warehouse=W2").json

    assert (17, 5) == (found["stock"]["available"], east["stock"]["available"])
    assert [("S1", "Phone", 15), ("S2", None, 2)] == [
        (each["sku"], each["product_name"], each["stock"]["on_hand"]) for each in found["skus"]
    ]
    assert [404, 404] == [get(app, f"/v1/products/{path}").status for path in ("P9", "P2?warehouse=W2")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", ["P1", "P2"]), ("category=C2", ["P2"]), ("supplier=U", ["P1"]), ("brand=X", []), ("warehouse=W2", ["P1"])],
)
def test_products_are_listed_by_what_they_are(app, query, expected):
    assert expected == [each["product_id"] for each in get(app, f"/v1/products?{query}").json["items"]]


def test_pages_show_one_version_and_thin_ones_go_on(served, monkeypatch):
    monkeypatch.setattr(products, "MOST_LOOKED_AT", 2)
    served.start(stock=[stock(sku=f"S{number}", product_id=f"P{number}", on_hand=1) for number in range(6)])
    found, query = [], ""
    while True:
        page = get(served.app, f"/v1/products?limit=2{query}").json
        found += page["items"]
        if page["next_cursor"] is None:
            break
        query = f"&cursor={page['next_cursor']}"
        version = served.picture.version + 1
        served.step(
            stock=[stock(sku=f"S{number}", product_id=f"P{number}", on_hand=9, version=version) for number in (0, 5, 7)]
        )

    assert [(f"P{number}", 1) for number in range(6)] == [
        (each["product_id"], each["stock"]["on_hand"]) for each in found
    ]


def test_a_product_that_a_sku_leaves_has_another_tag(served):
    """No row of it is left to say so."""
    app = served.start(stock=[stock(sku="S1"), stock(sku="S2")]).app
    tag = get(app, "/v1/products/P").headers["etag"]

    served.step(stock=[stock(sku="S2", product_id="Q", version=2)])

    assert 200 == get(app, "/v1/products/P", headers={"if-none-match": tag}).status
