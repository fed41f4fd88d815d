"""The lake's form: with a journal, back to before there was one, and with a new one."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import duckdb
import polars as pl
import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog import connect as connect_module
from inventory_assets.lake.catalog import form
from inventory_assets.lake.catalog.connect import attach, connect, open_duckdb
from inventory_assets.lake.catalog.create import FORMAT
from inventory_assets.lake.catalog.form import begin_new_journal, downgrade
from inventory_assets.lake.errors import JournalError, StaleStateError
from inventory_assets.lake.journal.open import journal_path, make_journal
from inventory_assets.lake.query.reader import LakeReader, snapshot_reader
from inventory_assets.lake.tables import DELIVERIES
from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings
from tests.builders import level, messages
from tests.conftest import copy_home
from tests.facts import STOCK, differences, rows, value
from tests.fakes import Crash

DELIVERED = f"SELECT version, subject_id FROM {DELIVERIES.full_name} ORDER BY ALL"
NAMED = "SELECT epoch, version, format, journal_id FROM meta.landed"
# What the release before journals does first in each of its transactions.
ADVANCE = "UPDATE lake.meta.watermarks SET version = version + 1 WHERE name = 'lake'"


@pytest.fixture
def made(empty_home, home) -> Settings:
    """A lake with nothing in it, and nobody in it."""
    return Settings(home=copy_home(empty_home, home))


@pytest.fixture
def open_lake(made) -> Iterator[Callable[[], Lake]]:
    """Open the lake, as one who does not land what he commits; all are let go of as by a kill."""
    opened: list[Lake] = []

    def open_() -> Lake:
        opened.append(Lake(made))
        opened[-1].is_landed_by_others = True
        return opened[-1]

    yield open_
    for lake in opened:
        lake.forget()


def add(lake: Lake, *subjects: str) -> None:
    """Commit a version for each."""
    watermark = lake.watermark()
    for subject in subjects:
        with lake.transaction(watermark, stage="burst") as transaction:
            transaction.append(DELIVERIES, pl.DataFrame({"subject_id": [subject]}))


def earlier_release(settings: Settings) -> duckdb.DuckDBPyConnection:
    """The lake as a release without journals opens it to write."""
    connection = open_duckdb(settings, "ducklake", "sqlite_scanner")
    attach(connection, settings, read_only=False)
    return connection


def test_a_lake_names_its_journal_and_an_earlier_release_only_reads(made, open_lake):
    """Removed or renamed, it would begin again at version 1."""
    lake = open_lake()
    add(lake, "a")
    lake.land()
    head = lake.head()

    assert [(1, 1, FORMAT, head.journal_id)] == rows(lake, NAMED)
    with closing(earlier_release(made)) as earlier:
        for query in ("SELECT epoch, version FROM lake.meta.watermarks",
                      "SELECT epoch, version FROM lake.meta.watermarks WHERE name = 'lake'"):  # fmt: skip
            assert [(1, 1)] == earlier.execute(query).fetchall()
        with pytest.raises(duckdb.Error, match="(?i)can only update base table"):
            earlier.execute(ADVANCE)


def test_back_and_on_again(made, open_lake):
    """What had not landed does, the earlier release goes on, and this one after it."""
    lake = open_lake()
    add(lake, "a", "b")
    first_id = lake.head().journal_id

    assert 2 == downgrade(made)

    assert not journal_path(made).exists()
    with closing(earlier_release(made)) as earlier:
        assert [(1,)] == earlier.execute(ADVANCE).fetchall()
        earlier.execute("INSERT INTO lake.out.deliveries (version, subject_id) VALUES (3, 'c')")
    # Who reads with this release sees it all, before anybody writes with it.
    with snapshot_reader(made) as reader:
        assert [(1, "a"), (2, "b"), (3, "c")] == rows(reader, DELIVERED)
    assert not journal_path(made).exists()

    after = open_lake()
    assert (1, 3, 3) == (after.head().epoch, after.head().version, after.head().landed)
    add(after, "d")
    assert [(1, "a"), (2, "b"), (3, "c"), (4, "d")] == rows(after, DELIVERED)
    assert first_id != after.head().journal_id


def test_who_has_the_lake_open_while_it_goes_back_commits_no_more(made, open_lake):
    """What he commits would go with the journal's file."""
    held = open_lake()
    known = held.watermark()
    downgrade(made)

    with pytest.raises(JournalError, match="was removed or replaced"), held.transaction(known, stage="burst"):
        pass

    open_lake().head()
    with pytest.raises(JournalError, match="was removed or replaced"), held.transaction(known, stage="burst"):
        pass


def test_where_something_cannot_land_the_form_stays(made, open_lake, monkeypatch):
    add(open_lake(), "a")
    monkeypatch.setattr("inventory_assets.lake.landing._append", lambda *_: (_ for _ in ()).throw(duckdb.IOException))

    with pytest.raises(duckdb.Error):
        downgrade(made)

    monkeypatch.undo()
    lake = open_lake()
    assert [(1, "a")] == rows(lake, DELIVERED)
    add(lake, "b")


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"damaged")])
def test_a_new_journal_begins_where_the_lake_stands(made, open_lake, harm):
    lake = open_lake()
    add(lake, "a")
    lake.land()
    add(lake, "lost")
    lake.forget()
    harm(journal_path(made))
    with pytest.raises(JournalError):
        open_lake().head()

    assert 1 == begin_new_journal(made)

    after = open_lake()
    add(after, "b")
    assert [(1, "a"), (2, "b")] == rows(after, DELIVERED)
    assert [(2, 2, FORMAT, after.head().journal_id)] == rows(after, NAMED)


def test_who_has_in_memory_what_was_given_up_does_not_go_on_from_it(made, open_lake):
    """His version 2 and the new one are not the same, whoever of them is at version 2."""
    lake = open_lake()
    engine = Engine(made)
    engine.commit_burst(messages(level(100)))
    engine.lake.is_landed_by_others = True
    engine.commit_burst(messages(level(7, "08:00")))
    known = engine.lake.watermark()
    begin_new_journal(made)
    add(open_lake(), "b")

    with pytest.raises(JournalError, match="start this process again"):
        engine.commit_burst(messages(level(9, "09:00")))
    with pytest.raises(StaleStateError), open_lake().transaction(known, stage="burst"):
        pass

    engine.lake.forget()
    engine.drop_state()
    engine.commit_burst(messages(level(9, "09:00", sku="S2")))
    assert [("W1", "S1", 100, 0, 100, 0), ("W1", "S2", 9, 0, 9, 0)] == rows(engine.lake, STOCK)
    assert [] == differences(engine)
    engine.close()
    lake.forget()


def test_a_new_journal_that_was_not_made_to_the_end_is_said_and_made_again(made, open_lake, monkeypatch):
    """The lake names it before it is there."""
    add(open_lake(), "a")
    open_lake().land()

    def crash(*_, **__):
        raise Crash

    monkeypatch.setattr(form, "make_journal", crash)
    with pytest.raises(Crash):
        begin_new_journal(made)
    monkeypatch.undo()

    with pytest.raises(JournalError, match="is missing"):
        open_lake().head()
    with closing(LakeReader(made).connection) as connection:
        assert [("a",)] == connection.execute("SELECT subject_id FROM out.deliveries").fetchall()
    assert 1 == begin_new_journal(made)
    add(open_lake(), "b")


@pytest.mark.parametrize("is_written_between", [False, True])
def test_a_journal_that_the_lake_does_not_name_yet_is_made_anew(made, open_lake, monkeypatch, is_written_between):
    """Killed between the two; the earlier release may go on before this one does."""
    lake = open_lake()
    add(lake, "a", "b")
    downgrade(made)
    numbers = count()

    def make_and_die(settings: Settings, journal_id: str, *, epoch: int, version: int) -> None:
        make_journal(settings, journal_id, epoch=epoch, version=version)
        next(numbers)
        raise Crash

    monkeypatch.setattr(connect_module, "make_journal", make_and_die)
    with pytest.raises(Crash):
        connect(made)
    monkeypatch.undo()
    assert (1, True) == (next(numbers), journal_path(made).exists())
    if is_written_between:
        with closing(earlier_release(made)) as earlier:
            earlier.execute(ADVANCE)

    after = open_lake()

    newest = 2 + is_written_between
    assert (1, newest, newest) == (after.head().epoch, after.head().version, after.head().landed)
    add(after, "c")
    assert newest + 1 == value(after, "SELECT max(version) FROM out.deliveries")
