"""The archive: a verified copy of old days, and a lake made from it that is the one it was made of."""

import re
from dataclasses import replace
from itertools import count
from pathlib import Path

import duckdb
import pytest

from inventory_assets.archive.archive import ARCHIVED, Archiver
from inventory_assets.archive.restore import Restorer
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.files.archive_files import ArchiveError, show_archive
from inventory_assets.lake.files.storage import open_storage
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import APPEND_TABLES, BASES, LANDED, VERSIONED_TABLES
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.settings import Settings
from tests.builders import DAY, cut, level, message, messages, received, rule, simulated, transaction
from tests.facts import differences, rows, value, warm
from tests.fakes import Crash, CrashingEngine, OnCue

ALWAYS = "2999-01-01"
TABLES = [table for table in (*APPEND_TABLES, *VERSIONED_TABLES) if table not in (LANDED, BASES)]
SHOP = {"skus": 8, "warehouses": 2, "disorder_rate": 0.1, "malformed_rate": 0.03, "duplicate_rate": 0.05}
ODD = """it's "q" = / \\ π 😀 <b>"""


def archive(engine: Engine, uri: str, before: str = ALWAYS, connection=None) -> dict[str, tuple[int, int]]:
    """Archive a lake: by table the days and rows copied, where there were any."""
    reader = LakeReader(engine.settings)
    try:
        archiver = Archiver(connection(reader.connection) if connection else reader.connection, reader, uri)
        return {done.table: (done.copied_days, done.copied_rows) for done in archiver.run(before) if done.copied_days}
    finally:
        reader.connection.close()


def restore(engine: Engine, uri: str, *days: str | None):
    """Restore an archive into an engine's lake."""
    replay = Replay(meaning=engine.meaning)
    return Restorer(engine, uri, replay).run(*days)


def contents(engine: Engine, until: int = 10**9) -> dict[str, list]:
    """Every row of every table up to a version; when a version was committed is part of it."""
    return {
        table.full_name: rows(engine.lake, f"FROM {table.changes} WHERE version <= {until} ORDER BY ALL")
        for table in TABLES
    }


def files(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


@pytest.fixture
def traded(open_filled):
    """A lake of three days with all that an archive must hold: products, velocities, dead letters, odd ids."""
    return open_filled(_trade)


def _trade(engine):
    import_products(engine, [Product("S1", product_name="Lamp", lead_time_days=3), Product(ODD, unit_price=0.1)])
    engine.commit_burst(messages(rule(10, 20), level(100), level(10**12, sku=ODD, warehouse_id="=W"), b"broken"))
    for day in range(1, 3):
        at = f"2022-04-2{day}T09:00:00Z"
        sent = [message(transaction(f"T{day}", quantity=-45, at=at), published_at=DAY.replace(day=20 + day))]
        engine.commit_burst(sent)
    refresh_velocity(engine, DAY.replace(day=25).date())


@pytest.fixture
def place(tmp_path):
    return tmp_path / "archive"


def test_a_lake_made_from_an_archive_is_the_lake_it_was_made_of(open_engine, traded, place, tmp_path):
    """The rows, what verify says, what is warm, and that what was known is still known."""
    archive(traded, str(place))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))
    done = restore(made, str(place))
    last = traded.state.version

    assert contents(traded) == contents(made, until=last)
    assert done.differences == []
    assert differences(made) == []
    assert made.state.version == last + 1
    assert warm(traded.state) == warm(made.state) | {"version": last}
    [repeat] = made.commit_burst([message(transaction("T1", quantity=-45, at="2022-04-21T09:00:00Z"))])
    assert repeat.outcomes == {"duplicate": 1}


@pytest.mark.big
def test_a_simulated_shop_survives_the_journey(open_engine, engine, place, tmp_path):
    _, sent = simulated(400, seed=11, **SHOP)
    for burst in cut(received(sent), 50):
        engine.commit_burst(burst)
    archive(engine, str(place))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))
    restore(made, str(place))
    rest = received(simulated(460, seed=11, **SHOP)[1][-60:])
    ours, theirs = engine.commit_burst(rest), made.commit_burst(rest)

    assert [commit.outcomes for commit in ours] == [commit.outcomes for commit in theirs]
    state = "SELECT * EXCLUDE (version) FROM core.sku_state ORDER BY ALL"
    assert rows(engine.lake, state) == rows(made.lake, state)
    assert differences(made) == []


def test_the_same_lake_gives_the_same_bytes_and_a_second_run_copies_nothing(traded, place, tmp_path):
    first = archive(traded, str(place))
    before = files(place)
    again = archive(traded, str(place))
    archive(traded, str(tmp_path / "second"))

    assert first["core.events"] == (4, 5)
    assert first["raw.messages"] == (2, 6)
    assert again == {}
    assert before == files(place) == files(tmp_path / "second")


def test_only_days_before_the_date_are_copied(traded, place):
    done = archive(traded, str(place), before="2022-04-21")

    assert done == {"core.events": (2, 3)}
    assert not (place / "meta_versions").exists()


def test_a_file_that_is_gone_or_cut_short_is_copied_again(traded, place):
    archive(traded, str(place))
    before = files(place)
    (place / "core_events" / "date=2022-04-20" / "data.parquet").unlink()
    short = place / "raw_messages" / "date=2022-04-21" / "data.parquet"
    short.write_bytes(short.read_bytes()[:-20])
    done = archive(traded, str(place))

    assert {table: days for table, (days, _) in done.items()} == {"core.events": 1, "raw.messages": 1}
    assert before == files(place)


def test_a_late_event_has_its_day_copied_again_and_no_other(traded, place):
    archive(traded, str(place))
    late = message(transaction("late", quantity=-1, at="2022-04-20T08:00:00Z"), published_at=DAY.replace(day=27))
    traded.commit_burst([late])
    done = archive(traded, str(place))

    assert done["core.events"] == (1, 3)
    assert done["raw.messages"] == (1, 1)
    assert set(done) == {"core.events", "raw.messages", "meta.versions"}


def test_a_rebuild_has_derived_days_copied_again(traded, place):
    archive(traded, str(place))
    rebuild_lake(traded, Replay(meaning=traded.meaning))
    done = archive(traded, str(place))

    assert done["core.events"][0] == 4
    assert set(done) == {"core.events", "meta.versions"}


def test_rows_that_a_lake_lost_stay_in_the_archive_and_come_back(traded, place, open_engine):
    archive(traded, str(place))
    expected, last = contents(traded), traded.state.version
    for table in ARCHIVED:
        condition = "version > 1" if table.full_name == "meta.versions" else "version IN (2, 3)"
        traded.lake.connection.execute(f"DELETE FROM {table.changes} WHERE {condition}")
    before = files(place)
    with pytest.raises(ArchiveError, match="inventory archive restore"):
        traded.lake.connection.execute("INSERT INTO core.events (version, event_date) VALUES (4, '2022-04-21')")
        archive(traded, str(place))
    traded.lake.connection.execute("DELETE FROM core.events WHERE event_id IS NULL")
    done = restore(traded, str(place))

    assert before == files(place)
    assert done.rows["raw.messages"] == 5
    assert expected == contents(traded, until=last)
    assert differences(traded) == []
    assert restore(traded, str(place)).version is None
    # The restore is a version and begins a new epoch, under which derived days are proven anew.
    assert archive(traded, str(place)).keys() == {"meta.versions", "core.events"}


def test_only_the_days_asked_for_come_back(traded, place):
    archive(traded, str(place))
    traded.lake.connection.execute("DELETE FROM core.events")
    restore(traded, str(place), "2022-04-21", "2022-04-21")

    assert rows(traded.lake, "SELECT transaction_id FROM core.events") == [("T1",)]


@pytest.mark.big
def test_an_archive_that_ends_in_the_middle_gives_the_versions_it_has_whole(traded, place, open_engine, tmp_path):
    """A day of messages is gone: the versions that held some of it, and all after them, are not restored."""
    archive(traded, str(place))
    for path in (place / "raw_messages" / "date=2022-04-22").iterdir():
        path.unlink()
    made = open_engine(chosen=Settings(home=tmp_path / "other"))
    restore(made, str(place))

    assert contents(traded, until=3) == contents(made, until=3)
    assert value(made.lake, "SELECT version FROM meta.watermarks") == 4
    assert differences(made) == []


@pytest.mark.big
def test_a_lake_made_from_an_archive_has_a_way_of_its_own(traded, place, open_engine, tmp_path):
    """Both go on from one version under the same numbers: what one writes must never be taken for the other's."""
    archive(traded, str(place))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))
    restore(made, str(place))
    for engine, name in ((traded, "ours"), (made, "theirs")):
        engine.commit_burst(messages(transaction(name, at="2022-04-20T21:00:00Z")))
    archive(traded, str(place))

    with pytest.raises(ArchiveError, match="another lake"):
        restore(made, str(place))
    with pytest.raises(ArchiveError, match="another lake"):
        archive(made, str(place))
    archive(made, str(tmp_path / "own"))
    again = open_engine(chosen=Settings(home=tmp_path / "again"))
    restore(again, str(tmp_path / "own"))
    assert contents(made) == contents(again, until=made.state.version)


def test_a_whole_day_that_a_lake_lost_is_noticed(traded, place):
    archive(traded, str(place))
    traded.lake.connection.execute("DELETE FROM raw.messages WHERE arrival_date = '2022-04-22'")

    with pytest.raises(ArchiveError, match="2022-04-22, of which the lake has no row"):
        archive(traded, str(place))
    restore(traded, str(place))
    archive(traded, str(place))


@pytest.mark.parametrize(
    "table",
    ["raw_messages", *(pytest.param(name, marks=pytest.mark.big) for name in ("meta_versions", "core_products"))],
)
def test_a_damaged_file_is_named_and_nothing_is_restored(traded, place, open_engine, tmp_path, table):
    archive(traded, str(place))
    damaged = sorted((place / table).rglob("data.parquet"))[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(bytes(content))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))

    with pytest.raises(ArchiveError, match=re.escape(str(damaged))):
        restore(made, str(place))
    assert value(made.lake, "SELECT count(*) FROM raw.messages") == 0
    assert made.lake.watermark().version == 0


def test_another_lakes_archive_is_refused_both_ways(traded, place, open_engine, tmp_path):
    archive(traded, str(place))
    other = open_engine(chosen=Settings(home=tmp_path / "other"))
    other.commit_burst(messages(level(1)))
    before = files(place)

    with pytest.raises(ArchiveError, match="another lake"):
        archive(other, str(place))
    with pytest.raises(ArchiveError, match="another lake"):
        restore(other, str(place))
    with pytest.raises(ArchiveError, match="there is no archive"):
        restore(other, str(tmp_path / "nowhere"))
    assert before == files(place)


def test_a_copy_that_is_not_what_was_copied_is_thrown_away(traded, place):
    """A disk that writes something else: found by reading back, before anything is replaced."""

    def spoil(sql):
        file = re.search(r"TO '(.*?)' \(FORMAT", sql)[1]
        duckdb.execute(
            f"COPY (SELECT * REPLACE (quantity + 1 AS quantity) FROM read_parquet('{file}')) TO '{file}2' (FORMAT parquet)"
        )
        Path(f"{file}2").replace(file)

    archive(traded, str(place))
    before = files(place)
    late = message(transaction("late", quantity=-1, at="2022-04-21T08:00:00Z"), published_at=DAY.replace(day=27))
    traded.commit_burst([late])

    with pytest.raises(ArchiveError, match="its contents differ"):
        archive(traded, str(place), connection=lambda real: OnCue(real, "COPY", after=spoil))
    assert before == files(place)


@pytest.mark.big
def test_an_archive_killed_in_the_middle_is_finished_by_the_next(traded, place, tmp_path):
    class Dying(OnCue):
        def execute(self, sql, *arguments):
            done = self._connection.execute(sql, *arguments)
            if "COPY" in sql and next(left) == 0:
                raise Crash
            return done

    archive(traded, str(tmp_path / "whole"))
    for step in range(0, 9, 2):
        left = count(step, -1)
        with pytest.raises(Crash):
            archive(traded, str(place / str(step)), connection=lambda real: Dying(real, "never"))
        archive(traded, str(place / str(step)))

        assert files(place / str(step)) == files(tmp_path / "whole"), step


@pytest.mark.big
def test_a_restore_that_crashes_anywhere_leaves_no_half_lake(traded, place, tmp_path):
    archive(traded, str(place))
    made = CrashingEngine(Settings(home=tmp_path / "other"))
    made.lake.watermark()
    step = crashes = 0
    while True:
        made.lake.connection.fail_before = step
        try:
            restore(made, str(place))
            break
        except Crash:
            crashes += 1
            assert value(made.lake, "SELECT count(*) FROM raw.messages") == 0
        step += 3
    made.lake.connection.fail_before = None

    assert crashes > 5
    assert contents(traded) == contents(made, until=traded.state.version)
    made.close()


@pytest.mark.parametrize("is_rebuilt", [pytest.param(False, marks=pytest.mark.big), True])
def test_bursts_go_on_beside_a_restore_and_a_rebuild_stops_it(traded, place, open_engine, is_rebuilt):
    """A restore looks for minutes, and beside a busy shop it would never be first; what it looked at stays true."""
    archive(traded, str(place))
    traded.lake.connection.execute("DELETE FROM raw.messages WHERE version = 2")
    other = open_engine(chosen=traded.settings)
    restorer = Restorer(other, str(place), Replay(meaning=traded.meaning))
    checked = restorer._checked

    def commit_first(table, *asked):
        if table.full_name == "meta.versions":
            traded.commit_burst(messages(transaction("T9", at="2022-04-20T20:00:00Z")))
            if is_rebuilt:
                with traded.lake.rewriting(None, stage="rebuild"):
                    pass
        return checked(table, *asked)

    restorer._checked = commit_first

    if is_rebuilt:
        with pytest.raises(StaleStateError, match="rebuilt or restored"):
            restorer.run()
        restorer = Restorer(other, str(place), Replay(meaning=traded.meaning))
    assert restorer.run().rows == {"raw.messages": 4}
    assert differences(other) == []


def test_the_archive_is_a_schema_to_ask(traded, place, settings):
    """By date, at a version; empty where nothing was archived; and nothing of a file half written."""
    reader = LakeReader(settings)
    show_archive(reader.connection, str(place))
    assert reader.rows("SELECT count(*) AS n FROM archive.core_events") == [{"n": 0}]
    reader.connection.close()
    archive(traded, str(place))
    (place / "core_events" / "date=2022-04-20" / "data.parquet.1.tmp").write_bytes(b"half")
    reader = LakeReader(settings)
    show_archive(reader.connection, str(place), 3)

    assert reader.query("SELECT * EXCLUDE (date) FROM archive.core_events ORDER BY ALL").rows() == rows(
        traded.lake, "FROM core.events WHERE version <= 3 ORDER BY ALL"
    )
    dates = reader.query("SELECT DISTINCT date::VARCHAR AS d FROM archive.raw_messages ORDER BY 1")["d"].to_list()
    assert dates == rows_of(
        traded, "SELECT DISTINCT arrival_date::VARCHAR FROM raw.messages WHERE version <= 3 ORDER BY 1"
    )
    reader.connection.close()


def rows_of(engine, sql):
    return [row[0] for row in rows(engine.lake, sql)]


@pytest.mark.big
def test_a_bucket_takes_an_archive_and_gives_it_back(open_engine, settings, shop_bucket, tmp_path):
    """With Google's credentials alone; the lake's own data path would want an HMAC key."""
    place = "gs://shop/old lake"
    engine = open_engine(chosen=replace(settings, archive_path=place))
    engine.commit_burst(messages(rule(10, 20), level(100, sku=ODD), b"broken"))
    first = archive(engine, place)
    again = archive(engine, place)
    archive(engine, str(tmp_path / "folder"))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))
    restore(made, place)
    reader = LakeReader(engine.settings)
    show_archive(reader.connection, place)

    assert (first["raw.messages"], again) == ((1, 3), {})
    assert {f"old lake/{name}": each for name, each in files(tmp_path / "folder").items()} == shop_bucket.objects(
        "shop"
    )
    assert contents(engine) == contents(made, until=1)
    assert differences(made) == []
    assert [(3,)] == reader.connection.execute(
        "SELECT count(*) FROM archive.raw_messages WHERE date > '2000-01-01'"
    ).fetchall()
    reader.connection.close()


def test_a_damaged_object_is_named_and_nothing_is_restored(open_engine, engine, shop_bucket, tmp_path):
    engine.commit_burst(messages(rule(10, 20), level(100)))
    archive(engine, "gs://shop/old")
    storage = open_storage("gs://shop/old")
    name = min(name for name in storage.sizes("raw_messages") if name.endswith("data.parquet"))
    made = open_engine(chosen=Settings(home=tmp_path / "other"))

    for spoil in (lambda: storage.write(name, b"x" + storage.read(name)[1:]), lambda: storage.delete(name)):
        spoil()
        with pytest.raises(ArchiveError, match=re.escape(f"gs://shop/old/{name}")):
            restore(made, "gs://shop/old")
    assert made.lake.watermark().version == 0


def test_a_lake_with_its_catalog_on_a_server_is_made_and_mended(
    open_engine, traded, place, settings, postgres, tmp_path
):
    archive(traded, str(place))
    stored = replace(settings, home=tmp_path / "other", catalog=postgres.new_catalog())
    made = open_engine(chosen=stored)
    restore(made, str(place))
    last = made.lake.watermark().version
    archive(made, str(tmp_path / "own"))
    made.lake.connection.execute("DELETE FROM raw.messages WHERE version = 3")
    restore(made, str(tmp_path / "own"))

    assert contents(traded) == contents(made, until=last - 1)
    assert differences(made) == []
