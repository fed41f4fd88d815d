"""Versions come into the lake together, and the journal lets go of none before it is on disk there."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.meaning import CODE_VERSION
from inventory_assets.ingest.notes import LakeNotes
from inventory_assets.lake import landing
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.errors import JournalError, LakeError, StaleStateError
from inventory_assets.lake.journal import sql
from inventory_assets.lake.journal.body import encode
from inventory_assets.lake.journal.contract import Barrier, Head, JournaledVersion
from inventory_assets.lake.journal.open import journal_path
from inventory_assets.lake.journal.reading import journaled
from inventory_assets.lake.lander import Lander
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import CATALOG, DELIVERIES, VERSIONED_TABLES
from inventory_assets.lake.transaction import Lake
from inventory_assets.lake.upkeep.maintenance import Maintenance
from inventory_assets.settings import Settings
from tests.builders import messages, rule
from tests.conftest import copy_home
from tests.facts import rows, value
from tests.fakes import Crash, OnCue
from tests.messaging.brokers import eventually

DELIVERED = f"SELECT version, subject_id FROM {DELIVERIES.full_name} ORDER BY ALL"
VERSIONS = "SELECT version, stage FROM meta.versions ORDER BY ALL"


@pytest.fixture
def made(empty_home, home) -> Settings:
    """A lake with nothing in it, and nobody in it."""
    return Settings(home=copy_home(empty_home, home))


@pytest.fixture
def lake(made) -> Iterator[Lake]:
    """It, as one has it open who does not land what he commits."""
    found = Lake(made)
    found.is_landed_by_others = True
    yield found
    found.close()


def add(lake: Lake, *subjects: str) -> None:
    """Commit a version for each."""
    watermark = lake.watermark()
    for subject in subjects:
        with lake.transaction(watermark, stage="burst") as made:
            made.append(DELIVERIES, pl.DataFrame({"subject_id": [subject]}))


def whole(*subjects: str) -> list[tuple[int, str]]:
    """What the lake must have then."""
    return list(enumerate(subjects, 1))


def killed(lake: Lake) -> None:
    """Let go of everything as a kill does: nothing is settled."""
    lake.forget()


def crash(*_: Any) -> None:
    """Die."""
    raise Crash


def test_who_ends_still_lands(tmp_path):
    """At the interpreter's end no thread begins any more: a code server that was stopped left its last versions."""
    code = (
        "import atexit, pathlib, sys; from inventory_assets.ingest.engine import Engine; "
        "from inventory_assets.lake.stages import Stage; from inventory_assets.settings import Settings\n"
        "engine = Engine(Settings(home=pathlib.Path(sys.argv[1])))\n"
        "engine.lake.is_landed_by_others = True\n"
        "engine.commit_note(Stage.QUALITY, lambda transaction: None)\n"
        "atexit.register(lambda: print(engine.lake.land()[0].last))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_a_landing_is_bounded_and_nothing_is_left_out(lake, monkeypatch):
    """After a jam, its memory is bounded."""
    monkeypatch.setattr(landing, "LANDING_ROWS", 5)
    add(lake, *"abcde")

    # Two rows a version, with that of the version itself.
    assert [(1, 2, 4), (3, 4, 4), (5, 5, 2)] == lake.land()

    assert whole(*"abcde") == rows(lake, DELIVERED)
    assert [] == lake.land()


LAKE_CUES = ["UPDATE lake.meta.landed", "INTO lake.out.deliveries", "set_commit", "COMMIT", "max(snapshot_id)"]
JOURNAL_CUES = ["BEGIN", "SET landed", "COMMIT", "DELETE FROM"]


def test_a_death_at_any_step_of_a_landing_loses_and_doubles_nothing(made, monkeypatch):
    """Before each statement to the lake and to the journal, and after each COMMIT."""
    monkeypatch.setattr(sql, "KEPT_VERSIONS", 0)
    monkeypatch.setattr(sql, "KEPT_SECONDS", -1)
    deaths = [("lake", cue, "before") for cue in LAKE_CUES] + [("journal", cue, "before") for cue in JOURNAL_CUES]
    deaths += [("lake", "COMMIT", "after"), ("journal", "COMMIT", "after")]
    committed: list[str] = []
    lake = Lake(made)
    for number, (where, cue, when) in enumerate(deaths):
        lake.is_landed_by_others = True
        fresh = [f"{number}a", f"{number}b"]
        add(lake, *fresh)
        owner: Any = lake if where == "lake" else lake.journal
        owner._connection = OnCue(owner._connection, cue, **{when: crash})
        with pytest.raises(Crash):
            lake.land()
        assert owner._connection.has_happened
        killed(lake)
        committed += fresh

        lake = Lake(made)
        assert whole(*committed) == rows(lake, DELIVERED), (where, cue, when)
        assert list(range(1, len(committed) + 1)) == [version for version, _ in rows(lake, VERSIONS)]
        head = lake.head()
        assert (len(committed), len(committed), None) == (head.version, head.landed, head.barrier)
    killed(lake)


class Recorder:
    """What a landing does, in order: syncs by path, and statements to the lake and the journal."""

    def __init__(self, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[str] = []
        fsync = os.fsync

        def record(descriptor: int) -> None:
            self.steps.append(f"sync {os.readlink(f'/proc/self/fd/{descriptor}')}")
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", record)
        lake._connection = _Recorded(lake.connection, "lake", self.steps)  # type: ignore[assignment]
        journal: Any = lake.journal
        journal._connection = _Recorded(journal._connection, "journal", self.steps)

    def first(self, *words: str) -> int:
        """Where the first step with all of these words is."""
        return next(number for number, step in enumerate(self.steps) if all(word in step for word in words))


class _Recorded:
    def __init__(self, connection: Any, name: str, steps: list[str]) -> None:
        self._connection, self._name, self._steps = connection, name, steps

    def execute(self, statement: str, *arguments: Any) -> Any:
        self._steps.append(f"{self._name} {statement}")
        return self._connection.execute(statement, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def parquet_of(settings: Settings) -> set[Path]:
    """The lake's data files."""
    return set(Path(settings.data_uri).rglob("*.parquet"))


def on_the_way(settings: Settings, files: set[Path]) -> set[str]:
    """Files, and the folders between them and the lake's."""
    root = Path(settings.data_uri)
    return {str(path) for file in files for path in (file, *file.parents) if path.is_relative_to(root)}


def test_files_are_on_disk_before_the_lake_names_them_and_the_journal_lets_go(lake, made, monkeypatch):
    """A version that the journal forgets before would be lost with the power; so would one the lake names before."""
    add(lake, "a", "b")
    before = parquet_of(made)
    monkeypatch.setattr(sql, "KEPT_VERSIONS", 0)
    monkeypatch.setattr(sql, "KEPT_SECONDS", -1)
    recorder = Recorder(lake, monkeypatch)

    lake.land()

    commit, moved = recorder.first("lake COMMIT"), recorder.first("journal", "SET landed")
    assert commit < moved < recorder.first("journal", "DELETE FROM")
    new = on_the_way(made, parquet_of(made) - before)
    assert {"out", "deliveries", "versions", "landed"} <= {Path(path).name for path in new}
    synced = {step.removeprefix("sync ") for step in recorder.steps[:commit]}
    assert set() == new - synced
    # SQLite syncs its own: what has the catalog open alone keeps no log beyond its COMMIT.
    assert str(made.home / "lake") in {step.removeprefix("sync ") for step in recorder.steps[commit:moved]}


def test_another_process_does_not_take_itself_for_the_last_one(lake, made):
    """Whoever does removes the log at its end: what this process goes on to write there is lost, and the catalog."""
    catalog = made.home / "lake" / "catalog.sqlite"
    log = catalog.with_name("catalog.sqlite-wal")
    look = f"import sqlite3; c = sqlite3.connect({str(catalog)!r}); c.execute('SELECT * FROM ducklake_snapshot').fetchall(); c.close()"
    for subject in "abc":
        add(lake, subject)
        lake.land()
        lake.connection.execute("BEGIN")
        seen = rows(lake, DELIVERED)
        before = log.stat().st_ino
        subprocess.run([sys.executable, "-c", look], check=True)

        assert before == log.stat().st_ino
        assert seen == rows(lake, DELIVERED)
        lake.connection.execute("ROLLBACK")


def test_what_a_landing_that_died_had_committed_is_synced_by_the_next(made, monkeypatch):
    lake = Lake(made)
    lake.is_landed_by_others = True
    add(lake, "a", "b")
    before = parquet_of(made)
    lake._connection = OnCue(lake.connection, "max(snapshot_id)", before=crash)
    with pytest.raises(Crash):
        lake.land()
    killed(lake)
    new = on_the_way(made, parquet_of(made) - before)

    after = Lake(made)
    recorder = Recorder(after, monkeypatch)
    after.land()

    moved = recorder.first("journal", "SET landed")
    assert set() == new - {step.removeprefix("sync ") for step in recorder.steps[:moved]}
    assert whole("a", "b") == rows(after, DELIVERED)
    after.close()


def test_upkeep_syncs_its_files_before_the_lake_names_them(lake, made, monkeypatch):
    """A base that is lost is rows that are gone: what it replaces was thrown away."""
    add(lake, "a", "b")
    lake.land()
    table = VERSIONED_TABLES[0]
    before = parquet_of(made)
    recorder = Recorder(lake, monkeypatch)

    Maintenance(lake).compact(table)

    commit = recorder.first("lake COMMIT")
    new = on_the_way(made, parquet_of(made) - before)
    assert "bases" in {Path(path).name for path in new}
    assert set() == new - {step.removeprefix("sync ") for step in recorder.steps[:commit]}


class PowerCut:
    """What of a lake is on disk: of its data files those that were synced, as they were then.

    SQLite syncs its own files: they are as their last transaction left them.
    """

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._durable = {path: path.read_bytes() for path in parquet_of(settings)}
        fsync = os.fsync

        def record(descriptor: int) -> None:
            fsync(descriptor)
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if path.suffix == ".parquet":
                self._durable[path] = path.read_bytes()

        monkeypatch.setattr(os, "fsync", record)

    def happen(self, to: Path, *, leaves: bytes | None) -> Settings:
        """Copy what is left of the lake at this moment; of what was not synced, nothing or `leaves`."""
        home = self._settings.home
        shutil.copytree(home / "lake", to / "lake")
        for path in parquet_of(self._settings):
            copy = to / path.relative_to(home)
            if path in self._durable:
                copy.write_bytes(self._durable[path])
            elif leaves is None:
                copy.unlink()
            else:
                copy.write_bytes(leaves)
        return Settings(home=to)


CUTS = [("lake", "COMMIT"), ("lake", "max(snapshot_id)"), ("journal", "SET landed")]


def test_a_power_cut_at_any_step_of_a_landing_loses_and_doubles_nothing(lake, made, tmp_path, monkeypatch):
    cut_ = PowerCut(made, monkeypatch)
    left: list[Settings] = []
    for number, (where, cue) in enumerate(CUTS):
        add(lake, str(number))
        leaves = b"" if number % 2 else None
        happen = partial(lambda to, leaves: left.append(cut_.happen(to, leaves=leaves)), tmp_path / cue, leaves)
        owner: Any = lake if where == "lake" else lake.journal
        plain = owner._connection
        owner._connection = OnCue(plain, cue, before=happen)
        lake.land()
        owner._connection = plain

    assert len(CUTS) == len(left)
    for number, settings in enumerate(left):
        after = Lake(settings)
        assert whole(*map(str, range(number + 1))) == rows(after, DELIVERED), CUTS[number]
        assert number + 1 == after.head().landed
        killed(after)


def change(settings: Settings, *statements: str) -> None:
    """Break a journal that nobody has open."""
    with closing(sqlite3.connect(journal_path(settings))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def lose_the_first(settings: Settings) -> None:
    change(settings, f"DELETE FROM {sql.VERSIONS} WHERE version = 2")


def lose_the_last(settings: Settings) -> None:
    change(settings, f"DELETE FROM {sql.VERSIONS} WHERE version = 3")


def name_another(settings: Settings) -> None:
    change(settings, f"UPDATE {sql.HEAD} SET journal_id = 'other'")


def be_older(settings: Settings) -> None:
    change(settings, f"UPDATE {sql.HEAD} SET version = 0, landed = 0", f"DELETE FROM {sql.VERSIONS}")


def be_newer(settings: Settings) -> None:
    change(settings, f"UPDATE {sql.HEAD} SET version = 9, landed = 9", f"DELETE FROM {sql.VERSIONS}")


def be_of_another_epoch(settings: Settings) -> None:
    change(settings, f"UPDATE {sql.HEAD} SET epoch = 2")


def be_missing(settings: Settings) -> None:
    journal_path(settings).unlink()


def be_damaged(settings: Settings) -> None:
    path = journal_path(settings)
    path.write_bytes(os.urandom(path.stat().st_size))


def have_a_damaged_body(settings: Settings) -> None:
    change(settings, f"UPDATE {sql.VERSIONS} SET body = randomblob(300) WHERE version = 3")


@pytest.fixture
def behind(lake, made) -> Settings:
    """A lake at version 1 whose journal has two more, and nobody in it."""
    add(lake, "a")
    lake.land()
    add(lake, "b", "c")
    killed(lake)
    return made


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_the_first, "lacks 1 of the versions 2 to 3"),
        (lose_the_last, "lacks 1 of the versions 2 to 3"),
        (name_another, "is other, but the lake's is"),
        (be_older, r"at \(epoch 1, version 1\), but its journal is at \(1, 0\): the journal is an older copy"),
        (be_newer, r"at \(epoch 1, version 1\), but its journal saw it at \(1, 9\) on disk: the lake is an older copy"),
        (be_of_another_epoch, "the lake is an older copy"),
        (be_missing, "is missing"),
        (be_damaged, "is damaged, or is none"),
    ],
)
def test_a_journal_that_is_not_the_lakes_stops_every_writer_and_no_reader(behind, harm, said):
    harm(behind)
    lake, engine = Lake(behind), Engine(behind)

    writers: list[Callable[[], object]] = [
        lake.land,
        lake.watermark,
        lambda: LakeNotes(lake, CODE_VERSION).commit_note(Stage.DELIVERIES, lambda made: None),
        lambda: engine.commit_burst(messages(rule())),
    ]
    for write in writers:
        with pytest.raises(JournalError, match=said) as caught:
            write()
        assert "inventory lake new-journal" in str(caught.value)
    killed(lake)
    with closing(LakeReader(behind).connection) as connection:
        assert [("a",)] == connection.execute("SELECT subject_id FROM out.deliveries").fetchall()


def test_a_lake_of_a_newer_release_is_read_and_not_written(behind):
    with closing(connect(behind)) as connection:
        connection.execute("UPDATE meta.landed SET format = 9")

    with pytest.raises(LakeError, match="the lake's format was 9; this release writes 2"):
        Lake(behind).land()
    with closing(LakeReader(behind).connection) as connection:
        assert [("a",)] == connection.execute("SELECT subject_id FROM out.deliveries").fetchall()


def test_a_body_that_cannot_be_read_lands_nothing(behind):
    have_a_damaged_body(behind)
    lake = Lake(behind)

    with pytest.raises(JournalError, match=r"version 3 is damaged in the journal: .*inventory lake new-journal"):
        lake.land()

    assert 1 == lake.landed().version
    killed(lake)


def test_a_thread_that_cannot_land_says_why_and_lives(behind):
    have_a_damaged_body(behind)
    lander = Lander(behind, lambda landings: None)

    lander.close()

    assert "version 3 is damaged" in (lander.failure or "")


def test_a_thread_whose_upkeep_fails_lands_on(behind):
    def fail(landings: list[landing.Landing]) -> None:
        seen.extend(landings)
        raise OSError("no room")

    seen: list[landing.Landing] = []
    lander = Lander(replace(behind, landing_seconds=0.05), fail)
    lander.wake(1)
    eventually(lambda: len(seen) == 1)
    with closing(Lake(behind)) as lake:
        lake.is_landed_by_others = True
        add(lake, "d")
        lander.wake(1)
        eventually(lambda: len(seen) == 2)
    lander.close()

    assert 4 == seen[1].last


def test_a_journal_that_moves_while_it_is_looked_at_is_no_older_copy(lake, made):
    """Another process commits and lands between two looks."""
    other = Lake(made)
    add(lake, "a")
    journal: Any = lake.journal

    def move_on() -> None:
        add(other, "b")
        other.land()

    watched = OnCue(lake.connection, "journal_id", before=move_on)
    landing.check_journal(watched, journal)  # type: ignore[arg-type]

    assert (2, 2) == (lake.landed().version, lake.head().landed)
    other.close()


def commit_body(lake: Lake, tables: dict[str, pl.DataFrame]) -> None:
    """Commit a version that another release made."""
    head = lake.head()
    entry = JournaledVersion(head.version + 1, "burst", 0, 1, encode(tables))
    lake.journal.commit(head.epoch, head.version, entry, {})


def test_rows_of_older_code_lack_columns_and_land_with_nulls(lake):
    """Versions that older code journaled land as rows and are never replayed."""
    commit_body(lake, {"out.deliveries": pl.DataFrame({"subject_id": ["old"]})})
    # Nothing but nulls has no type of its own.
    commit_body(lake, {"out.deliveries": pl.DataFrame({"subject_id": ["none"], "error": [None]})})
    commit_body(lake, {"out.deliveries": pl.DataFrame({"error": ["e"], "subject_id": ["new"]})})

    assert [(1, 3, 3)] == lake.land()

    found = rows(lake, "SELECT version, subject_id, error FROM out.deliveries ORDER BY 1")
    assert [(1, "old", None), (2, "none", None), (3, "new", "e")] == found


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"out.later": pl.DataFrame({"subject_id": ["new"]})}, "rows of out.later, which this release has no table"),
        ({"out.deliveries": pl.DataFrame({"subject_id": ["new"], "later": [1]})}, "out.deliveries with later, which"),
    ],
)
def test_rows_of_newer_code_land_by_newer_code_only(lake, tables, said):
    """Left out, they would be lost."""
    add(lake, "a")
    commit_body(lake, tables)

    with pytest.raises(JournalError, match=f"{said}.*a newer one wrote them. Use that one"):
        lake.land()

    assert (0, 2) == (lake.landed().version, lake.head().version)
    if "out.deliveries" in tables:
        with journaled(lake.journal, 0, 2) as reader:
            assert reader is None
    killed(lake)


@contextmanager
def dying(lake: Lake, cue: str, when: str) -> Iterator[None]:
    """Die in a rewriting, so that nothing is settled."""
    plain = lake.connection
    lake._connection = OnCue(plain, cue, **{when: crash})  # type: ignore[assignment]

    def settle(*_: Any) -> None:
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "settle_barrier", settle)
        with pytest.raises(Crash):
            yield
    killed(lake)


def rewrite(lake: Lake) -> None:
    with lake.rewriting(None, stage=Stage.REBUILD) as made:
        made.execute(f"DELETE FROM {CATALOG}.out.deliveries WHERE subject_id = 'a'")


@pytest.mark.parametrize(
    ("cue", "when", "said", "left"),
    [
        ("BEGIN", "before", "version 3 (rebuild) did not come about; the lake stays at version 2", ["a", "b"]),
        ("COMMIT", "before", "version 3 (rebuild) did not come about; the lake stays at version 2", ["a", "b"]),
        ("COMMIT", "after", "version 3 (rebuild) is in the lake", ["b"]),
    ],
)
def test_a_rewriting_that_was_killed_is_finished_or_withdrawn_by_the_next_and_said(
    lake, made, caplog, cue, when, said, left
):
    caplog.set_level("INFO")
    add(lake, "a", "b")
    lake.land()
    with dying(lake, cue, when):
        rewrite(lake)

    after = Lake(made)
    assert isinstance(after.head().barrier, Barrier)
    after.land()

    assert left == [subject for _, subject in rows(after, DELIVERED)]
    is_done = left == ["b"]
    known = after.landed()
    head = after.head()
    assert Head(head.journal_id, 1 + is_done, 2 + is_done, 2 + is_done, head.snapshot) == head
    assert (head.epoch, head.version) == (known.epoch, known.version)
    assert said in caplog.messages
    add(after, "c")
    after.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_writers_that_live_on_are_not_stopped_by_who_was_killed(lake, made, when):
    """A code server that had the lake open all the while, and one that keeps no state."""
    engine, notes = Engine(made), Lake(made)
    engine.commit_burst(messages(rule()))
    assert 1 == notes.watermark().version
    with dying(lake, "COMMIT", when):
        rewrite(lake)

    [commit] = engine.commit_burst(messages(rule(11, 21, updated_at="2022-04-16T00:00:00Z")))

    assert 2 + (when == "after") == commit.version == engine.state.version
    with dying(Lake(made), "COMMIT", when):
        rewrite(Lake(made))
    LakeNotes(notes, CODE_VERSION).commit_note(Stage.DELIVERIES, lambda made: None)
    assert 0 == value(notes, "SELECT max(version) - count(*) FROM meta.versions")
    notes.close()
    engine.close()


def test_nobody_takes_from_who_is_at_it_what_is_being_made_anew(lake, made):
    other = Lake(made)
    known = other.watermark()

    with lake.rewriting(None, stage=Stage.REBUILD):
        with pytest.raises(StaleStateError, match="being made anew"), other.transaction(known, stage="burst"):
            pass
        assert lake.head().barrier is not None

    assert (1, None) == (other.head().version, other.head().barrier)
    assert re.fullmatch("[0-9a-f]{32}", other.head().journal_id)
    other.close()
