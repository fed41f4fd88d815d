"""The pages of stock: the tree of now and of a moment, a SKU with its past, and addresses that hold where one is."""

import re
from html import unescape

import pytest

from tests.builders import level, messages, rule, transaction
from tests.console.conftest import escaped

PARENTS = {"department_id": "D/1", "category_id": "C 1", "brand_id": "B", "product_id": "P", "product_name": "Phone"}


@pytest.fixture
def traded(open_filled):
    """S1 in two warehouses and S2 in one, of a tree with odd ids; S1 is low at W1; a delivery came at 10:00."""

    def fill(engine):
        engine.commit_burst(
            messages(
                rule(10, 20), level(100, **PARENTS), level(7, warehouse_id="W2", **PARENTS),
                level(30, sku="S2", **PARENTS | {"product_name": "Other"}),
            )
        )  # fmt: skip
        engine.commit_burst(messages(transaction("T1", quantity=-95), transaction("R1", "RESTOCK", 3, at="10:00")))
        engine.commit_burst(messages(transaction("T2", quantity=-1, at="07:30")))

    return open_filled(fill)


def text_of(answer):
    assert answer.status == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def rows_of(answer):
    """Of each row of the tables its cells' texts."""
    assert answer.status == 200, answer.text
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", answer.text, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in each] for each in cells if each]


def test_the_root_has_warehouses_and_departments_with_sums_and_alerts(traded, console):
    answer = console.get("/stock")

    assert [["W1", "37", "37", "0", "0", "2", "1"], ["W2", "7", "7", "0", "0", "1", "1"], ["D/1", "44", "44", "0", "0", "2", "2"]] == rows_of(answer)  # fmt: skip


def test_one_goes_down_by_links_and_up_by_crumbs(traded, console):
    path, seen = "/stock", []
    for _ in range(5):
        page = console.get(path).text
        path = unescape(re.findall(r'<td class="product"><a href="([^"]*)"', page)[-1])
        seen.append(path)

    assert ["level=DEPARTMENT&id=D%2F1", "level=CATEGORY&id=C+1", "level=CATEGORY_BRAND&id=C+1%2FB", "level=PRODUCT&id=P", "sku=S1"] == [each.partition("?")[2] for each in seen]  # fmt: skip
    crumbs = re.findall(r'<li><a href="([^"]*)"', console.get(path).text)
    assert ["/stock", *seen[:4]] == [unescape(each) for each in crumbs]


def test_a_warehouse_alone_stays_on_the_way_down(traded, console):
    answer = console.get("/stock?level=PRODUCT&id=P&warehouse=W2")

    assert [["Phone S1", "7", "7", "0", "0", "1"]] == rows_of(answer)
    assert "/stock?sku=S1&warehouse=W2" in unescape(answer.text)
    assert "What W2 has least of" in text_of(answer)


def test_rows_are_sorted_as_asked(traded, console):
    for sort, first in (("name", "Other"), ("available", "Phone"), ("alerts", "Phone")):
        assert rows_of(console.get(f"/stock?level=PRODUCT&id=P&sort={sort}"))[0][0].startswith(first), sort


def test_a_part_of_a_name_or_id_finds(traded, console):
    assert ["Phone S1"] == [row[0] for row in rows_of(console.get("/stock?q=pHON"))]
    assert 2 == len(rows_of(console.get("/stock?q=s")))
    assert "No SKU has that" in text_of(console.get("/stock?q=nothing"))


def test_a_list_is_paged(open_filled, console):
    def many(engine):
        engine.commit_burst(messages(*(level(1, sku=f"S{number:03}", **PARENTS) for number in range(60))))

    open_filled(many)

    assert 50 == len(rows_of(console.get("/stock?level=PRODUCT&id=P")))
    last = console.get("/stock?level=PRODUCT&id=P&page=2")
    assert 10 == len(rows_of(last))
    assert "level=PRODUCT&id=P" in unescape(last.text) and "Page 2 of 2" in text_of(last)


def test_a_sku_shows_its_shelves_its_past_and_its_ledger(traded, console):
    answer = console.get("/stock?sku=S1&warehouse=W1")
    text = text_of(answer)

    assert "S1 at W1: available, in units" in answer.text
    assert ["3 arrived, 20 Apr 10:00 UTC"] == re.findall(r">▲<title>([^<]*)", answer.text)
    assert re.search(r"<title>Low stock at W1: from 20 Apr 08:00 UTC, still open", answer.text)
    assert "low 10, reorder 20" in text
    ledger = rows_of(answer)[-4:]
    assert ["Delivery", "Sale", "Sale came late", "Counted"] == [row[1] for row in ledger]
    assert [["+3", "7"], ["-95", "4"], ["-1", "99"], ["+100", "100"]] == [row[3:5] for row in ledger]
    assert "Nothing" not in text


def test_all_warehouses_are_together_unless_one_is_named(traded, console):
    answer = console.get("/stock?sku=S1")

    assert "all warehouses together" in text_of(answer)
    assert "S1: available, in units" in answer.text and "last 14." in answer.text
    assert "limit low" not in answer.text


def test_how_far_back_is_in_the_address(traded, console):
    for days in ("7", "30", "90", "365"):
        answer = console.get(f"/stock?sku=S1&warehouse=W1&days={days}")
        assert f'days={days}" aria-current="true"' in answer.text


@pytest.mark.parametrize(
    ("at", "department", "shelf"), [("2022-04-20T07:45", "136", "99"), ("2022-04-20T09:00:00Z", "41", "4")]
)
def test_a_moment_shows_what_was_there_by_event_time(traded, console, at, department, shelf):
    """Late or not: the sale of 07:30 arrived last."""
    tree, sku = console.get(f"/stock?at={at}"), console.get(f"/stock?sku=S1&warehouse=W1&at={at}")

    assert [department] == [row[1] for row in rows_of(tree) if row[0] == "D/1"]
    assert [shelf] == [row[1] for row in rows_of(sku) if row[0] == "W1" and len(row) > 8]
    for answer, now in ((tree, "/stock"), (sku, "/stock?sku=S1&warehouse=W1")):
        assert "As of" in answer.text and f'<a href="{now}">Back to now</a>' in unescape(answer.text)
    assert "10:00" not in text_of(sku).partition("Ledger")[2]


def test_before_all_there_was_nothing(traded, console):
    assert "Nothing is known of stock at that moment" in text_of(console.get("/stock?at=2022-04-20T06:00"))
    assert "Nothing is known of it at that moment" in text_of(console.get("/stock?sku=S1&at=2022-04-20T06:00"))


WRONG = [
        ("at=2999-01-01T00:00", 400, "yet to come"), ("at=yesterday", 422, "expected an RFC 3339 time"),
        ("level=CATEGORY", 400, "belong together"), ("level=SHELF&id=x", 400, "expected one of"),
        ("sort=x", 400, "expected one of"), ("sku=S1&days=8", 400, "expected one of"), ("page=0", 400, "expected a whole"),
        ("x=1", 400, "unknown parameter"),
    ]  # fmt: skip


def test_what_is_wrong_in_an_address_is_said(traded, console):
    for query, status, why in WRONG:
        answer = console.get(f"/stock?{query}")
        assert status == answer.status
        assert why in unescape(answer.text)


@pytest.mark.parametrize("text", ["a/b", "\"'><script>alert(1)</script>", "日本 %2F :", "it's"])
def test_what_nobody_knows_is_no_error(traded, console, text):
    for query in (
        "sku={0}",
        "sku=S1&warehouse={0}",
        "level=PRODUCT&id={0}",
        "warehouse={0}",
        "q={0}",
        "warehouse={0}&view=shelves",
    ):
        answer = console.get("/stock?" + query.format(escaped(text)))
        assert 200 == answer.status, answer.text
        assert "<script>alert" not in answer.text


def test_headings_and_pictures_have_names(traded, console):
    """What a screen reader needs: one first heading, a label for each drawing and field, headers for columns."""
    for path in ("/stock", "/stock?sku=S1&warehouse=W1", "/stock?sku=S1&at=2022-04-20T09:00"):
        text = console.get(path).text
        assert 1 == text.count("<h1>")
        assert all("aria-label" in each for each in re.findall(r"<svg[^>]*role=[^>]*>", text))
        assert all('scope="col"' in each for each in re.findall(r"<th[ >][^>]*>", text))
        assert not re.findall(r"style=|<script>", text)
