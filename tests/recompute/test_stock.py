"""Two engines, one truth: sets of events give what the bursts wrote, on any stream (RULES 12-20)."""

import polars as pl
import pytest
from hypothesis import given

from inventory_assets.ingest.verify import recompute_lake
from inventory_assets.lake.tables import ROLLUPS, SKU_STATE
from inventory_assets.settings import Settings
from tests.builders import level, messages, transaction
from tests.recompute.streaming import recomputed
from tests.rules.generators import bursts, options
from tests.rules.test_laws import law


@law(25)
@given(bursts(), options())
def test_sets_of_events_give_what_bursts_wrote(steps, made_with):
    """Late, doubled, shuffled, of several sources and epochs, with deletions and moves."""
    found = recomputed(Settings(), steps, **made_with)

    assert found.differences.rows() == []


@pytest.fixture
def tampered(open_engine):
    """A lake of two warehouses whose rows of W2 somebody changed."""
    engine = open_engine()
    transfer = transaction("T1", "TRANSFER", quantity=4, to_warehouse_id="W2")
    engine.commit_burst(messages(level(10), level(5, warehouse_id="W2"), transfer))
    engine.lake.land()
    engine.lake.connection.execute("UPDATE core.sku_state_changes SET inbound = 3 WHERE warehouse_id = 'W2'")
    engine.lake.connection.execute("UPDATE core.rollups_changes SET on_hand = 1 WHERE warehouse_id IS NULL")
    return engine


def test_chosen_warehouses_are_compared_alone(tampered):
    """Their keys, and their nodes but not those of all together; a transfer from elsewhere counts."""
    found = {
        warehouse_id: recompute_lake(tampered.settings, (SKU_STATE, ROLLUPS), warehouses=[warehouse_id])
        for warehouse_id in ("W1", "W2", "W3")
    }

    assert {"W1": 1, "W2": 1, "W3": 0} == {name: each.keys for name, each in found.items()}
    assert {"W1": 0, "W2": 1, "W3": 0} == {name: each.rows for name, each in found.items()}
    assert [("inbound", "3", "0")] == found["W2"].differences.select(pl.col("column", "streamed", "recomputed")).rows()


def test_all_are_compared_where_none_is_chosen(tampered):
    found = recompute_lake(tampered.settings)

    # The six nodes over all warehouses, and W2's key, of which no sum knows.
    assert (1, 6, 7) == (
        found.differing(SKU_STATE)["key"].n_unique(), found.differing(ROLLUPS)["key"].n_unique(), found.rows
    )  # fmt: skip
    assert (2, 3, 18) == (found.keys, found.events, found.nodes)
