"""A lake that an earlier release made opens in this one, and is held to the rules it was made under (RULES 37a)."""

import tarfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from inventory_assets.domain.ingest.meaning import SEMANTICS, Meaning
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.ingest.verify import recorded_by, recorded_until, verify_lake
from inventory_assets.lake.catalog import connect as connect_module
from inventory_assets.lake.catalog.connect import attach, open_duckdb
from inventory_assets.lake.catalog.form import downgrade
from inventory_assets.lake.journal.open import journal_path, make_journal
from inventory_assets.lake.transaction import Lake
from inventory_assets.queries.dead_letters import to_replay, unreplayed
from inventory_assets.queries.explain import explain_alert
from inventory_assets.settings import Settings
from tests.builders import PUBLISHED_AT, level, message, messages, transaction
from tests.facts import STOCK, rows, value, warm
from tests.fakes import Crash

LAKES = Path(__file__).parent / "older"
"""1: of semantics 1, an epoch of 1, an unstated key, a rule between events, CloudEvents and R2's adjustment refused.
2: of semantics 2, every other envelope than R0's refused, as `unsupported_kind`, `unknown_kind` or `wrong_topic`.
"""


def opened(home: Path, number: int) -> Settings:
    with tarfile.open(LAKES / f"lake-{number}.tar.gz") as archive:
        archive.extractall(home.parent, filter="data")
    return Settings(home=home)


@pytest.fixture
def older(home) -> Settings:
    return opened(home, 1)


@pytest.mark.big
def test_it_is_verified_as_recorded_and_taken_further(older):
    """Its home lies elsewhere than where it was made, too."""
    before = verify_lake(older, Meaning())
    assert (before.differences, before.recorded_until) == ([], before.version)

    engine = Engine(older)
    engine.commit_burst(
        messages(transaction("T20", quantity=-100, at="09:00", sku="S2"), level(20, at="09:10", sku="S3"))
    )
    engine.commit_burst(messages(transaction("T7", quantity=-1, at="07:50", sku="S2")))
    assert rows(engine.lake, "SELECT outcome FROM raw.messages ORDER BY version DESC, seq LIMIT 1") == [("duplicate",)]
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts WHERE sku = 'S1' ORDER BY opened_at LIMIT 1")
    said = explain_alert(engine.lake, alert_id, meaning=engine.meaning, recorded=recorded_by(older))
    assert "earlier rules" in said.recorded_as
    new_id = value(
        engine.lake,
        "SELECT alert_id FROM out.alerts WHERE sku = 'S2' AND warehouse_id = 'W1' AND alert_type = 'STOCKOUT'",
    )
    assert explain_alert(engine.lake, new_id, meaning=engine.meaning, recorded=recorded_by(older)).differences == []
    lived = warm(engine.state)
    engine.drop_state()
    assert warm(engine.state) == lived
    engine.close()

    after = verify_lake(older, Meaning())
    assert (after.differences, after.recorded_until) == ([], before.version)


def earlier_release(settings: Settings) -> duckdb.DuckDBPyConnection:
    """The lake as the release that made it opens it to write."""
    connection = open_duckdb(settings, "ducklake", "sqlite_scanner")
    attach(connection, settings, read_only=False)
    return connection


def test_it_gets_a_journal_that_begins_where_it_stands(older, monkeypatch):
    """Killed before the lake names it, it is made anew. The release that made the lake can read it then, and go on
    when it is given back.
    """
    stands = "SELECT epoch, version FROM lake.meta.watermarks WHERE name = 'lake'"
    advance = "UPDATE lake.meta.watermarks SET version = version + 1 WHERE name = 'lake'"
    with closing(earlier_release(older)) as earlier:
        before = earlier.execute(stands).fetchall()

    def make_and_die(*arguments, **where) -> None:
        make_journal(*arguments, **where)
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(connect_module, "make_journal", make_and_die)
        Lake(older).head()
    with closing(earlier_release(older)) as earlier:
        assert before == earlier.execute(stands).fetchall()

    lake = Lake(older)
    head = lake.head()
    assert before == [(head.epoch, head.version)] == [(head.epoch, head.landed)]
    assert [(head.journal_id,)] == rows(lake, "SELECT journal_id FROM meta.landed")
    lake.close()
    with closing(earlier_release(older)) as earlier:
        assert before == earlier.execute(stands).fetchall()
        with pytest.raises(duckdb.Error):
            earlier.execute(advance)
    assert verify_lake(older, Meaning()).differences == []

    assert head.version == downgrade(older)
    assert not journal_path(older).exists()
    with closing(earlier_release(older)) as earlier:
        assert before == earlier.execute(stands).fetchall()
        assert [(1,)] == earlier.execute(advance).fetchall()


@pytest.mark.big
def test_a_rebuild_takes_it_to_the_rules_of_now(older):
    engine = Engine(older)
    refused = "SELECT count(*) FROM raw.messages WHERE outcome = 'dead_lettered'"
    assert value(engine.lake, refused) == 4
    rebuild_lake(engine, Replay(meaning=engine.meaning))

    # A warehouse's own number 1001 is no version of another's, and other envelopes are taken in; an adjustment that
    # names no warehouse stays refused.
    assert value(engine.lake, refused) == 1
    assert (
        rows(engine.lake, "SELECT outcome, first_outcome FROM raw.messages WHERE first_outcome IS NOT NULL")
        == [("applied", "dead_lettered")] * 3
    )
    assert rows(engine.lake, "SELECT on_hand FROM core.sku_state WHERE warehouse_id = 'W2' AND sku = 'S2'") == [(3,)]
    # The source is in the envelope: of epoch 1 is the level that counts, and its id says so.
    assert rows(engine.lake, "SELECT DISTINCT source FROM core.events WHERE sku = 'S3'") == [("shop-east",)]
    assert value(engine.lake, "SELECT max(semantics) FROM meta.versions") == SEMANTICS
    assert recorded_until(engine.lake) == 0
    engine.close()
    assert verify_lake(older, Meaning()).differences == []


def test_what_an_earlier_reader_refused_stays_refused_until_it_is_replayed(home):
    """RULES 37a. By hand, of S1 in W1: 77 on hand and 5 reserved at 08:00; then 7 are sent, 2 reserved, 1 ordered,
    2 adjusted away and 1 ordered, so 66; 1 is released without a time, so on the day it was published first, so 6.
    """
    older = opened(home, 2)
    engine = Engine(older)
    before = verify_lake(older, Meaning())
    refused = rows(engine.lake, "SELECT reason, count(*) FROM core.dead_letters GROUP BY ALL ORDER BY ALL")
    known = rows(engine.lake, STOCK)
    alert_id = value(engine.lake, "SELECT alert_id FROM out.alerts ORDER BY opened_at LIMIT 1")
    said = explain_alert(engine.lake, alert_id, meaning=engine.meaning, recorded=recorded_by(older))

    letters = unreplayed(engine.lake)
    replays = [to_replay(letter) for letter in letters]
    published_at = PUBLISHED_AT + timedelta(days=30)
    [commit] = engine.commit_burst(
        [message(each.data, topic=each.topic, published_at=published_at, **each.attributes) for each in replays]
    )
    left = rows(engine.lake, f"SELECT reason FROM core.dead_letters WHERE version = {commit.version} ORDER BY ALL")
    lived = warm(engine.state)
    engine.drop_state()
    assert warm(engine.state) == lived
    stock = rows(engine.lake, STOCK)
    released = rows(engine.lake, "SELECT event_at::DATE FROM core.events WHERE type = 'RELEASE'")
    engine.close()
    after = verify_lake(older, Meaning())

    assert refused == [("unknown_kind", 4), ("unsupported_kind", 5), ("wrong_topic", 2)]
    assert (before.differences, before.recorded_until) == ([], before.version)
    assert "earlier rules" in said.recorded_as
    assert known == [("W1", "S1", 94, 5, 89, 0), ("W1", "S2", 0, 0, 0, 0)]
    assert left == [("missing_field",), ("unsupported_type",)]
    assert stock == [
        ("W1", "S1", 66, 6, 60, 0), ("W1", "S2", -3, 0, -3, 0), ("W1", "S3", 40, 0, 40, 0), ("W2", "S1", 7, 0, 7, 0),
    ]  # fmt: skip
    assert released == [(PUBLISHED_AT.date(),)]
    assert commit.outcomes == {"applied": 8, "filtered": 1, "dead_lettered": 2}
    assert (after.differences, after.recorded_until) == ([], before.version)
