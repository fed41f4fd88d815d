"""The Replenish page: the plan by supplier, why each line, the order on paper and as a file; ids hold anything (RULES 4)."""

import csv
import io
import re
from datetime import date
from html import unescape

import pytest

from inventory_assets.console.pages import replenish as pages
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.refresh.products import import_products
from inventory_assets.settings import Settings
from inventory_assets.words.text import visible
from tests.builders import rule, transaction
from tests.conftest import copy_home
from tests.console.conftest import escaped, take_in
from tests.console.planner import LINE, OTHER, decide, fill, planned
from tests.replenish.shop import plan, take, trade

ODD = ("a/b-c", "\"'><script>alert(1)</script>", "=HYPERLINK(1)", "日本 ü\u202e", "x?y=1&z#w %2F")


@pytest.fixture
def shop(open_filled):
    return open_filled(planned)


def text_of(console, path):
    answer = console.get(path)
    assert answer.status == 200, (path, answer.text)
    return unescape(answer.text)


def rows_of(console, path):
    return list(csv.DictReader(io.StringIO(console.get(path).text, newline="")))


def test_lines_come_by_supplier_with_sums_and_why(shop, console):
    text = text_of(console, "/replenish")

    assert "Plan of 2022-05-20, of lake version 2" in text
    assert ["ACME", "BOLT"] == re.findall(r'class="name"><bdi>(\w+)', text)
    for part in ("No supplier is known", "2 lines · 84 units · 168 at sales prices · lead time 5 days", "Order 84 from ACME now",
                 "needed 82 = target 132 − available 20 − moved here 30", "packs of 6", 'href="/stock?sku=S1"',
                 "/replenish/order.csv?supplier=ACME", "/replenish/order?no_supplier=true"):  # fmt: skip
        assert part in text or part.lower() in text.lower(), part
    assert f'data-line="{LINE}"' in text and 'value="84"' in text


def test_without_a_plan_the_page_says_who_makes_one(open_filled, console):
    open_filled(fill)

    assert "There is no plan yet" in text_of(console, "/replenish")
    assert rows_of(console, "/replenish.csv") == []
    assert "Nothing is to be ordered" in text_of(console, "/replenish/order?supplier=ACME")


def test_a_filter_that_nothing_fits_says_so(shop, console):
    assert "No line fits this filter" in text_of(console, "/replenish?q=nothing")
    assert "Nothing is decided" in text_of(console, "/replenish?show=decided")


def test_stock_is_of_now_and_the_line_of_its_day(shop, console):
    take(shop, transaction("late", quantity=-13, at="2022-05-20T08:00:00Z", sku="S1", warehouse_id="W1"))
    shop.land()

    text = text_of(console, "/replenish?q=lamp&warehouse=W1")

    assert 'data-label="Stock now"><b>7</b>' in text and 'value="84"' in text


def test_what_is_decided_is_on_the_line_at_once(shop, broker, console):
    decide(console, "accept", {"line_id": LINE, "quantity": 90})
    decide(console, "dismiss", OTHER, reason="<b>goes out</b>")
    take_in(shop, broker)

    text, decided = text_of(console, "/replenish"), console.get("/replenish?show=decided").text

    assert "accepted 90 by dana: PO 1" in text and 'value="90"' in text and OTHER not in text
    assert "1 accepted, 1 dismissed" in text
    assert "dismissed by dana: &lt;b&gt;goes out&lt;/b&gt;" in decided


def test_a_page_is_cut_and_says_where_a_group_goes_on(shop, console, monkeypatch):
    monkeypatch.setattr(pages, "PER_PAGE", 1)

    first, second = (text_of(console, f"/replenish?supplier=ACME{page}") for page in ("", "&page=2"))

    assert "More of" in first and "on the next page" in first and "(continued)" in second
    assert "2 lines · 84 units" in first and "2 lines · 84 units" in second, (
        "the sums are the supplier's, not the page's"
    )
    assert first.count("data-line=") == second.count("data-line=") == 1


def test_why_works_the_line_out_again(shop, console):
    text = text_of(console, f"/part/plan?line={LINE}")

    assert "the same" in text and "300 sold on 30 days" in text and "on hand 20 − reserved 0 = available 20" in text
    assert [404, 400] == [console.get(f"/part/plan{query}").status for query in ("?line=pln-1-x-y", "")]


def test_an_order_is_of_what_was_accepted_or_else_proposed(shop, broker, console):
    proposed = text_of(console, "/replenish/order?supplier=ACME")
    decide(console, "accept", {"line_id": LINE, "quantity": 90})
    take_in(shop, broker)

    order = text_of(console, "/replenish/order?supplier=ACME")

    file = rows_of(console, "/replenish/order.csv?supplier=ACME")

    assert [(LINE, "90")] == [(row["line_id"], row["quantity"]) for row in file]
    assert [400] == [console.get("/replenish/order.csv").status]
    assert "Proposed order to" in proposed and "14 of 6" in proposed and "168.00" in proposed
    assert "Proposed" not in order and "15 of 6" in order and "180.00" in order and "dana" in order
    assert "no supplier is known" in text_of(console, "/replenish/order?no_supplier=true")
    assert [400, 400] == [
        console.get(path).status for path in ("/replenish/order", "/replenish/order?supplier=ACME&of=x")
    ]


def test_a_file_has_the_lines_of_the_filter(shop, broker, console):
    decide(console, "accept", {"line_id": LINE, "quantity": 90})
    take_in(shop, broker)
    answer = console.get("/replenish.csv?supplier=ACME")
    rows = rows_of(console, "/replenish.csv?supplier=ACME")

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="plan-2022-05-20.csv"'
    mine = next(row for row in rows if row["line_id"] == LINE)
    assert ("90", "180.0", "6", "accepted", "true") == tuple(
        mine[name] for name in ("quantity", "value", "pack_multiple", "state", "is_urgent")
    )
    assert rows_of(console, "/replenish.csv?q=chair")[0]["sku"] == "S3"


def test_what_was_ordered_is_found_after_the_next_plan(shop, broker, console):
    """The next plan's lines are open again: where else would one see that 90 are on order?"""
    decide(console, "accept", {"line_id": LINE, "quantity": 90}, reason="PO <b>1</b>")
    take_in(shop, broker)
    plan(shop, date(2022, 5, 27))
    shop.land()

    shown, listed = console.get("/replenish?show=decided").text, console.get("/replenish/ordered?open=true&q=lamp").text

    for text in (shown, listed):
        for part in ("PO &lt;b&gt;1&lt;/b&gt;", LINE, "by <bdi>dana</bdi> on 20", '<span class="late">overdue</span>',
                     "as of 2022-05-27 90 units to come, 90 overdue", "90 overdue since 2022-05-25"):  # fmt: skip
            assert part in text, part
    assert "Nothing is decided on the lines of this plan" in shown
    assert "Nothing that was accepted fits this filter" in text_of(console, "/replenish?show=decided&supplier=BOLT")
    assert "There are no more" in text_of(console, "/replenish/ordered?page=2")
    assert [("90", "overdue", LINE)] == [
        (row["accepted_quantity"], row["state"], row["line_id"]) for row in rows_of(console, "/replenish/ordered.csv")
    ]
    assert [400, 400] == [console.get(f"/replenish/ordered?{query}").status for query in ("open=x", "show=all")]


@pytest.fixture(scope="module")
def odd(filled, tmp_path_factory):
    """Warehouses, SKUs, names and suppliers that are each of `ODD`."""
    return filled(_odd, tmp_path_factory.mktemp("odd-plan"))


def _odd(engine):
    import_products(engine, [
        Product(sku=text, product_name=text, supplier_id=text, lead_time_days=5, unit_price=1.0) for text in ODD
    ])  # fmt: skip
    take(engine, rule(1, 15), *(each for text in ODD for each in trade(text, 5, warehouse=text)))
    plan(engine)


def test_ids_hold_anything(odd, open_engine, broker, home, open_console):
    engine = open_engine(chosen=Settings(home=copy_home(odd, home)))
    console = open_console()
    page = console.get("/replenish")

    assert page.status == 200 and "<script>alert" not in page.text
    for text in ODD:
        [row] = console.get(f"/api/plan?supplier={escaped(text)}&warehouse={escaped(text)}").json
        assert row["sku"] == text
        for path in (f"/replenish?supplier={escaped(text)}&q={escaped(text)}", f"/part/plan?line={escaped(row['line_id'])}",
                     f"/replenish/order?supplier={escaped(text)}"):  # fmt: skip
            answer = console.get(path)
            assert answer.status == 200 and "<script>alert" not in answer.text, path
        assert visible(text) in unescape(console.get(f"/replenish/order?supplier={escaped(text)}").text)
        [told] = rows_of(console, f"/replenish.csv?supplier={escaped(text)}")
        assert not told["sku"].startswith("=")
    lines = [
        {"line_id": row["line_id"], "warehouse_id": row["warehouse_id"], "sku": row["sku"]}
        for row in console.get("/api/plan").json
    ]
    assert {"sent"} == {each["outcome"] for each in decide(console, "accept", *lines).json["lines"]}
    take_in(engine, broker)
    assert {"accepted"} == {row["state"] for row in console.get("/api/plan").json}
    listed = console.get("/replenish/ordered").text
    assert "<script>alert" not in listed and all(visible(text) in unescape(listed) for text in ODD)
    for link in sorted({unescape(link) for link in re.findall(r'href="(/[^"]*)"', page.text)}):
        assert console.get(link).status == 200 or link == "/reports/", link
