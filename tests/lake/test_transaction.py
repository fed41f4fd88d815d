"""A version of the lake: all of it or none, by one writer at a time."""

import polars as pl
import pytest

from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.lake.transaction import Lake
from tests.builders import level, messages, transaction
from tests.facts import rows, value

DELIVERED = pl.DataFrame({"subject_id": ["a"], "notification": [1], "channel": ["c"], "status": ["sent"]})


@pytest.fixture
def lake(settings):
    found = Lake(settings)
    yield found
    found.close()


def test_versions_are_dense_from_one_and_recorded(lake):
    watermark = lake.watermark()
    for stage in ("first", "second"):
        with lake.transaction(watermark, stage=stage) as transaction:
            transaction.append(DELIVERIES, DELIVERED)

    assert rows(lake, "SELECT version, stage FROM meta.versions ORDER BY version") == [(1, "first"), (2, "second")]
    assert rows(lake, "SELECT version, subject_id FROM out.deliveries ORDER BY version") == [(1, "a"), (2, "a")]
    assert (watermark.version, lake.watermark().version) == (2, 2)


def test_version_is_in_ducklakes_own_commit_message(lake):
    with lake.transaction(lake.watermark(), stage="burst"):
        pass

    messages = rows(lake, "SELECT commit_message FROM ducklake_snapshots('lake') WHERE commit_message IS NOT NULL")
    assert messages == [("version 1: burst",)]


def test_an_error_inside_leaves_no_trace(lake):
    watermark = lake.watermark()

    with pytest.raises(ZeroDivisionError), lake.transaction(watermark, stage="burst") as transaction:
        transaction.append(DELIVERIES, DELIVERED)
        raise ZeroDivisionError

    assert (watermark.version, lake.watermark().version) == (0, 0)
    assert value(lake, "SELECT count(*) FROM out.deliveries") == 0


def test_a_writer_that_is_behind_is_told_and_writes_nothing(lake, settings):
    behind = lake.watermark()
    with lake.transaction(lake.watermark(), stage="other"):
        pass

    with pytest.raises(StaleStateError), lake.transaction(behind, stage="burst") as transaction:
        transaction.append(DELIVERIES, DELIVERED)

    assert behind.version == 0
    assert rows(lake, "SELECT stage FROM meta.versions") == [("other",)]
    assert value(lake, "SELECT count(*) FROM out.deliveries") == 0


def test_a_new_epoch_makes_every_other_writer_stale(lake):
    """After a rebuild the version alone would look right (RULES 33)."""
    watermark = lake.watermark()
    with lake.transaction(watermark, stage="burst"):
        pass
    behind = lake.watermark()
    with lake.rewriting(watermark, stage="rebuild"):
        pass
    behind.version = watermark.version

    with pytest.raises(StaleStateError), lake.transaction(behind, stage="burst"):
        pass


def test_a_column_of_nulls_beside_values_is_read_as_it_was_written(engine):
    """Of a day with levels alone no quantity is known; DuckLake then takes the next burst's for all there are."""
    engine.commit_burst(
        messages(
            level(50, "2022-04-19T07:00:00Z"),
            transaction("T1", quantity=-8, at="2022-04-20T08:00:00Z"),
            transaction("T2", "RESTOCK", 100, "2022-04-20T09:00:00Z"),
        )
    )
    engine.commit_burst(messages(transaction("T3", quantity=-1, at="2022-04-20T10:00:00Z")))

    assert [-8, 100] == [value(engine.lake, f"SELECT {name}(quantity) FROM core.events") for name in ("min", "max")]
    assert [(100,)] == rows(engine.lake, "SELECT quantity FROM core.events WHERE quantity > 50")
    # By its id, which has no bounds to be wrong.
    ordered = rows(engine.lake, "SELECT quantity FROM core.events WHERE kind = 'transaction' ORDER BY event_id")
    assert [(-8,), (100,), (-1,)] == ordered
