"""Rows of files have two identities: their place in the file and their transaction (RULES 10, 13)."""

from dataclasses import replace

import pytest

from tests.builders import level, message, transaction
from tests.facts import DEAD_LETTERS, STOCK, differences, doubled_events, rows

FEW = 2


def row(name, number, *, quantity=-3, **more):
    return message(transaction(name, quantity=quantity, **more), row_id=f"file:{number}")


@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("cached_entities", [FEW, 200_000])
def test_a_row_is_known_by_its_place_and_by_its_transaction(settings, open_engine, cached_entities, is_restarted):
    """Both also when they are long out of memory, with or without a restart."""
    engine = open_engine(chosen=replace(settings, cached_entities=cached_entities))
    engine.commit_burst([row("T1", 2, status="PENDING"), row("T9", 9)])
    engine.commit_burst([row("T1", 3, at="08:30")])
    for number in range(4):
        engine.commit_burst([row(f"O{number}", 20 + number, sku="S2")])
    if is_restarted:
        engine.drop_state()

    def outcome(*burst):
        return {str(name): count for name, count in engine.commit_burst(burst)[0].outcomes.items()}

    assert outcome(row("T9", 9)) == {"duplicate": 1}
    assert outcome(row("OTHER", 9, quantity=-5)) == {"dead_lettered": 1}
    assert outcome(row("T9", 9, quantity=-4)) == {"dead_lettered": 1}
    # The same transaction in another row is its next version, not a second sale.
    assert outcome(row("T1", 4, at="08:40")) == {"applied": 1}
    # A level from before them counts each transaction once, however many rows it had.
    assert outcome(message(level(100, "07:00"))) == {"applied": 1}

    assert rows(engine.lake, STOCK) == [("W1", "S1", 94, 0, 94, 0), ("W1", "S2", -12, 0, -12, 0)]
    assert [reason for reason, _ in rows(engine.lake, DEAD_LETTERS)] == ["conflicting_duplicate"] * 2
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []
