"""Histories as they are read: in the order that counts, no key in two frames, both ends of a transfer."""

import polars as pl
import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.queries.history import last_event_at, read_histories, read_keys
from inventory_assets.settings import Settings
from tests.builders import cut, level, messages, rule, transaction
from tests.conftest import copy_home

UNTIL = 1_700_000_000_000_000


class SmallBatches:
    """A reader whose batches end anywhere, as a long result's do."""

    def __init__(self, lake, size):
        self.lake, self.size = lake, size

    def query(self, sql, parameters=None):
        return self.lake.query(sql, parameters)

    def batches(self, sql):
        rows = self.lake.query(sql)
        for part in cut(list(range(rows.height)), self.size):
            yield rows[part[0] : part[-1] + 1]


@pytest.fixture(scope="module")
def engine(empty_home, tmp_path_factory):
    """Three keys with events out of order, and a transfer from one to another. Read it only."""
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("history"))))
    engine.commit_burst(
        messages(
            rule(1, 2),
            transaction("T2", quantity=-2, at="09:00"),
            level(50, "07:00"),
            transaction("T1", quantity=-1, at="08:00"),
            level(50, "07:00", warehouse_id="W2"),
            transaction("T3", "TRANSFER", 3, "10:00", to_warehouse_id="W2"),
            level(9, "07:00", sku="it's"),
            level(9, "07:00", sku="what?"),
        )
    )
    yield engine
    engine.close()


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_no_key_is_in_two_frames_and_rows_are_in_position_order(engine, size):
    whole = pl.concat(read_histories(engine.lake, UNTIL))

    frames = list(read_histories(SmallBatches(engine.lake, size), UNTIL))

    assert whole.equals(pl.concat(frames))
    assert len(set(whole["key"])) == sum(frame["key"].n_unique() for frame in frames)
    assert whole.equals(whole.sort("key", "source_epoch", "instant", "increment", "rank", "event_id"))


def test_a_chosen_sku_may_have_any_sign_in_it(engine):
    for sku in ("it''s", "what?"):
        [history] = read_histories(engine.lake, UNTIL, chosen=f"AND e.sku = '{sku}'")
        assert 1 == history.height


def test_a_transfer_is_in_the_history_of_both_ends(engine):
    keys, _ = read_keys(engine.lake)
    frame = pl.concat(read_histories(engine.lake, UNTIL))

    ends = frame.filter(pl.col("event_id").str.contains("T3")).select("key", "is_receiver").rows()
    assert [(("W1", "S1"), False), (("W2", "S1"), True)] == [(keys[key], role) for key, role in ends]


def test_an_end_cuts_and_a_condition_chooses(engine):
    at_eight = last_event_at(engine.lake) - 2 * 3_600_000_000
    early = pl.concat(read_histories(engine.lake, at_eight))
    (chosen,) = read_histories(engine.lake, UNTIL, chosen="AND e.sku IN ('it''s')")

    assert 5 == early.height
    assert 1 == chosen.height
