"""A page keeps to itself and lets nothing in: no request, no script, and ids of other people's systems as text."""

import base64
import hashlib
import re

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.refresh.products import import_products
from tests.builders import level, messages, rule, transaction
from tests.reports.conftest import Published
from tests.reports.reading import Document

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    '=HYPERLINK("http://evil")',
    "@SUM(1+1)",
    "-2+3",
    "{{ 7 * 7 }}",
    "日本語 ☃ é",
    "‮gpj.exe",
    "a/b\\c?d#e%2F..",
    "x" * 250,
)


@pytest.fixture
def hostile(engine, build) -> Published:
    """A report whose ids and names are all hostile."""
    import_products(
        engine, [Product(sku, product_name=sku, supplier_id=sku, order_up_to=9, unit_price=1.0) for sku in HOSTILE]
    )
    engine.commit_burst(messages(rule(10, 20) | {"author": HOSTILE[0], "reason": HOSTILE[1]}))
    engine.commit_burst(messages(*(level(5, "00:30", sku=sku, warehouse_id=sku) for sku in HOSTILE)))
    engine.commit_burst(
        messages(*(transaction(f"T{n}", quantity=-5, sku=sku, warehouse_id=sku) for n, sku in enumerate(HOSTILE)))
    )
    engine.commit_burst(messages(b"<script>", rule(1, 2, updated_at="2022-04-20T08:00:00Z", author=HOSTILE[0])))
    return build()


def assert_keeps_to_itself(document: Document) -> None:
    """No script, no handler, no style or address that leads out."""
    for element in document.elements:
        assert element.tag not in {"script", "img", "iframe", "object", "embed", "link", "base", "form", "input"}
        for name, value in element.attributes.items():
            assert not name.startswith("on"), element
            assert name not in {"src", "style", "action", "xlink:href"}, element
            if name == "href":
                assert re.fullmatch(r"#[a-z-]+|(\.\./){0,2}[\w./-]+", value), element


def test_a_page_asks_nobody_for_anything(shop_report):
    content = shop_report.content("report.html")

    assert_keeps_to_itself(Document(content))
    assert not re.search(rb"https?:|//|@import|url\(", content)


def test_hostile_ids_are_text_and_nothing_else(hostile):
    document = hostile.page

    assert_keeps_to_itself(document)
    for sku in HOSTILE[:7]:
        assert sku in document.text, sku
    # What would turn a sentence around is left out, what is too long is cut.
    assert "gpj.exe" in document.text
    assert "‮" not in document.text
    assert "x" * 89 + "…" in document.text
    assert_keeps_to_itself(Document(hostile.storage.read("index.html")))
    assert_keeps_to_itself(Document(hostile.storage.read("latest.html")))


def test_no_cell_of_a_file_is_a_formula(hostile):
    """And none is changed otherwise: an apostrophe before those that begin like one, and no more."""
    expected = {f"'{sku}" if sku[0] in "=@-+" else sku for sku in HOSTILE}

    assert expected == {row["sku"] for row in hostile.rows("stockouts")}
    assert expected == {row["supplier_id"] for row in hostile.rows("orders")}
    assert {"0"} == {row["available"] for row in hostile.rows("stockouts")}


def test_the_policy_of_a_page_allows_its_one_style_sheet(shop_report):
    content = shop_report.content("report.html").decode()
    [style] = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    policy = next(e.attributes["content"] for e in shop_report.page.elements if "http-equiv" in e.attributes)

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy


def test_long_lists_are_cut_and_whole_in_their_file(engine, build):
    engine.commit_burst(messages(*(level(0, "00:30", sku=f"S{n:03}") for n in range(40))))

    report = build()

    section = report.page.sections["ran-out"]
    assert 40 == len(report.rows("stockouts"))
    assert 15 == sum(row[0].startswith("S0") for row in section.rows)
    assert "and 25 more in stockouts.csv" in section.text
