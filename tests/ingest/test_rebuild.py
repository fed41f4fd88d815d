"""Every table derived anew, under a writer that goes on."""

import pytest

from inventory_assets.domain.stock import fold
from inventory_assets.ingest.rebuild import RebuildRefusedError, rebuild_lake
from inventory_assets.ingest.replay import Replay
from tests.builders import level, messages, transaction
from tests.facts import STOCK, differences, rows


def test_a_rebuild_makes_the_other_writer_reload(open_engine):
    """The rebuilt rows may differ, so a state from before must not go on (RULES 33-34)."""
    first, second = open_engine(), open_engine()
    first.commit_burst(messages(level(100)))
    assert second.state.version == 1
    tampered = "UPDATE core.sku_state_changes SET on_hand = 99, fold_state = replace(fold_state, '100', '99')"
    first.lake.connection.execute(tampered)
    first.drop_state()
    replay = Replay(meaning=first.meaning)

    found, version = rebuild_lake(first, replay)

    assert [difference.table for difference in found] == ["core.sku_state"]
    [commit] = second.commit_burst(messages(transaction("T1", quantity=-10)))
    assert commit.version == version + 1 == 3
    assert rows(first.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]
    assert differences(second) == []


def test_a_rebuild_that_the_second_engine_does_not_confirm_changes_nothing(open_engine, monkeypatch):
    engine = open_engine()
    engine.commit_burst(messages(level(100), transaction("T1", "RESTOCK", quantity=10)))
    before = rows(engine.lake, "FROM core.sku_state_changes")
    right = fold.effect
    monkeypatch.setattr(fold, "effect", lambda version, warehouse_id: tuple(-n for n in right(version, warehouse_id)))

    with pytest.raises(RebuildRefusedError, match="W1.*S1.*'90'.*'110'"):
        rebuild_lake(engine, Replay(meaning=engine.meaning))

    monkeypatch.undo()
    assert before == rows(engine.lake, "FROM core.sku_state_changes")
    [commit] = engine.commit_burst(messages(transaction("T2", quantity=-10)))
    assert 2 == commit.version
    assert differences(engine) == []
