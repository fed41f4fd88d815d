"""What memory has let go is known again when it is touched (RULES 9-11)."""

from dataclasses import replace

import pytest

from inventory_assets.settings import Settings
from tests.builders import ROUGH, cut, envelope, level, message, received, simulated, transaction
from tests.facts import (
    ALERTS,
    DEAD_LETTERS,
    OUTCOMES,
    ROLLUPS,
    STATE,
    STOCK,
    differences,
    doubled_events,
    ledger,
    rows,
    value,
)

FEW = 2


def row(name, number, *, quantity=-3, **more):
    return message(transaction(name, quantity=quantity, **more), row_id=f"file:{number}")


@pytest.mark.parametrize("is_restarted", [pytest.param(False, marks=pytest.mark.big), True])
@pytest.mark.parametrize("cached_entities", [FEW, pytest.param(200_000, marks=pytest.mark.big)])
def test_a_row_is_known_by_its_place_and_by_its_transaction(settings, open_engine, cached_entities, is_restarted):
    """RULES 10 and 13; both also when they are long out of memory, with or without a restart."""
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

    # A corrected file says otherwise of the same time.
    assert outcome(row("T9", 11, quantity=-4)) == {"dead_lettered": 1}
    assert outcome(message(level(7, "07:30", sku="S3"), row_id="file:12")) == {"applied": 1}
    engine.commit_burst([message(level(1, "07:30", sku=f"L{number}")) for number in range(4)])
    if is_restarted:
        engine.drop_state()
    assert outcome(message(level(8, "07:30", sku="S3"), row_id="corrected:12")) == {"dead_lettered": 1}
    assert outcome(message(level(8, "07:30", sku="S3"))) == {"dead_lettered": 1}

    stock = [("W1", "S1", 94, 0, 94, 0), ("W1", "S2", -12, 0, -12, 0), ("W1", "S3", 7, 0, 7, 0)]
    assert rows(engine.lake, STOCK)[-3:] == stock
    assert [reason for reason, _ in rows(engine.lake, DEAD_LETTERS)] == ["conflicting_duplicate"] * 5
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


def test_little_memory_gives_what_much_memory_gives(settings, open_engine, tmp_path):
    """With 50 known events in memory nearly everything is recalled from the lake."""
    simulation, sent = simulated(1400, seed=17, **ROUGH)
    forgetful = open_engine(chosen=replace(settings, cached_entities=50))
    ample = open_engine(chosen=Settings(home=tmp_path / "ample"))
    bursts = list(cut(received(sent), 250))
    for number, burst in enumerate(bursts):
        forgetful.commit_burst(burst)
        ample.commit_burst(burst)
        if number % 3 == 2:
            forgetful.drop_state()

    assert len(forgetful.index) > len(forgetful.state.events)
    for query in (STATE, ROLLUPS, OUTCOMES, ALERTS, DEAD_LETTERS):
        assert rows(forgetful.lake, query) == rows(ample.lake, query)
    assert rows(forgetful.lake, STOCK) == ledger(simulation)
    assert differences(forgetful) == []


@pytest.mark.parametrize("cached_entities", [1, pytest.param(200_000, marks=pytest.mark.big)])
def test_redelivery_of_everything_changes_nothing(settings, open_engine, cached_entities):
    """Pub/Sub may deliver all of history again, to a process that remembers none of it."""
    simulation, sent = simulated(600, seed=19, skus=15, warehouses=2, disorder_rate=0.2)
    engine = open_engine(chosen=replace(settings, cached_entities=cached_entities))
    for burst in cut(received(sent), 100):
        engine.commit_burst(burst)
    before = [rows(engine.lake, query) for query in (STATE, ROLLUPS, ALERTS)]
    taken_in = value(engine.lake, "SELECT count(*) FROM core.events")

    engine.drop_state()
    again = [commit.outcomes for burst in cut(received(sent), 300) for commit in engine.commit_burst(burst)]

    assert {name for outcomes in again for name in outcomes} <= {"duplicate", "dead_lettered"}
    assert value(engine.lake, "SELECT count(*) FROM core.events") == taken_in
    assert [rows(engine.lake, query) for query in (STATE, ROLLUPS, ALERTS)] == before
    assert rows(engine.lake, STOCK) == ledger(simulation)
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


@pytest.mark.parametrize(
    ("known", "order", "late", "on_hand"),
    [
        # Bare, at one second: a level does not contain it (RULES 12), 100 - 3.
        ([], transaction("T1", quantity=-3), level(100, "08:00"), 97),
        ([], transaction("T1", quantity=-3), level(100, "08:00:01"), 100),
        # Of epoch 1, so after any level of epoch 0.
        (
            [],
            envelope(transaction("T1", quantity=-3), 8 * 3600, source_epoch=1),
            envelope(level(100), 9 * 3600),
            97,
        ),
        # B's 50 of 09:00 contained it; with A's epoch 1 of 07:00 A's greatest is no more the later of the two.
        (
            [{"source": "B", "document": level(50, "07:30")}, {"source": "A", "document": level(40, "09:00")}],
            {"source": "A", "document": transaction("T1", quantity=-3)},
            {"source": "A", "source_epoch": 1, "document": level(60, "07:00")},
            47,
        ),
    ],
    ids=["at its place", "after it", "of another epoch", "of another source"],
)  # fmt: skip
@pytest.mark.parametrize("cached_entities", [FEW, 200_000])
def test_a_level_counts_what_was_let_go_and_it_does_not_contain(
    settings, open_engine, cached_entities, known, order, late, on_hand
):
    """RULES 12, 14: whatever memory holds, at the very place up to which it has let go too."""
    engine = open_engine(chosen=replace(settings, cached_entities=cached_entities))
    for document in (*known, order):
        engine.commit_burst([message(document)])
    engine.commit_burst([message(transaction(f"O{number}", sku="S2")) for number in range(4)])

    engine.commit_burst([message(late)])

    assert on_hand == engine.state.keys["W1", "S1"].on_hand


@pytest.mark.parametrize("cached_entities", [FEW, 200_000])
def test_transactions_come_back_where_another_source_s_level_counts_again(settings, open_engine, cached_entities):
    """RULES 12: A's level of a new epoch is earlier, so B's counts; B's own sale of a later epoch is not in that."""
    engine = open_engine(chosen=replace(settings, cached_entities=cached_entities))

    def of(source, document, second, epoch=0):
        return message(envelope(document, second, source=source, source_epoch=epoch))

    engine.commit_burst([of("B", level(10), 97), of("B", transaction("T1", quantity=-3), 50, epoch=1)])
    engine.commit_burst([of("A", level(100), 100)])
    for number in range(4):
        engine.commit_burst([message(transaction(f"O{number}", sku="S2"))])

    engine.commit_burst([of("A", level(60), 95, epoch=1)])

    assert [("W1", "S1", 7, 0, 7, 0)] == [row for row in rows(engine.lake, STOCK) if row[1] == "S1"]


def test_a_row_of_another_source_at_the_same_position_says_nothing_against_it(engine):
    """RULES 12: a position is one source's; two databases may each have counted at that second."""
    [first] = engine.commit_burst([message(level(7, "07:30", sku="S3"), row_id="file:12")])
    other = {"source": "B", "operation": "insert", "document": level(8, "07:30", sku="S3")}

    [second] = engine.commit_burst([message(other)])
    [third] = engine.commit_burst([message(level(9, "07:30", sku="S3"), row_id="other:1")])

    assert ["applied", "dead_lettered"] == [*map(str, first.outcomes), *map(str, third.outcomes)]
    assert "dead_lettered" not in map(str, second.outcomes)
