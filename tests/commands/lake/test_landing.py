"""What commands say and do of versions that are durable and not in the lake yet, and of the lake's form."""

from contextlib import closing, contextmanager

import duckdb
import pytest

from inventory_assets.commands.run import messages as messages_module
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest
from inventory_assets.lake import landing, transaction
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal.open import journal_path, open_journal
from inventory_assets.settings import Settings
from tests.builders import level, messages, outgoing, rule
from tests.builders import transaction as order
from tests.messaging.memory import InMemoryBroker

LONG_AGO = 1_650_000_000_000_000
STOCK = ("SELECT on_hand FROM core.sku_state", "--format", "json")
NOTE = "note: 1 versions, up to 2, are durable but not in the lake yet, and nobody lands them"


def one_lands(engine: Engine) -> None:
    engine.commit_burst(messages(rule(10, 20), level(100)))


@pytest.fixture
def behind(filled, home, monkeypatch) -> Settings:
    """A lake at version 1 and a version in the journal, that of an alert, by a process that was killed long ago."""
    settings = Settings(home=filled(one_lands, home))
    engine = Engine(settings)
    engine.lake.is_landed_by_others = True
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "clock", lambda: LONG_AGO)
        engine.commit_burst(messages(order("T1", quantity=-95)))
    engine.lake.forget()
    engine.index.close()
    return settings


@pytest.fixture
def cannot_land(monkeypatch) -> None:
    def fail(*_):
        raise LakeError("no room for files")

    monkeypatch.setattr(landing, "land", fail)


def test_a_reader_sees_what_has_landed_and_is_told_where_nobody_lands(run, behind):
    ran = run("sql", *STOCK)

    assert (0, [{"on_hand": 100}]) == (ran.code, ran.rows)
    assert NOTE in ran.err
    assert "inventory sql --fresh" in ran.err


def test_a_reader_is_told_nothing_while_somebody_lands(run, behind):
    with closing(open_journal(behind)) as journal:
        journal.mark_lander()
        ran = run("sql", *STOCK)

    assert [{"on_hand": 100}] == ran.rows
    assert "note:" not in ran.err


def test_fresh_sees_everything(run, behind):
    ran = run("sql", "--fresh", *STOCK)

    assert (0, [{"on_hand": 5}], "") == (ran.code, ran.rows, ran.err)
    assert [{"on_hand": 5}] == run("sql", *STOCK).rows


@pytest.mark.parametrize(("version", "on_hand"), [(1, 100), (2, 5)])
def test_a_version_that_has_not_landed_can_be_asked_for(run, behind, version, on_hand):
    assert [{"on_hand": on_hand}] == run("sql", "--at-version", str(version), *STOCK).rows


def test_a_version_that_is_not_there_names_the_newest(run, behind):
    ran = run("sql", "--at-version", "3", *STOCK)

    assert (1, "") == (ran.code, ran.out)
    assert "version was 3; the lake has 1 to 2." in ran.err


def test_stats_show_how_far_the_lake_is_behind(run, behind, monkeypatch):
    def counts() -> dict[str, int]:
        return {row["what"]: row["count"] for row in run("stats", "--format", "json").rows}

    found = counts()
    assert (1, 0) == (found["versions not landed"], found["journal is full"] - 1)  # far too old
    assert found["ms behind"] > 3_000
    assert found["journal bytes not landed"] > 100
    monkeypatch.setenv("INVENTORY_JOURNAL_SECONDS", "86400")

    run("sql", "--fresh", *STOCK)

    found = counts()
    assert [0] * 4 == [found[name] for name in ("versions not landed", "ms behind", "journal bytes not landed",
                                                "journal is full")]  # fmt: skip


@pytest.mark.parametrize("command", [("sql", "--fresh", *STOCK), ("sql", "--at-version", "1", *STOCK)])
def test_where_nothing_can_land_questions_are_answered_with_what_has(run, behind, cannot_land, command):
    ran = run(*command)

    assert (0, [{"on_hand": 100}]) == (ran.code, ran.rows)
    said = " ".join(ran.err.split())
    assert "what was committed last could not be landed. no room for files" in said


@pytest.mark.parametrize("command", [("verify",), ("rebuild",), ("archive",), ("snapshots", "build", "--missing")])
def test_where_nothing_can_land_whoever_must_see_everything_stops(run, behind, cannot_land, command):
    ran = run(*command)

    assert 1 == ran.code
    assert "no room for files" in " ".join(ran.err.split())


@pytest.mark.parametrize(("command", "code"), [(("sql", *STOCK), 0), (("stats",), 0), (("verify",), 1)])
def test_without_its_journal_a_lake_is_read_and_not_written(run, behind, command, code):
    journal_path(behind).unlink()

    ran = run(*command)

    assert code == ran.code
    assert (code == 1) == ("inventory lake new-journal" in ran.err)


def test_drain_says_why_nothing_lands_and_the_messages_are_safe(run, filled, home, monkeypatch):
    filled(one_lands, home)
    broker = InMemoryBroker()
    broker.publish([outgoing(order("T1", quantity=-5))])

    @contextmanager
    def in_memory(settings):
        engine = Engine(settings)
        try:
            yield Ingest(engine, broker, broker)
        finally:
            engine.close()

    def fail(*_):
        raise duckdb.IOException("no space left on device")

    monkeypatch.setattr(messages_module, "ingest_of", in_memory)
    with monkeypatch.context() as patch:
        patch.setattr(landing, "land", fail)
        ran = run("drain", "--wait", "0")

    assert 1 == ran.code
    assert "no space left on device" in " ".join(ran.err.split())
    assert (0, 0) == (broker.pending, broker.leased)
    assert [{"on_hand": 95}] == run("sql", "--fresh", *STOCK).rows


def test_the_form_goes_back_and_comes_again(run, behind):
    ran = run("lake", "downgrade")

    assert (0, "") == (ran.code, ran.out)
    assert "version 2 is in the lake, and an earlier release can write to it" in " ".join(ran.err.split())
    assert not journal_path(behind).exists()
    assert [{"on_hand": 5}] == run("sql", *STOCK).rows
    assert 0 == run("maintain").code
    assert journal_path(behind).exists()


def test_a_new_journal_is_begun_when_it_is_meant(run, behind):
    journal_path(behind).write_bytes(b"damaged")
    refused = run("lake", "new-journal", stdin=b"n\n")
    assert 0 != refused.code
    assert "damaged" == journal_path(behind).read_text()

    ran = run("lake", "new-journal", "--yes")

    assert (0, "") == (ran.code, ran.out)
    assert "a new journal begins after version 1" in " ".join(ran.err.split())
    assert 0 == run("verify").code
    assert [{"on_hand": 100}] == run("sql", "--fresh", *STOCK).rows


@pytest.mark.parametrize("command", ["downgrade", "new-journal"])
def test_without_a_lake_there_is_no_form(run, home, command):
    ran = run("lake", command)

    assert 1 == ran.code
    assert "there is no lake" in ran.err
    assert not (home / "lake").exists()
