"""Lanes, ids and attributes: the same in every process, for ever."""

import uuid

import pytest

from inventory_assets.connector.shape.routing import DEFAULT_LANES, lane_key
from inventory_assets.domain.outbox.envelope import LANES, attributes_of, event_uuid, lane_of


@pytest.mark.parametrize("sku", ["S1", "IPHONE13-PRO-256-SILVER", "é 1", "x" * 256])
def test_a_sku_has_the_lane_that_the_connector_gives_it(sku):
    """The two know nothing of each other; who reads both topics may rely on it (ADR 0014)."""
    assert lane_key(sku, DEFAULT_LANES) == lane_of(sku)


def test_as_many_lanes_as_the_connector_has():
    assert DEFAULT_LANES == LANES


def test_an_id_is_a_uuid_of_what_the_event_is_about():
    assert event_uuid("A", "x", "y") == event_uuid("A", "x", "y")
    assert 5 == uuid.UUID(event_uuid("A", "x", "y")).version


def test_no_two_things_share_an_id():
    """Ids may hold any character that would join them."""
    assert 4 == len(
        {event_uuid("A", "x", "y"), event_uuid("A", "x,y"), event_uuid("B", "x", "y"), event_uuid("A", "xy")}
    )


def test_attributes_are_what_subscriptions_filter_by():
    found = attributes_of(schema="alert/1", kind="STOCKOUT", severity="CRITICAL", warehouse_id="W1", event_id="e")

    assert {
        "kind": "STOCKOUT", "severity": "CRITICAL", "warehouse_id": "W1", "event_id": "e",
        "schema": "alert", "schema_version": "1",
    } == found  # fmt: skip
