"""Every page: on a lake with stock, on an empty one, on none; with ids that hold anything (RULES 4)."""

import re
from html import unescape

import pytest

from inventory_assets.console.pages import views
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.settings import Settings
from inventory_assets.words.text import visible
from tests.builders import level, messages, rule, transaction
from tests.conftest import copy_home
from tests.console.conftest import alert_ids, escaped, take_in

PAGES = (
    "/", "/alerts", "/?state=all&type=STOCKOUT&priority=CRITICAL&warehouse=W1&sku=S1&unacknowledged=true&page=2",
    "/?q=s1&category=c&brand=b&department=d&supplier=p&sort=oldest", "/?state=resolved&q=x&sort=available",
    "/incidents", "/incidents?state=all", "/connectors", "/stock", "/stock?q=s", "/stock?sku=S1",
    "/stock?warehouse=W1", "/stock?warehouse=W1&view=shelves", "/stock?at=2022-04-20T09:00",
    "/replenish", "/replenish?show=all&sort=value&supplier=ACME&warehouse=W1&category=C1&q=x&page=2",
    "/replenish/order?supplier=ACME", "/replenish?show=decided", "/replenish/ordered", "/thresholds",
    "/thresholds?q=x&level=SKU", "/thresholds/rule", "/thresholds/rule?level_type=GLOBAL",
    "/thresholds/rule?level_type=SKU&level_id=S1&warehouse_id=W1", "/thresholds/ladder",
    "/thresholds/ladder?warehouse=W1&sku=S1", "/thresholds/history", "/thresholds/check", "/thresholds/import",
    "/login",
)  # fmt: skip
ODD = (
    "a/b", "../..", "x?y=1&z#w", "100%25 %2F", "\"'><script>alert(1)</script>", "=HYPERLINK(1)", "日本 ü\u202e", "{{7*7}}",
    "-", "é" * 128, "ack",
)  # fmt: skip
SHARP = ("../..", "\"'><script>alert(1)</script>")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_a_shop(shop, console, path):
    answer = console.get(path)

    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_an_empty_lake(empty_home, home, console, path):
    copy_home(empty_home, home)

    answer = console.get(path)

    assert answer.status == 200, answer.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_a_lake_says_what_to_do(console, path):
    answer = console.get(path)

    assert answer.status in (200, 503)
    assert "Traceback" not in answer.text
    if answer.status == 503:
        assert "there is no lake" in answer.text and "looks again by itself" in answer.text


def test_an_alert_page_says_all_of_it(shop, broker, console):
    [_, low] = alert_ids(console)

    text = unescape(console.get(f"/alerts/{low}").text)
    explained = unescape(console.get(f"/part/explain/{low}").text)

    for part in (
        "Low stock",
        "Order 35",
        "on hand 5 − reserved 0 = available 5",
        "opened: stock fell below",
        "Nobody yet",
    ):
        assert part in text, part
    assert 'href="/thresholds/rule?level_type=GLOBAL"' in text
    assert "Worked out again from the stock messages as received: the same" in explained
    assert "needed 35 = target 40 − available 5" in explained
    take_in(shop, broker)


def test_the_worst_comes_first_with_what_to_do(shop, console):
    text = console.get("/alerts").text

    kinds = re.findall(r'class="badge (\w+)"', text)
    assert kinds == ["critical", "high"]
    assert "2 open alerts" in text
    assert "Order 35" in text and "Order 40" in text


def test_heads_of_columns_sort_and_keep_the_filters(shop, console):
    text = unescape(console.get("/alerts?state=all&sort=warehouse&priority=HIGH").text)

    assert 'href="/alerts?state=all&sort=sku&priority=HIGH"' in text
    assert re.search(r'<th aria-sort="ascending"><a class="sorts" href="[^"]*">Warehouse', text)
    assert text.count("aria-sort") == 1


def test_a_filter_stays_in_its_picker_when_nothing_of_it_is_open(shop, console):
    text = console.get("/?brand=No%3CName%3E").text

    assert '<option value="No&lt;Name&gt;" selected>' in text
    assert "No alert fits this filter" in text


def test_a_page_that_did_not_change_is_not_sent_again(shop, console):
    first = console.get("/thresholds")

    again = console.get("/thresholds", if_none_match=first.headers["etag"])

    assert (again.status, again.text) == (304, "")


@pytest.fixture(scope="module")
def odd_home(empty_home, tmp_path_factory):
    """A lake whose warehouses, SKUs, categories and names are each of `ODD`."""
    home = copy_home(empty_home, tmp_path_factory.mktemp("odd"))
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20)))
    for number, text in enumerate(ODD):
        engine.commit_burst(
            messages(
                rule(11, 21, level_type="CATEGORY", level_id=text, warehouse_id=text, updated_by=text, reason=text),
                level(100, sku=text, warehouse_id=text, category_id=text, product_name=text),
            )
        )
        engine.commit_burst(messages(transaction(f"T{number}", quantity=-95, sku=text, warehouse_id=text)))
    engine.close()
    return home


@pytest.fixture
def settings(request, home):
    """Of the odd lake, where a test asks for it."""
    return Settings(home=request.getfixturevalue("odd_home") if "odd_home" in request.fixturenames else home)


# The sharpest always; `make test-all` has the others.
@pytest.mark.parametrize("text", [text if text in SHARP else pytest.param(text, marks=pytest.mark.big) for text in ODD])
def test_ids_hold_anything(odd_home, console, text):
    [row] = console.get(f"/api/alerts?sku={escaped(text)}&warehouse={escaped(text)}").json
    query = f"warehouse={escaped(text)}&sku={escaped(text)}"
    tree = f"level=CATEGORY&id={escaped(text)}"
    rule_ = f"level_type=CATEGORY&level_id={escaped(text)}&warehouse_id={escaped(text)}"
    paths = [
        views.alert_href(row["alert_id"]), f"/part/explain/{escaped(row['alert_id'])}", f"/?sku={escaped(text)}",
        f"/stock?sku={escaped(text)}", f"/stock?q={escaped(text)}", f"/stock?warehouse={escaped(text)}",
        f"/stock?sku={escaped(text)}&warehouse={escaped(text)}&at=2022-04-20T09:00", f"/stock?{tree}&at=2022-04-20T09:00",
        f"/stock?{tree}&warehouse={escaped(text)}", f"/stock?warehouse={escaped(text)}&view=shelves",
        f"/thresholds/ladder?{query}", f"/thresholds/rule?{rule_}", f"/thresholds?q={escaped(text)}",
    ]  # fmt: skip

    assert row["sku"] == row["warehouse_id"] == text
    for path in paths:
        answer = console.get(path)
        assert answer.status == 200, (path, answer.text)
        assert "<script>alert" not in answer.text
        assert "49" not in re.sub(r"\d{3,}|[0-9a-f]{8}", "", answer.text) or "{{7*7}}" not in text
    for path in (f"/api/stock/tree?{tree}", f"/api/stock/history?{query}"):
        assert text in console.get(path).json.values(), path
    assert f"category {visible(text)}".lower() in unescape(console.get(paths[0]).text).lower()


@pytest.mark.parametrize("text", ODD)
def test_an_alert_with_any_id_is_acted_on(odd_home, broker, console, text):
    [row] = console.get(f"/api/alerts?sku={escaped(text)}").json

    sent = console.send("POST", f"/api/alerts/{escaped(row['alert_id'])}/note", {"reason": text})
    set_ = console.send("PUT", "/api/thresholds", {"level_type": "SKU", "level_id": text, "warehouse_id": text, "min_threshold_qty": 1, "reason": text})  # fmt: skip

    assert sent.status == set_.status == 202, sent.text + set_.text
    assert [message.topic for message in broker.published] == ["control-topic", "thresholds-topic"]


@pytest.mark.big
def test_every_link_of_a_page_leads_somewhere(odd_home, console):
    for start in (
        "/", "/alerts", "/thresholds", "/thresholds/history", "/stock?q=a", "/stock?sort=alerts", "/stock?sku=a%2Fb",
    ):  # fmt: skip
        links = {unescape(link) for link in re.findall(r'href="(/[^"]*)"', console.get(start).text)}
        # Nobody has built a report here, and the page says so.
        assert "there is no report yet" in console.get("/reports/").text
        for link in sorted(links - {"/reports/"}):
            assert console.get(link).status == 200, link


def test_a_lake_that_is_rebuilt_goes_on_working(shop, console):
    before = alert_ids(console)
    rebuild_lake(shop, Replay(meaning=shop.meaning), lambda burst: None)
    shop.commit_burst(messages(transaction("T9", quantity=-5)))

    assert alert_ids(console, "?state=all&limit=50") != before
    assert console.get("/").status == 200
    assert console.get("/healthz").json["lake_version"] == 4


def test_a_lake_that_is_made_anew_is_found(shop, console, home, open_engine):
    """Somebody deletes INVENTORY_HOME and starts afresh."""
    import shutil

    assert len(alert_ids(console)) == 2
    shop.close()
    shutil.rmtree(home)
    assert console.get("/").status == 503
    fresh = open_engine()
    fresh.commit_burst(messages(level(100)))

    assert console.get("/healthz").json["lake_version"] == 1
    assert console.get("/api/alerts?state=all").json == []
