"""What messages will come to, before they are sent."""

import json

import pytest

from inventory_assets.domain.changes.checked import judge
from inventory_assets.domain.events.reading import ParseSettings
from inventory_assets.domain.ingest.messages import Message
from tests.api.writing.writer import cloudevent

AT = 1_700_000_000_000_000


def message(event: object, topic: str = "inventory-events", **attributes: str) -> Message:
    """As it would be published."""
    return Message("", topic, AT, "", attributes, json.dumps(event).encode())


def test_a_transfer_is_about_both_of_its_ends() -> None:
    event = cloudevent("stock.transferred", from_warehouse_id="W1", to_warehouse_id="W2", quantity=1)
    [judged], complaints = judge([message(event)], ParseSettings())

    assert (("W1", "W2"), []) == (judged.warehouses, complaints)
    assert judged.ordering_key.startswith("lane-")


def test_evidence_is_about_the_warehouse_it_names() -> None:
    """It states no stock fact, and is somebody's all the same."""
    event = cloudevent("inventory.low_stock")
    judged, _ = judge([message(event), message(cloudevent("inventory.low_stock", warehouse_id=5))], ParseSettings())

    assert [("W1",), ()] == [each.warehouses for each in judged]
    assert [None, None] == [each.event_id for each in judged]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (message({"level_type": "GLOBAL"}), "wrong_topic"),
        (message({"type": "heartbeat", "heartbeat": 1}), "unsupported_type"),
        (message({"level_type": "GLOBAL", "min_threshold_qty": 1}, "thresholds-topic"), "wrong_topic"),
        (message(cloudevent("stock.adjusted", quantity_change=1), **{"ce-x": "y" * 1025}), "invalid_value"),
        (message(cloudevent("stock.adjusted", quantity_change=1), **{f"ce-{n}": "y" for n in range(101)}), "invalid_value"),
    ],
)  # fmt: skip
def test_what_no_client_may_send_is_refused(sent: Message, reason: str) -> None:
    judged, [complaint] = judge([sent], ParseSettings())

    assert ([], 0, reason) == (judged, complaint.place, complaint.reason)


def test_the_same_event_twice_is_no_contradiction() -> None:
    event = cloudevent("stock.adjusted", quantity_change=1)
    judged, complaints = judge([message(event), message(event)], ParseSettings())

    assert (1, []) == (len({each.event_id for each in judged}), complaints)
