"""Every table derived anew, under a writer that goes on."""

import pytest

from inventory_assets.domain.stock import fold
from inventory_assets.ingest.rebuild import RebuildRefusedError, rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.tables import SKU_STATE
from inventory_assets.lake.upkeep.maintenance import Maintenance
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


def test_a_view_that_is_not_its_history_is_told_with_what_it_lacks_and_has_besides(engine):
    """The view goes by a compacted copy of its rows, in which two are wrong, one is twice there and one is gone."""
    engine.commit_burst(messages(*(level(10, sku=f"S{number}") for number in range(5))))
    base = f"lake.{SKU_STATE.base_name(Maintenance(engine.lake).compact(SKU_STATE))}"
    assert differences(engine) == []
    connection = engine.lake.connection
    connection.execute(f"UPDATE {base} SET on_hand = 11 WHERE sku IN ('S0', 'S1')")
    connection.execute(f"INSERT INTO {base} FROM {base} WHERE sku = 'S2'")
    connection.execute(f"DELETE FROM {base} WHERE sku = 'S3'")

    assert [("core.sku_state (view)", 3, 3)] == [(d.table, d.missing, d.unexpected) for d in differences(engine)]


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
