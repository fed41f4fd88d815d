"""Rows say what the burst's values say; no lake here."""

import json

import pytest

from inventory_assets.domain.alerts.alert import to_wire
from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import NO_SKU_PARENTS, InventoryState
from inventory_assets.ingest import frames
from tests.builders import ROUGH, level, message, messages, received, simulated, transaction


def process(burst, state=None):
    return process_burst(state or InventoryState(), parse_burst(burst, ParseSettings()), version=1)


def test_days_are_the_utc_days_of_the_times():
    """They are counted from the integers; a day later or earlier is another partition."""
    burst = messages(
        level(100, at="2022-04-20T00:00:00Z"),
        transaction("T1", at="2022-04-19T23:59:59.999999Z"),
        transaction("T2", at="2022-04-20T23:59:59.999999+14:00"),
    )
    result = process(burst)

    for rows, time, day in (
        (frames.events(result), "event_at", "event_date"),
        (frames.raw_messages(burst, result), "publish_time", "arrival_date"),
    ):
        assert rows[time].dt.date().to_list() == rows[day].to_list()


def test_attributes_are_json_with_sorted_keys():
    """As they were always written: a replay compares rows byte for byte."""
    burst = [message(level(), b="é", a="1"), message(transaction("T1"))]

    assert frames.raw_messages(burst, process(burst))["attributes"].to_list() == ['{"a": "1", "b": "\\u00e9"}', "{}"]


def test_an_alerts_row_has_the_body_that_is_told():
    result = process(messages(level(100, min_threshold=50), transaction("T1", quantity=-60)))
    [alert] = result.notified

    [row] = frames.alerts(result)["body"]
    assert row == frames.alert_body(alert, result)
    assert frames.alert_body(alert, result) is frames.alert_body(alert, result)  # encoded once
    assert json.loads(row) == to_wire(alert, NO_SKU_PARENTS.parents, None)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_states_row_has_what_its_key_came_to(seed):
    """Of a rough stream: keys that are new, unstated, moved and awaiting stock."""
    state = InventoryState()
    _, sent = simulated(600, seed=seed, **ROUGH)
    burst = received(sent)
    for part in (burst[:300], burst[300:]):
        result = process(part, state)
        rows = frames.sku_state(result)

        for row, (key, kept) in zip(rows.iter_rows(named=True), result.draft.keys.changed.items(), strict=True):
            places = row["department_id"], row["category_id"], row["brand_id"], row["product_id"]
            assert (row["warehouse_id"], row["sku"]) == key
            assert places == result.draft.sku_parents(key[1]).parents
            assert row["is_unstated_key"] == kept.is_unstated
            assert row["is_restock_in_progress"] == kept.is_restock_in_progress
        result.draft.merge(1)
