"""A planner at seven sees which warehouse was not heard of, and as of when its numbers are."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from inventory_assets.console.pages.views import connectors_view, day_time
from inventory_assets.domain.events.connectors import Heard
from inventory_assets.domain.quality.pipeline import FindingKind
from inventory_assets.domain.values import MINUTE_US, to_microseconds
from inventory_assets.quality.pipeline import connector_rows
from tests.builders import heartbeat, message
from tests.console.conftest import alert_ids

ODD = "<b>WH/1</b>"


def words(text: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", text)))


@pytest.fixture
def silent(shop):
    """The shop with W1 live, and W2 not heard of for 25 minutes."""
    now = datetime.now(UTC)
    beats = [
        message(heartbeat("c1"), topic="thresholds-topic", published_at=now),
        message(heartbeat("c2", warehouse_id="W2"), topic="thresholds-topic", published_at=now - timedelta(minutes=25)),
    ]
    shop.commit_burst(beats)
    return now - timedelta(minutes=25)


@pytest.mark.parametrize("path", ["/", "/stock?warehouse=W1", "/incidents"])
def test_without_a_connector_there_is_nothing_to_see(shop, console, path):
    text = console.get(path).text

    assert "Connectors" not in text and "chip" not in text


def test_the_alerts_page_names_the_silent_warehouse_and_marks_its_alerts(silent, console):
    text = words(console.get("/alerts").text)

    since = day_time(silent, datetime.now(UTC).date())
    assert f"W2 not heard of, as of {since}" in text and "1 other live" in text
    assert f"W2as of {since} UTC" in text and "W1as of" not in text
    assert "Connectors 1" in text


def test_no_alert_is_no_all_clear_where_a_warehouse_is_silent(engine, console):
    at = datetime.now(UTC) - timedelta(minutes=25)
    engine.commit_burst([message(heartbeat(), topic="thresholds-topic", published_at=at)])

    text = words(console.get("/alerts").text)

    assert "every shelf has what" not in text and "not all of it is of now" in text


def test_an_alert_of_a_silent_warehouse_says_as_of_when_it_is(silent, console):
    stockout, low = alert_ids(console)

    assert "W2 was not heard of since" in words(console.get(f"/alerts/{stockout}").text)
    assert "was not heard of" not in words(console.get(f"/alerts/{low}").text)


def test_the_stock_of_a_silent_warehouse_says_as_of_when_it_is(silent, console):
    assert "W2 was not heard of since" in words(console.get("/stock?warehouse=W2").text)
    assert f"W2as of {day_time(silent, datetime.now(UTC).date())} UTC" in words(console.get("/stock?sku=S2").text)
    assert "was not heard of" not in words(console.get("/stock?warehouse=W1").text)


def test_the_page_of_connectors_has_the_wrong_ones_first_and_what_to_do(silent, console):
    text = words(console.get("/connectors").text)

    assert "1 of 2 connectors to look at" in text
    assert text.index("c2") < text.index("c1")
    assert "See whether c2 runs" in text
    [first, second] = console.get("/api/connectors").json
    assert (("c1", None, True), ("c2", "connector_silent", False)) == tuple(
        (row["connector_id"], row["finding"], row["is_current"]) for row in (first, second)
    )


def test_ids_of_connectors_are_text(shop, console):
    """RULES 4: whoever publishes a heartbeat names it."""
    shop.commit_burst(
        [message(heartbeat(ODD, warehouse_id=ODD, last_error=ODD, state="failed"), topic="control-topic")]
    )

    text = console.get("/connectors").text

    assert ODD not in text and "&lt;b&gt;WH/1&lt;/b&gt;" in text
    assert ODD not in console.get("/").text and ODD not in console.get("/alerts").text


@pytest.mark.parametrize(
    ("kind", "state", "heard_minutes", "until_minutes", "gaps"),
    [
        (None, "streaming", 0, 0, 0),
        (FindingKind.SILENT, "streaming", 6, 6, 0),
        (FindingKind.STOPPED, "stopping", 0, 0, 0),
        (FindingKind.FAILED, "failed", 0, 0, 0),
        (FindingKind.COPYING, "copying", 0, 9, 0),
        (FindingKind.DISCONNECTED, "recovering", 0, 9, 0),
        (FindingKind.BEHIND, "streaming", 0, 9, 0),
        (FindingKind.GAP, "streaming", 0, 0, 1),
    ],
)
def test_every_state_of_a_connector_has_words(kind, state, heard_minutes, until_minutes, gaps):
    now = to_microseconds(datetime.now(UTC))
    heard = Heard(
        connector_id="c1", heard_at=now - heard_minutes * MINUTE_US, state=state, open_gaps=gaps,
        published_until=now - until_minutes * MINUTE_US,
    )  # fmt: skip

    [row] = connector_rows([heard], now=now)
    [view] = connectors_view([row], datetime.now(UTC).date())["all"]

    assert (kind, kind is None) == (row["finding"], view["is_live"])
    assert (kind is None) is (view["words"] == "live")
