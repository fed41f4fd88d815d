"""A picture that was followed is the one that is loaded, version by version, whatever the journal has forgotten."""

from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest

from inventory_assets.domain.picture.picture import Picture, Step
from inventory_assets.domain.picture.stream import Wanted, knows, news
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.journal.sql import VERSIONS
from inventory_assets.picture import follow, frames
from inventory_assets.picture.follow import Follower
from inventory_assets.picture.frames import SOURCES, Reading
from inventory_assets.settings import Settings
from tests.builders import cut, received, simulated


def _shown(picture: Picture) -> dict[str, dict]:
    return {name: {row.key: row for row in table} for name, table in picture.tables.items()}


def _catch_up(follower: Follower, picture: Picture) -> None:
    while steps := follower.read(picture.epoch, picture.version):
        for step in steps:
            picture.apply(step)


@pytest.fixture
def trade(engine: Engine) -> list:
    """An engine's lake with the beginning of a trade in it, and the bursts that follow."""
    _, sent = simulated(live=600, skus=12, warehouses=3, seed=3)
    bursts = list(cut(received(sent), 60))
    for burst in bursts[:3]:
        engine.commit_burst(burst)
    engine.lake.land()
    return bursts[3:]


def test_what_was_followed_is_what_is_loaded(engine: Engine, trade: list) -> None:
    follower = Follower(engine.lake.settings)
    picture = follower.load()

    for burst in trade:
        engine.commit_burst(burst)
        _catch_up(follower, picture)

    engine.lake.land()
    assert _shown(picture) == _shown(Follower(engine.lake.settings).load())
    assert all(len(picture.tables[name]) for name in ("stock", "sums", "limits", "products"))


def _found(picture: Picture) -> dict:
    """What its indexes lead to."""
    skus = set(picture.skus())
    nodes = {(row.level, row.level_id) for row in picture.sums}
    return {
        "places": {sku: picture.stock_of_sku(sku) for sku in skus},
        "products": {product: picture.skus_of_product(product) for product in picture.product_ids()},
        "children": {node: picture.children_of(*node) for node in nodes},
        "counts": {row.warehouse_id: picture.count_in(row.warehouse_id) for row in picture.stock},
    }


def test_rows_are_found_alike_whether_they_came_at_once_or_one_by_one(engine: Engine, trade: list) -> None:
    follower = Follower(engine.lake.settings)
    picture = follower.load()
    for burst in trade:
        engine.commit_burst(burst)
    _catch_up(follower, picture)
    engine.lake.land()

    assert _found(picture) == _found(Follower(engine.lake.settings).load())


@pytest.mark.parametrize(
    "values", [["a", None, "b", "a"], [3, None, 1, 3], [None, None], [], [True, False, None]], ids=str
)
def test_a_long_column_has_the_values_of_a_short_one(values: list, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rows what stands in several is found in another way."""
    source = SOURCES["limits"]
    frame = pl.DataFrame({name: values for name in source.columns if name not in ("is_enabled", "version")})
    short = Reading().rows(source, frame)
    monkeypatch.setattr(frames, "MANY_ROWS", 0)

    assert short == Reading().rows(source, frame)


def test_what_the_journal_has_forgotten_comes_from_the_lake(engine: Engine, trade: list, tmp_path) -> None:
    """A worker that was paused: between the journal's oldest version and its own are some that it never saw."""
    follower, direct = Follower(engine.lake.settings), Follower(engine.lake.settings)
    picture, witness = follower.load(), direct.load()
    for burst in trade[:4]:
        engine.commit_burst(burst)
    engine.lake.land()
    _catch_up(direct, witness)
    engine.lake.journal._execute(f"DELETE FROM {VERSIONS} WHERE version <= ?", (picture.version + 3,))
    for burst in trade[4:]:
        engine.commit_burst(burst)

    _catch_up(follower, picture)
    _catch_up(direct, witness)

    assert _shown(picture) == _shown(witness)
    assert picture.version == engine.lake.watermark().version
    for version in range(picture.horizon, picture.version + 1):
        assert picture.committed_at(version) == witness.committed_at(version)
        for key in _shown(picture)["stock"]:
            assert picture.stock.at(key, version) == witness.stock.at(key, version)


def test_too_much_missed_is_loaded_anew(engine: Engine, trade: list, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(engine.lake.settings)
    picture = follower.load()
    for burst in trade:
        engine.commit_burst(burst)
    engine.lake.land()
    engine.lake.journal._execute(f"DELETE FROM {VERSIONS}")
    monkeypatch.setattr(follow, "MOST_MISSED", 2)

    assert follower.read(picture.epoch, picture.version) is None


def _told(picture: Picture, wanted: Wanted, since: int) -> list[tuple[int, dict]]:
    """What who comes back is told, message by message; of an alert only whether it is over."""
    messages = []
    while since < picture.version:
        told = news(picture, wanted, since, most_rows=5, most_seen=40)
        rows = {row.key: row for row in told.stock} | {row.alert_id: row.is_gone for row in told.alerts}
        messages.append((told.version, rows))
        since = told.version
    return messages


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(warehouses=frozenset({"WH-000"})), Wanted(stock=False)])
def test_a_stream_that_a_restart_cut_hears_the_same_as_one_that_was_not(
    engine: Engine, trade: list, wanted: Wanted
) -> None:
    """`Last-Event-ID` is a version, whoever serves it then."""
    follower = Follower(engine.lake.settings)
    never_restarted = follower.load()
    first = never_restarted.version
    for burst in trade:
        engine.commit_burst(burst)
    _catch_up(follower, never_restarted)
    engine.lake.land()
    restarted = Follower(engine.lake.settings).load()

    assert knows(restarted, wanted, first)
    for since in range(first, restarted.version):
        assert _told(never_restarted, wanted, since) == _told(restarted, wanted, since)


def test_a_restart_goes_back_as_far_as_memory_would(engine: Engine, trade: list) -> None:
    for burst in trade:
        engine.commit_burst(burst)
    engine.lake.land()

    bounded = Follower(engine.lake.settings, kept_changes=100).load()
    told = bounded.stock.told_from
    counts = engine.lake.query_landed("SELECT version, count(*) FROM core.sku_state_changes GROUP BY ALL").rows()

    later = sum(count for version, count in counts if version > told)
    assert 0 < later <= 100 < later + dict(counts)[told]
    # What the first change after it replaced is not known: it is not asked as of then.
    assert bounded.horizon == bounded.version
    rebuild_lake(engine, Replay(meaning=engine.meaning))
    rebuilt = Follower(engine.lake.settings).load()
    assert rebuilt.stock.told_from == rebuilt.version


def test_what_another_process_reads_is_the_same(engine: Engine, trade: list, tmp_path) -> None:
    settings = replace(engine.lake.settings, streams=7)

    here, there = Follower(settings).load(), Follower(settings, is_apart=True).load()

    assert _shown(here) == _shown(there)
    assert (here.version, here.committed_us) == (there.version, there.committed_us)
    assert here.stock.changed(0, here.version, limit=1_000) == there.stock.changed(0, here.version, limit=1_000)
    with pytest.raises(LakeError, match="no lake"):
        Follower(Settings(home=tmp_path / "none"), is_apart=True).load()


def test_a_rebuilt_lake_is_loaded_anew(engine: Engine, trade: list) -> None:
    follower = Follower(engine.lake.settings)
    picture = follower.load()

    rebuild_lake(engine, Replay(meaning=engine.meaning))

    assert follower.read(picture.epoch, picture.version) is None
    assert follower.load().version == picture.version + 1


def test_every_version_it_still_keeps_is_what_the_lake_says_of_it(engine: Engine, trade: list) -> None:
    """RULES 31: a version's rows are the newest up to it."""
    follower = Follower(engine.lake.settings)
    picture = follower.load()
    for burst in trade:
        engine.commit_burst(burst)
    _catch_up(follower, picture)
    engine.lake.land()

    versions = range(picture.horizon, picture.version + 1)
    found = {
        version: engine.lake.query_landed(
            "SELECT warehouse_id, sku, arg_max(on_hand, version) AS on_hand, max(version) AS version "
            f"FROM core.sku_state_changes WHERE version <= {version} GROUP BY ALL"
        ).rows()
        for version in versions
    }
    for version in versions:
        for warehouse_id, sku, on_hand, written in found[version]:
            row = picture.stock.at((warehouse_id, sku), version)
            assert row is not None
            assert (row.on_hand, row.version) == (on_hand, written)
    assert len({len(rows) for rows in found.values()}) >= 1
    assert all(earlier < later for earlier, later in pairwise(versions))


def test_sums_are_those_of_the_lake_at_every_level(engine: Engine, trade: list) -> None:
    """A SKU in one warehouse is no row of its own here."""
    picture = Follower(engine.lake.settings).load()
    rows = engine.lake.query_landed(
        "SELECT warehouse_id, level, level_id, on_hand, reserved, available, inbound, sku_count FROM core.rollups"
    ).rows()

    for warehouse_id, level, level_id, *sums in rows:
        found = picture.sums_of(level, level_id, warehouse_id)
        assert found is not None
        assert [found.on_hand, found.reserved, found.available, found.inbound, found.sku_count] == sums


@pytest.mark.parametrize("level", ["CATEGORY", "CATEGORY_BRAND", "PRODUCT"])
def test_children_sum_to_what_they_are_below(engine: Engine, trade: list, level: str) -> None:
    picture = Follower(engine.lake.settings).load()
    nodes = {(row.level_id, row.warehouse_id) for row in picture.sums if row.level == level}

    assert nodes
    for level_id, warehouse_id in nodes:
        node = picture.sums_of(level, level_id, warehouse_id)
        children = picture.children_of(level, level_id, warehouse_id)
        assert node is not None
        assert node.on_hand == sum(child.on_hand for child in children)
        assert node.sku_count == sum(child.sku_count for child in children)


def test_moments_and_versions_are_bounded_however_long_it_serves() -> None:
    """Ten versions a second are a million in a day."""
    picture = Picture(1, most_moments=100)
    picture.start(1, [(1, 1_000)], {})

    for version in range(2, 1_000):
        picture.apply(Step(version, version * 1_000, {}))

    assert len(picture._versions) == len(picture._moments) <= 125
    assert picture.committed_at(999) == 999_000
    assert picture.version_at(950_500) == 950
    # Before all that it knows: the lake is asked.
    assert picture.version_at(1_500) == 0


def test_what_it_reads_keeps_no_version_for_ever() -> None:
    reading = Reading()
    for version in range(100):
        frame = pl.DataFrame({"warehouse_id": ["W1"], "sku": ["S1"], "version": [version]})
        reading.rows(SOURCES["limits"], frame)

    assert len(reading._same) == 2
