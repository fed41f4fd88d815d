"""What every token store promises, whatever it is made of."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from bson import Binary, Int64, Timestamp

from inventory_assets.connector.errors import CheckpointConflictError
from inventory_assets.connector.state.checkpoint import Checkpoint, Gap, Phase

NOW = datetime(2026, 3, 4, 5, 6, 7, 891_234, tzinfo=UTC)


def checkpoint(connector_id="connector-wh-east-1", **fields):
    defaults = {
        "owner_id": "process-1",
        "source_epoch": 1_772_600_000,
        "phase": Phase.STREAMING,
        "token": {"_data": "82AB"},
    }
    return Checkpoint(connector_id=connector_id, **{**defaults, **fields})


FULL = checkpoint(
    token={"_data": b"\x82\x00\xff", "b": Binary(b"\x01", 5), "n": Int64(7), "t": Timestamp(1_772_600_001, 3)},
    cluster_time=(1_772_600_001, 4_294_967_295),
    moved_at=NOW,
    heartbeat_at=NOW,
    is_snapshot_requested=True,
    is_new_epoch_requested=True,
    gaps=(
        Gap(found_at=NOW, after=None, code=None, reason="ünknown \"quoted\"", healed_by=None),
        Gap(found_at=NOW, after=(5, 6), code=286, reason="history lost", healed_by=1_772_600_000),
    ),
)  # fmt: skip


@pytest.mark.parametrize("first", [FULL, checkpoint(token=None, phase=Phase.COPYING)], ids=["full", "sparse"])
def test_a_checkpoint_comes_back_as_it_was_saved(open_store, first):
    """With the microseconds and the BSON types of the token, to another process."""
    saved = open_store().save(first)

    loaded = open_store().load(first.connector_id)
    assert dataclasses.replace(first, revision=1) == saved == loaded
    assert [type(value) for value in (first.token or {}).values()] == [type(v) for v in (loaded.token or {}).values()]


def test_there_is_none_before_the_first_save(store):
    assert store.load("connector-wh-east-1") is None
    assert [] == list(store.list())


def test_every_save_is_the_next_revision_and_replaces_everything(store):
    saved = store.save(FULL)
    bare = dataclasses.replace(checkpoint(), revision=saved.revision)

    again = store.save(bare)

    assert 2 == again.revision
    assert again == store.load(bare.connector_id)
    assert () == again.gaps and again.moved_at is None


def test_an_earlier_revision_is_refused_and_changes_nothing(open_store):
    older, newer = open_store(), open_store()
    first = older.save(checkpoint())
    taken = newer.save(dataclasses.replace(first, owner_id="process-2"))

    with pytest.raises(CheckpointConflictError, match="process-2") as raised:
        older.save(dataclasses.replace(first, token={"_data": "83"}))

    assert taken == raised.value.current == newer.load(first.connector_id)


def test_a_first_save_beside_one_that_is_there_is_refused(store):
    kept = store.save(checkpoint())

    with pytest.raises(CheckpointConflictError) as raised:
        store.save(checkpoint(owner_id="process-2"))

    assert kept == raised.value.current


def test_a_save_after_a_checkpoint_that_is_gone_is_refused(store):
    with pytest.raises(CheckpointConflictError, match="gone") as raised:
        store.save(checkpoint(revision=3))

    assert raised.value.current is None
    assert store.load("connector-wh-east-1") is None


def test_a_save_tried_again_after_its_answer_was_lost_succeeds(open_store):
    """The process that wrote it would otherwise take itself for another one, and stop."""
    first = checkpoint()
    saved = open_store().save(first)

    assert saved == open_store().save(first)
    assert saved == open_store().load(first.connector_id)


def test_connectors_do_not_see_each_other(store):
    """Also those whose ids a store could take for a path or a pattern."""
    ids = ["connector/a", "connector%2Fa", "a.b", "a b", "ümlaut", "connector"]
    saved = [store.save(checkpoint(each, source_epoch=number)) for number, each in enumerate(ids)]

    assert saved == [store.load(each) for each in ids]
    assert sorted(ids) == [each.connector_id for each in store.list()]


def test_of_two_writers_that_race_exactly_one_wins_each_revision(open_store):
    rounds = 25
    stores = [open_store(), open_store()]
    stores[0].save(checkpoint(owner_id="nobody"))
    barrier = threading.Barrier(2)

    def write(number):
        won, lost_to = [], []
        for revision in range(1, rounds + 1):
            mine = checkpoint(revision=revision, owner_id=f"process-{number}", token={"_data": f"{number}-{revision}"})
            barrier.wait(60)
            try:
                won.append(stores[number].save(mine).revision)
            except CheckpointConflictError as error:
                lost_to.append(error.current.owner_id)
            # Nobody begins the next round before this one is decided.
            barrier.wait(60)
        return won, set(lost_to)

    with ThreadPoolExecutor(2) as pool:
        (first, lost_by_first), (second, lost_by_second) = pool.map(write, (0, 1))

    assert lost_by_first <= {"process-1"} and lost_by_second <= {"process-0"}
    assert list(range(2, rounds + 2)) == sorted(first + second)
    assert rounds + 1 == stores[0].load("connector-wh-east-1").revision


def test_threads_may_share_a_store(store):
    """The stream saves while the supervisor reads for /readiness."""
    ids = [f"connector-{number}" for number in range(8)]

    def work(connector_id):
        saved = store.save(checkpoint(connector_id))
        for _ in range(5):
            saved = store.save(saved)
            assert saved == store.load(connector_id)
        return saved

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(work, ids))

    assert saved == list(store.list())
