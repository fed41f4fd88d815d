"""A planner finds alerts by place, kind and a part of a name, in the order asked for."""

import pytest

from inventory_assets.queries.alerts import CHOICES, ORDERS
from inventory_assets.refresh.products import import_products, read_products
from tests.builders import level, messages, rule, transaction

PRODUCTS = """sku,product_name,variant_name,brand_name,category_name,department_name,supplier_id
S1,iPhone 13 Pro,256GB Silver,Apple,Smart phones,Electronics,SUPP-A
S2,Saucepan,28 cm Steel,Maple & Iron,Cookware,Home,SUPP-B
"""


@pytest.fixture
def home(filled, home):
    """S1 has run out in W1 and is low in W2, S2 is low in W2; nobody knows a product of S3."""
    return filled(_trade, home)


def _trade(engine):
    path = engine.lake.settings.home / "products.csv"
    path.write_text(PRODUCTS)
    import_products(engine, read_products(path))
    phones, pans = {"category_id": "PHONES", "brand_id": "APPLE"}, {"category_id": "PANS", "brand_id": "MAPLE"}
    engine.commit_burst(
        messages(
            rule(10, 20), level(50, sku="S1", warehouse_id="W1", **phones), level(50, sku="S1", warehouse_id="W2", **phones),
            level(50, sku="S2", warehouse_id="W2", **pans), level(50, sku="S3", warehouse_id="W1"),
        )
    )  # fmt: skip
    for number, (sku, place, sold) in enumerate(
        [("S1", "W1", 50), ("S1", "W2", 45), ("S2", "W2", 48), ("S3", "W1", 41)]
    ):
        at = f"08:0{number}"
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-sold, sku=sku, warehouse_id=place, at=at)))


def shelves(run, *words, command=("alerts",)):
    found = run(*command, *words, "--format", "json")
    assert 0 == found.code, found.err
    return [f"{row['warehouse_id']}/{row['sku']}" for row in found.rows]


@pytest.mark.parametrize("command", [("alerts",), ("alerts", "list")], ids=" ".join)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--warehouse", "w2"), {"W2/S1", "W2/S2"}),
        (("--sku", "S1"), {"W1/S1", "W2/S1"}),
        (("--type", "stockout"), {"W1/S1"}),
        (("--category", "PANS"), {"W2/S2"}),
        (("--category", "smart Phones"), {"W1/S1", "W2/S1"}),
        (("--brand", "maple & iron"), {"W2/S2"}),
        (("--department", "home"), {"W2/S2"}),
        (("--supplier", "supp-a"), {"W1/S1", "W2/S1"}),
        (("--search", "13 PRO"), {"W1/S1", "W2/S1"}),
        (("--search", "steel sauce"), {"W2/S2"}),
        (("--search", "s3"), {"W1/S3"}),
        (("--search", "100%"), set()),
        (("--search", "'; DROP TABLE out.alerts; --"), set()),
        (("--warehouse", "W2", "--supplier", "SUPP-A", "--search", "silver"), {"W2/S1"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_alerts_are_chosen(run, home, command, words, expected):
    assert expected == set(shelves(run, *words, command=command))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("worst", ["W1/S1", "W1/S3", "W2/S2", "W2/S1"]),
        ("newest", ["W1/S3", "W2/S2", "W2/S1", "W1/S1"]),
        ("oldest", ["W1/S1", "W2/S1", "W2/S2", "W1/S3"]),
        ("available", ["W1/S1", "W2/S2", "W2/S1", "W1/S3"]),
        ("warehouse", ["W1/S1", "W1/S3", "W2/S2", "W2/S1"]),
        ("sku", ["W1/S1", "W2/S1", "W2/S2", "W1/S3"]),
    ],
)
def test_alerts_are_sorted(run, home, order, expected):
    assert expected == shelves(run, "--sort", order)


def test_every_order_and_choice_is_tried():
    # By risk and cover: tests/console/test_at_stake.py.
    assert {"worst", "risk", "cover", "newest", "oldest", "available", "warehouse", "sku"} == set(ORDERS)
    assert {"warehouse", "sku", "type", "category", "brand", "department", "supplier"} == set(CHOICES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--warehouse", "W22"), "no warehouse is called 'W22'. Near it: W2."),
        (("--category", "smart phone"), "no category is called 'smart phone'. Near it: Smart phones, PHONES."),
        (("--supplier", "nobody"), "no supplier is called 'nobody'. There are 2 others."),
        (("--search", "teapot"), "no alert has 'teapot' in its SKU or the names of its product"),
        (("--warehouse", "W1", "--brand", "MAPLE"), "no alert fits; --state all has those that are over"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_nothing_found_says_why(run, home, words, said):
    found = run("alerts", *words)

    assert 0 == found.code
    assert said in " ".join(found.err.split())


def test_options_before_a_subcommand_are_refused(run, home):
    """They were taken and of no effect."""
    found = run("alerts", "--warehouse", "W1", "list")

    assert 2 == found.code
    assert "give --warehouse after `list`" in found.err
