"""Bursts beside landings: what is remembered, when pulling stops, and that when versions land changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from inventory_assets.domain.events.topics import Topic
from inventory_assets.ingest import engine as engine_module
from inventory_assets.ingest import ingest as ingest_module
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake import landing, transaction
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal import behind
from inventory_assets.lake.journal.behind import Behind, find_behind, is_full
from inventory_assets.lake.journal.contract import Backlog
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import APPEND_TABLES, LANDED, VERSIONED_TABLES
from inventory_assets.settings import Settings
from tests import builders
from tests.builders import ROUGH, cut, level, message, messages, outgoing, received, simulated
from tests.conftest import copy_home
from tests.facts import differences, doubled_events, rows, value, warm
from tests.hunting import some
from tests.messaging.brokers import eventually
from tests.messaging.memory import InMemoryBroker

TABLES = [table for table in (*APPEND_TABLES, *VERSIONED_TABLES) if table is not LANDED]


def test_memory_lets_go_only_of_what_has_landed(settings, open_engine):
    """Only from the lake it can be recalled: a repeat of what is nowhere would count twice."""
    engine = open_engine(chosen=replace(settings, cached_entities=1_000))
    engine.lake.is_landed_by_others = True
    events = [message(builders.transaction(f"T{number}", at=number % 600)) for number in range(5_000)]
    for burst in cut(events, 1_000):
        engine.commit_burst(burst)
    assert 0 == engine.lake.landed().version
    assert 5_000 <= len(engine.state.events)

    for burst in cut(events, 1_000):
        assert {"duplicate": 1_000} == engine.commit_burst(burst)[0].outcomes

    engine.lake.land()
    assert {"applied": 1} == engine.commit_burst([message(builders.transaction("T9999"))])[0].outcomes
    assert len(engine.state.events) <= 1_100
    for burst in cut(events[:2_000], 1_000):
        assert {"duplicate": 1_000} == engine.commit_burst(burst)[0].outcomes


def test_who_stops_lands(open_engine, settings):
    engine = open_engine()
    engine.land_beside()
    engine.commit_burst(messages(level(100)))
    engine.close()

    connection = LakeReader(settings).connection
    assert [(100,)] == connection.execute("SELECT on_hand FROM core.sku_state").fetchall()
    connection.close()


@pytest.mark.parametrize(
    ("size", "seconds", "full", "still"),
    [(0, None, False, False), (999, 59, False, True), (1_000, 1, True, True), (1, 60, True, True),
     (499, 29, False, False), (500, 1, False, True), (1, 31, False, True)],
)  # fmt: skip
def test_a_journal_is_full_by_bytes_or_by_age_until_half_has_landed(settings, monkeypatch, size, seconds, full, still):
    monkeypatch.setattr(behind.time, "time_ns", lambda: 100_000_000_000)
    backlog = Backlog(int(seconds is not None), size, None if seconds is None else (100 - seconds) * 1_000_000)
    bounded = replace(settings, journal_limit="1KB")

    assert (full, still) == (is_full(bounded, backlog), is_full(bounded, backlog, share=0.5))


@pytest.mark.parametrize(("text", "size"), [("256MB", 256_000_000), ("256MiB", 1 << 28), ("1.5 kB", 1_500), ("7B", 7)])
def test_the_bound_is_said_as_memory_is(settings, text, size):
    assert size == replace(settings, journal_limit=text).journal_bytes


LIMIT = 60_000


@pytest.fixture
def small(settings, monkeypatch) -> Settings:
    """Settings of a journal that a few bursts fill."""
    monkeypatch.setattr(ingest_module, "JAM_PAUSE_SECONDS", 0.01)
    return replace(settings, journal_limit=f"{LIMIT}B", landing_seconds=0.05, max_messages=5)


class Watched(InMemoryBroker):
    """A broker that notes how full the journal is whenever something is pulled."""

    look: Callable[[], Behind | None]

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def next_burst(self, **bounds):
        """Take what is there."""
        found = self.look()
        assert found is not None
        self.seen.append(found.bytes)
        return super().next_burst(**bounds)

    @property
    def status(self) -> list[str]:
        """What the status topic was told."""
        return [message.attributes["type"] for message in self.published if message.topic == Topic.STATUS]


@pytest.fixture
def broker(small) -> Watched:
    """A broker at which fifty messages wait."""
    found = Watched()
    found.look = lambda: find_behind(small)
    found.publish([outgoing(level(number, sku=f"S{number}")) for number in range(50)])
    return found


def test_pulling_stops_where_the_journal_is_full_and_goes_on_by_itself(small, broker, open_engine, monkeypatch):
    engine = open_engine(chosen=small)
    ingest = Ingest(engine, broker, broker)
    land, jams, pulls = landing.land, [], []

    def land_once_it_is_full(*arguments: Any) -> list[landing.Landing]:
        if not jams:
            # On the lander's thread: a landing that takes until the loop has stopped and said so.
            eventually(lambda: ingest._is_full and "journal_full" in broker.status)
            jams.append(find_behind(small))
            pulls.append(len(broker.seen))
        return land(*arguments)

    monkeypatch.setattr(landing, "land", land_once_it_is_full)
    summary = ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert {"applied": 50} == summary.outcomes
    assert (0, 0) == (broker.pending, broker.leased)
    assert jams[0].is_full
    assert jams[0].bytes >= LIMIT
    assert ["journal_full", "journal_drained"] == broker.status[:2]
    assert max(broker.seen) < LIMIT
    assert broker.seen[pulls[0]] < LIMIT / 2
    assert [(50,)] == rows(engine.lake, "SELECT count(*) FROM core.sku_state")
    assert not find_behind(small).is_full


@pytest.mark.big
def test_where_nothing_can_land_the_loop_says_why_and_loses_nothing(small, broker, open_engine, monkeypatch):
    engine = open_engine(chosen=small)
    ingest = Ingest(engine, broker, broker)

    def fail(*_: Any) -> None:
        raise LakeError("no room for files")

    with monkeypatch.context() as patch:
        patch.setattr(landing, "land", fail)
        with pytest.raises(LakeError, match="no room for files"):
            ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)
        assert 0 < broker.pending < 50
        assert 0 == broker.leased
        assert max(broker.seen) < LIMIT

    summary = ingest.run(max_seconds=60, wait_seconds=0, until_empty=True)

    assert 0 == broker.pending + broker.leased
    assert summary.messages < 50
    assert [(50,)] == rows(engine.lake, "SELECT count(*) FROM core.sku_state")
    assert 50 == value(engine.lake, "SELECT count(*) FROM raw.messages")
    assert "journal_drained" == broker.status[-1]


def bursts_of_a_shop() -> list[list]:
    """What everybody is given."""
    return list(cut(received(simulated(60, seed=31, **{**ROUGH, "skus": 12})[1]), 35))


def tables_of(engine: Engine) -> dict[str, pl.DataFrame]:
    """All that the lake holds."""
    return {table.changes: engine.lake.query(f"FROM {table.changes} ORDER BY ALL") for table in TABLES}


@pytest.fixture(scope="module")
def alone(empty_home, tmp_path_factory) -> tuple[list[list], dict[str, pl.DataFrame], dict[str, Any]]:
    """Bursts, and what one engine makes of them that lands each at once: its tables, its warm state."""
    bursts = bursts_of_a_shop()
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("alone"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "clock", count(1_650_000_000_000_000, 1_000_000).__next__)
        for burst in bursts:
            engine.commit_burst(burst)
    assert [] == differences(engine)
    found = tables_of(engine), warm(engine.state)
    engine.close()
    return bursts, *found


Steps = list[tuple[int, bool, bool, bool]]
STEP = st.tuples(st.integers(0, 1), st.booleans(), st.booleans(), st.booleans())


def check(steps: Steps, alone: tuple, home: Path) -> list[landing.Landing]:
    """Two engines that take turns, killed and loaded anew, with landings in between by either; the last landing."""
    bursts, tables, state = alone
    engines = [Engine(Settings(home=home)) for _ in range(2)]
    for engine in engines:
        engine.lake.is_landed_by_others = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "clock", count(1_650_000_000_000_000, 1_000_000).__next__)
        for burst, (who, lands, is_killed, others_land) in zip(bursts, steps, strict=True):
            if is_killed:
                engines[who].lake.forget()
                engines[who].drop_state()
            engines[who].commit_burst(burst)
            if lands:
                engines[1 - who if others_land else who].lake.land()

    last = engines[0].lake.land()
    for engine in engines if any(who for who, *_ in steps) else engines[:1]:
        engine.refresh()
        assert state == warm(engine.state)
    found = tables_of(engines[0])
    for name, expected in tables.items():
        assert expected.equals(found[name], null_equal=True), name
    assert [] == doubled_events(engines[0].lake)
    for engine in engines:
        engine.close()
    return last


def test_many_versions_together_are_what_they_are_one_by_one(alone, empty_home, tmp_path):
    """Every table, every column."""
    size = len(alone[0])

    [last] = check([(0, False, False, False)] * size, alone, copy_home(empty_home, tmp_path / "home"))

    assert (1, size) == (last.first, last.last)


def test_two_that_take_turns_and_are_killed_make_what_one_makes(alone, empty_home, tmp_path):
    steps = [(number % 2, number % 3 == 1, number % 3 == 2, True) for number in range(len(alone[0]))]

    check(steps, alone, copy_home(empty_home, tmp_path / "home"))


@pytest.mark.big
@examples(max_examples=some(10))
@given(data=st.data())
def test_when_versions_land_and_who_makes_them_changes_nothing(alone, empty_home, tmp_path_factory, data):
    size = len(alone[0])
    steps = data.draw(st.lists(STEP, min_size=size, max_size=size))

    check(steps, alone, copy_home(empty_home, tmp_path_factory.mktemp("turns")))


def test_what_has_landed_is_not_noted_for_ever(open_engine, monkeypatch):
    """On a quiet lake memory never lets go of anything, and a version a second is 86,400 a day."""
    monkeypatch.setattr(engine_module, "MAX_UNLANDED", 3)
    engine = open_engine()
    for number in range(8):
        engine.commit_burst(messages(level(number, sku=f"S{number}")))
    engine.commit_burst(messages(b"broken"))

    assert len(engine._unlanded) <= 4
