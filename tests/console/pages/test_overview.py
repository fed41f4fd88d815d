"""The first page: what is so now, what changed since yesterday, each warehouse; nothing invented where not known."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest

from inventory_assets.clock import set_clock
from inventory_assets.console.pages.overview_views import Known, changes_view, figures_view, percent, rows_view
from inventory_assets.reports.read.overview import Accepted, Changes, Fill, Fills
from inventory_assets.reports.read.shelf_sums import PARTS, ShelfSums
from inventory_assets.reports.read.stock import RanOut
from tests.builders import messages, transaction
from tests.console.pages.test_connectors import words


def said_by(text: str) -> str:
    """What a page says, a line of a figure after the other."""
    return words(text.replace("<br>", " "))


def row_of(text: str, warehouse: str) -> str:
    """What a warehouse's line says."""
    [row] = [
        each for each in re.findall(r"<tr>\s*<td class=\"place\">.*?</tr>", text, re.S) if f">{warehouse}<" in each
    ]
    return said_by(row)


def test_the_first_page_is_the_overview_and_kept_addresses_are_the_alerts(shop, console):
    assert "<h1>Overview</h1>" in console.get("/").text
    for path in ("/alerts", "/?type=STOCKOUT", "/?sort=oldest"):
        assert "open alerts</h1>" in console.get(path).text


def test_counts_are_those_of_the_alerts_page(shop, console):
    text = unescape(console.get("/").text)

    assert re.search(r'href="/alerts\?type=STOCKOUT"[^>]*>\s*<b>1</b>', text)
    assert re.search(r'href="/alerts\?type=LOW_STOCK"[^>]*>\s*<b>1</b>', text)
    assert re.search(r'href="/alerts\?type=REORDER"[^>]*>\s*<b>0</b>', text)
    assert "2 open alerts" in console.get("/alerts").text and "of 2 open alerts" in text


def test_it_says_what_changed_and_where(shop, console):
    text = console.get("/").text

    said = said_by(text)
    assert "2 shelves with a new alert" in said and "1 shelf ran empty" in said
    assert "1 0 of 1" not in row_of(text, "W1") and "0 of 1" in row_of(text, "W1")
    assert "1 of 1" in row_of(text, "W2") and "1 new, 0 worse" in row_of(text, "W2")
    for link in ('href="/stock?warehouse=W2"', 'href="/alerts?warehouse=W2"'):
        assert link in text


def test_what_came_shows(shop, console):
    shop.commit_burst(messages(transaction("T9", "RESTOCK", 80, "10:00", sku="S2", warehouse_id="W2")))

    text = console.get("/").text

    assert "1 arrival 80 units booked in" in said_by(text) and "1 shelf restocked" in said_by(text)
    row = row_of(text, "W2")
    assert "1 restocked" in row and "80 units" in row and "0 of 1" in row


def test_what_is_not_known_is_a_dash_and_says_why(shop, console):
    said = said_by(console.get("/").text)

    assert "– value of 5 units on hand no price is known" in said
    assert "– fill rate the marts were not built yet" in said
    assert "– urgent lines of the plan there is no plan yet" in said
    assert "– sales at risk there is no plan yet" in said


def test_yesterday_is_that_of_the_business(shop, settings, console):
    """By a demo's clock it is another day; what the lake's own events say goes before."""
    set_clock(settings, shown=datetime(2024, 5, 2, 9, tzinfo=UTC), speed=60)

    assert re.search(r"since \d+ \w+( \d{4})? 00:00 UTC", words(console.get("/").text))


def test_without_a_version_there_is_nothing_to_say(engine, console):
    text = console.get("/").text

    assert "Nothing has been ingested yet" in text and "<table" not in text


def test_it_takes_no_filter_it_does_not_know(shop, console):
    assert 400 == console.get("/?colour=red").status


SINCE = datetime(2026, 3, 1)
CHANGES = Changes(
    since=SINCE, as_of=SINCE + timedelta(hours=31), version=9,
    steps={("W1", "new"): 2, ("W2", "new"): 1, ("W1", "over"): 4}, ran_out={"W1": RanOut(1, 2)}, restocked={"W1": 3},
    arrived={}, accepted=(Accepted("<b>dana</b>", 3, 60), Accepted("ann", 1, 5)), plan_day=date(2026, 3, 2),
    at_risk={"W1": 99.6},
)  # fmt: skip
KNOWN = Known(
    sums={"W1": ShelfSums(shelves=4, empty=1, on_hand=10**12, stocked=3, priced=2, value_parts=25 * PARTS // 10)},
    alerts={"W1": {"STOCKOUT": 1}, "W9": {"LOW_STOCK": 2}}, changes=CHANGES, plan=None,
    fills=Fills(datetime(2026, 3, 2), date(2026, 3, 1), 0.99999, {"W1": Fill(0.5, None)}), are_fills_known=True,
)  # fmt: skip
COUNTS = {"firing": 3, "open": 3, "stockout": 1, "low": 2, "reorder": 0}


def figure(found, key):
    return next(each for each in found if each.key == key)


def test_figures_have_unit_price_basis_and_day():
    found = figures_view(KNOWN, COUNTS)

    assert ("2", "at list prices, without 1 shelf of no known price") == figure(found, "value")[0:4:2]
    assert "1,000,000,000,000 units" in figure(found, "value").words
    assert ("100", "at list prices, until orders arrive, plan of Mon 2 Mar") == figure(found, "risk")[0:4:2]
    assert ("99.9 %", "of units ordered, 28 days to Sun 1 Mar") == figure(found, "fill")[0:4:2]
    assert ("–", "being worked out") == figure(found, "urgent")[0:4:2]


def test_changes_add_up_over_warehouses_and_name_who_accepted():
    found = changes_view(KNOWN)

    assert ["3", "0", "4", "3", "3", "0", "4"] == [each.value for each in found]
    assert "65 units, by <b>dana</b> 3 and ann 1" == figure(found, "accepted").more
    assert figure(found, "accepted").href == "/replenish?show=decided"


def test_every_warehouse_that_anything_is_known_of_has_a_line():
    first, second = rows_view(KNOWN)

    assert ("W1", 1, "50 %", 4) == (first["warehouse"], first["alerts"], first["fill"], first["steps"]["over"])
    assert ("W9", 2, "–", 0) == (second["warehouse"], second["alerts"], second["fill"], second["shelves"])


def test_what_is_pending_is_no_zero():
    pending = replace(KNOWN, changes=None, fills=None, are_fills_known=False)

    assert [] == changes_view(pending) and pending.is_pending
    assert [None, None] == [row["steps"] for row in rows_view(pending)]
    assert ("–", "being worked out") == figure(figures_view(pending, COUNTS), "fill")[0:4:2]


@pytest.mark.parametrize(
    ("share", "text"), [(None, "–"), (1.0, "100 %"), (0.99999, "99.9 %"), (0.9834, "98.3 %"), (0.0, "0 %")]
)
def test_all_is_only_what_is_all(share, text):
    assert text == percent(share)
