"""Adjustments of event publishers, in R2's form (RULES 41)."""

import pytest

from inventory_assets.domain.events.kinds import Rejection
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import TRANSACTIONS, UPDATES, message, transaction
from tests.domain.events.reading import read
from tests.envelopes import ADJUSTMENTS, adjustment


@pytest.mark.parametrize("quantity", [-7, 12, "5", {"$numberLong": "5"}])
def test_an_adjustment_says_the_same_as_a_document(quantity):
    expected = read(transaction("T", "ADJUSTMENT", quantity))
    found = read(adjustment(quantity, reason="count", event_id="a1"), topic=ADJUSTMENTS)

    assert (expected.content, expected.status, expected.position) == (found.content, found.status, found.position)


def test_an_adjustment_without_a_warehouse_is_in_the_default_one():
    bare = adjustment(warehouse_id=None)
    refused = read(bare, topic=ADJUSTMENTS)
    found = read(bare, topic=ADJUSTMENTS, settings=ParseSettings(default_warehouse="W9"))
    named = read(adjustment(), topic=ADJUSTMENTS, settings=ParseSettings(default_warehouse="W9"))

    assert "missing_field" == refused.reason and "INVENTORY_DEFAULT_WAREHOUSE" in refused.detail
    assert ("W9", "W1") == (found.warehouse_id, named.warehouse_id)


def test_an_adjustment_is_itself_by_its_id_its_row_or_its_bytes():
    """RULES 10, 41. Equal lines of a file are two events, equal messages one."""
    sent = [
        message(adjustment(event_id="a1"), topic=ADJUSTMENTS),
        message(adjustment(event_id="a1", reason="again"), topic=ADJUSTMENTS),
        message(adjustment(-2, event_id="a1"), topic=ADJUSTMENTS),
        message(adjustment(event_id="a2"), topic=ADJUSTMENTS, row_id="f:1"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:1"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:2"),
        message(adjustment(), topic=ADJUSTMENTS, row_id="f:2"),
        message(adjustment(), topic=ADJUSTMENTS),
        message(adjustment(), topic=ADJUSTMENTS),
        message(adjustment(at="08:01"), topic=ADJUSTMENTS),
    ]
    result = process_burst(InventoryState(), parse_burst(sent, ParseSettings()), version=1)

    assert [
        "applied", "duplicate", "conflicting_duplicate", "applied", "applied", "applied", "duplicate", "applied",
        "duplicate", "applied",
    ] == [a.outcome if a.rejection is None else a.rejection.reason for a in result.arrivals]  # fmt: skip
    assert result.draft.keys[("W1", "S1")].on_hand == -6
    assert "file/f/2" == result.arrivals[5].event.transaction_id


@pytest.mark.parametrize(
    ("document", "topic", "reason"),
    [
        (adjustment(item_id=None), ADJUSTMENTS, "missing_field"),
        (adjustment(timestamp=None), ADJUSTMENTS, "missing_field"),
        (adjustment(None), ADJUSTMENTS, "missing_field"),
        (adjustment(0), ADJUSTMENTS, "invalid_sign"),
        (adjustment("ten"), ADJUSTMENTS, "invalid_value"),
        (adjustment(item_id=7), ADJUSTMENTS, "invalid_id"),
        (adjustment(warehouse_id=""), ADJUSTMENTS, "invalid_id"),
        (adjustment(event_id=7), ADJUSTMENTS, "invalid_id"),
        (adjustment(timestamp="20.04.2022"), ADJUSTMENTS, "invalid_value"),
        (adjustment(), TRANSACTIONS, "wrong_topic"),
        (adjustment(), UPDATES, "wrong_topic"),
        ({"item_id": "S1", "timestamp": "2022-04-20T08:00:00Z"}, ADJUSTMENTS, "unknown_kind"),
    ],
)
def test_what_is_wrong_with_an_adjustment_is_said(document, topic, reason):
    found = read(document, topic=topic)

    assert isinstance(found, Rejection) and reason == found.reason
