"""Two writers on one lake: the loser of the watermark reloads, and nothing is lost or doubled (DESIGN idea 4)."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory_assets.domain.ingest.meaning import SEMANTICS
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.notes import LakeNotes
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.stages import NOTES, Stage
from inventory_assets.lake.transaction import Lake
from tests.builders import cut, level, messages, received, simulated, transaction
from tests.facts import STOCK, differences, doubled_events, ledger, remembered, rows, value, warm
from tests.ingest.writer import BURST, LIVE, SHOP
from tests.messaging.brokers import REPOSITORY


def test_writers_that_take_turns_give_what_one_gives(open_engine):
    simulation, sent = simulated(240, seed=23, **SHOP)
    first, second = open_engine(), open_engine()
    for number, burst in enumerate(cut(received(sent), 60)):
        [commit] = (first, second)[number % 2].commit_burst(burst)

        assert commit.version == number + 1
    # The one that was not last is a version behind, until it looks.
    (second, first)[number % 2].drop_state()

    assert warm(first.state) == warm(second.state)
    assert remembered(first.state) == remembered(second.state)
    assert rows(first.lake, STOCK) == ledger(simulation)
    assert doubled_events(first.lake) == []
    assert differences(first) == []


@pytest.mark.parametrize("cached_entities", [pytest.param(100_000, marks=pytest.mark.big), 20])
def test_catching_up_gives_what_loading_gives(open_engine, settings, cached_entities):
    """Replaying what another process committed is the same as reading what it left (RULES 25, 33)."""
    simulation, sent = simulated(240, seed=41, **SHOP)
    chosen = replace(settings, cached_entities=cached_entities)
    writer, follower = open_engine(chosen=chosen), open_engine(chosen=chosen)
    kept = follower.state
    for number, burst in enumerate(cut(received(sent), 60)):
        writer.commit_burst(burst)
        if number % 3 == 0:
            assert follower.refresh()
            assert not follower.refresh()
            assert follower.state is kept  # caught up, not loaded anew
    follower.refresh()
    loaded = open_engine(chosen=chosen)

    assert warm(follower.state) == warm(loaded.state)
    [commit] = follower.commit_burst(received(sent)[-30:])
    assert set(commit.outcomes) == {"duplicate"}
    assert rows(writer.lake, STOCK) == ledger(simulation)
    assert differences(writer) == []


def test_one_burst_to_two_writers_counts_once(open_engine):
    """A lease that expired: two processes hold the same messages."""
    burst = messages(level(100), transaction("T1", quantity=-10))
    first, second = open_engine(), open_engine()
    assert first.state.version == second.state.version == 0

    outcomes = [engine.commit_burst(burst)[0].outcomes for engine in (first, second)]

    assert outcomes == [{"applied": 2}, {"duplicate": 2}]
    assert rows(first.lake, STOCK) == [("W1", "S1", 90, 0, 90, 0)]


@pytest.mark.big
def test_two_processes_at_once_lose_and_double_nothing(open_engine, settings):
    """Both write as fast as they can; each burst is one of theirs, each version one of the bursts."""
    simulation, sent = simulated(LIVE, seed=29, **SHOP)
    engine = open_engine()
    engine.lake.watermark()
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.ingest.writer", str(settings.home), "29", str(part), "2"],
            cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for part in range(2)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n", timeout=240)

    assert [writer.returncode for writer in writers] == [0, 0]
    bursts = -(-len(sent) // BURST)
    assert rows(engine.lake, "SELECT version FROM meta.versions ORDER BY 1") == [(n,) for n in range(1, bursts + 1)]
    assert value(engine.lake, "SELECT count(*) FROM raw.messages") == len(sent)
    assert rows(engine.lake, STOCK) == ledger(simulation)
    assert doubled_events(engine.lake) == []
    assert differences(engine) == []


@pytest.mark.parametrize("stage", sorted(NOTES))
def test_a_note_of_another_release_is_passed_and_nothing_is_loaded_anew(open_engine, stage):
    """Loading takes seconds on a large lake, and every look that finds something to write would cost them."""
    writer, follower = open_engine(), open_engine()
    writer.commit_burst(messages(level(100)))
    kept = follower.state
    LakeNotes(writer.lake, "another release").commit_note(stage, lambda transaction: None)

    assert follower.refresh()

    assert (follower.state is kept, kept.version) == (True, 2)


def test_a_burst_of_another_release_is_loaded_for_it_may_not_repeat_here(open_engine):
    writer, follower = open_engine(), open_engine()
    writer.commit_burst(messages(level(100)))
    kept = follower.state
    LakeNotes(writer.lake, "another release").commit_note(Stage.BURST, lambda transaction: None)

    assert follower.refresh()

    assert (follower.state is kept, follower.state.version) == (False, 2)


def test_a_burst_made_with_other_settings_is_loaded(open_engine, settings):
    """Read with our own it would be another burst: here its order is judged at once."""
    writer, follower = open_engine(chosen=replace(settings, unstated_grace=timedelta(0))), open_engine()
    kept = follower.state
    writer.commit_burst(messages(transaction("T1", quantity=-5)))

    assert follower.refresh()

    assert follower.state is not kept
    assert warm(follower.state) == warm(writer.state)
    assert follower.state.alerts["W1", "S1"]


def test_a_burst_of_other_semantics_is_loaded(open_engine, monkeypatch):
    """RULES 37a: what it meant then it need not mean here."""
    writer, follower = open_engine(), open_engine()
    kept = follower.state
    with monkeypatch.context() as patch:
        patch.setattr("inventory_assets.lake.transaction.SEMANTICS", SEMANTICS + 1)
        writer.commit_burst(messages(level(100)))

    assert follower.refresh()

    assert (follower.state is kept, follower.state.version) == (False, 1)


def test_what_changes_state_cannot_pass_for_a_note(engine):
    """Other processes would go on without it."""
    with pytest.raises(AssertionError):
        engine.commit_note(Stage.VELOCITY, lambda transaction: None)


class Overtaken(Lake):
    """A lake at which somebody else commits whenever we wait for the journal or the writer lock."""

    overtake = staticmethod(lambda: None)

    @contextmanager
    def exclusive(self, **limits):
        """Get the lock second."""
        if not self._is_exclusive:
            self.overtake()
        with super().exclusive(**limits):
            yield

    @contextmanager
    def committing(self):
        """Get the head second."""
        self.overtake()
        with super().committing():
            yield

    @contextmanager
    def transaction(self, *arguments, **options):
        """Commit second, unless the head is held."""
        with super().transaction(*arguments, **options) as transaction:
            yield transaction
            if not self._is_committing:
                self.overtake()


class OvertakenEngine(Engine):
    """An engine that is always second."""

    def __init__(self, settings):
        super().__init__(settings)
        self.lake = Overtaken(settings)


@pytest.fixture
def busy(open_engine):
    """An engine, and how another commits a burst."""
    other, count = open_engine(), iter(range(1, 1_000))
    other.commit_burst(messages(level(1_000)))

    def commit():
        number = next(count)
        other.commit_burst(messages(transaction(f"T{number}", at=f"08:{number:02}")))

    return commit


def test_a_note_beside_a_writer_that_never_rests_is_written_at_the_first_try(open_engine, settings, busy):
    """Hourly jobs and runs of the UI failed beside 50 messages/s: they read the watermark and then waited."""
    lake, tries = Overtaken(settings), []
    lake.overtake = busy
    lake.watermark()

    version = LakeNotes(lake, "code").commit_note(Stage.QUALITY, tries.append)

    lake.close()
    assert (1, 3) == (len(tries), version)


@pytest.mark.parametrize("what", [pytest.param("note", marks=pytest.mark.big), "burst"])
def test_an_engine_beside_a_writer_that_never_rests_is_second_at_most_once(open_engine, busy, what):
    engine = open_engine(OvertakenEngine)
    assert 1 == engine.state.version
    tries = []
    engine.lake.overtake = busy

    if what == "note":
        engine.commit_note(Stage.OPERATIONS, tries.append)
    else:
        engine.commit_burst(messages(transaction("OURS", at="09:00")), also=tries.append)

    assert len(tries) <= 2
    engine.lake.overtake = lambda: None
    assert differences(engine) == []


def test_a_rebuild_beside_a_writer_that_never_rests_gets_through(open_engine, busy):
    engine = open_engine(OvertakenEngine)
    engine.lake.overtake = busy

    found, version = rebuild_lake(engine, Replay(meaning=engine.meaning))

    assert ([], 4) == (found, version)
    engine.lake.overtake = lambda: None
    assert differences(engine) == []
