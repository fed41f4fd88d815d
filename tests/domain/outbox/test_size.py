"""What is too long for its topic is shortened and says so; nothing is dropped whole, and no id is cut."""

import json

import msgspec
import pytest

from inventory_assets.domain.outbox.size import fit

ID = "alt-20220420-" + "W" * 256 + "-" + "S" * 256 + "-LOW_STOCK-58d6eed7"


def alert(events=2, name="Lamp"):
    lineage = {"opening_event_id": "e0", "event_ids": [f"transaction:W1:TRX-{n:07d}" for n in range(events)]}
    return {"alert_id": ID, "product_name": name, "lineage": lineage, "stock_trend": [{"available_stock": 3}] * 5}


def test_what_fits_is_as_it_is():
    document = alert()

    assert msgspec.json.encode(document) == fit(document, 10_000)
    assert "truncated" not in json.loads(fit(document, 10_000))


def test_the_longest_list_loses_its_end_and_the_message_says_so():
    body = fit(alert(events=2_000), 10_000)

    found = json.loads(body)
    assert len(body) <= 10_000
    assert found["truncated"] is True
    # Not much more is taken than has to be.
    assert len(body) > 9_500
    assert (
        alert(events=2_000)["lineage"]["event_ids"][: len(found["lineage"]["event_ids"])]
        == (found["lineage"]["event_ids"])
    )
    assert (ID, 5) == (found["alert_id"], len(found["stock_trend"]))


@pytest.mark.parametrize("name", ["x" * 50_000, "é" * 50_000, '"\\' * 50_000])
def test_a_text_without_end_is_shortened_and_stays_text(name):
    body = fit(alert(name=name), 12_000)

    found = json.loads(body)
    assert len(body) <= 12_000
    assert name.startswith(found["product_name"])
    assert ID == found["alert_id"]


def test_the_same_document_gives_the_same_bytes():
    """A repeat after a crash is the message that may be out already."""
    assert fit(alert(events=5_000, name="x" * 9_000), 8_000) == fit(alert(events=5_000, name="x" * 9_000), 8_000)


def test_what_cannot_be_shortened_any_more_is_given_all_the_same():
    """The broker may take it: our limit is below its."""
    assert ID == json.loads(fit(alert(events=100), 100))["alert_id"]
