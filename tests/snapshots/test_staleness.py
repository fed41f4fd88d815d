"""What came late marks exactly the days it changes, and making those anew gives what a rebuild from nothing gives."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.files.partition_files import (
    DAILY_STOCK,
    HOURLY_TRANSACTIONS,
    NEVER,
    SNAPSHOT_TABLES,
    Checked,
    Manifest,
    PartitionFiles,
)
from inventory_assets.settings import Settings
from inventory_assets.snapshots.build import build_partitions, refresh_partitions
from inventory_assets.snapshots.staleness import (
    OTHER_CODE,
    REBUILT,
    LakeState,
    find_missing,
    find_stale,
    judge,
    ranges,
)
from tests.builders import cut, level, message, transaction
from tests.conftest import copy_home
from tests.domain.histories import LATER
from tests.hunting import some
from tests.rules.days import DAYS, FIRST, accepted, spell, streams_of_days

LAST = FIRST + timedelta(days=DAYS - 1)
TODAY = LAST + timedelta(days=1)
EVERY_DAY = [FIRST + timedelta(days=number) for number in range(DAYS)]
WORLDS = 10


@st.composite
def many_worlds(draw):
    """Several streams at once, in any order: a lake takes a second to open."""
    found = [document for number in range(WORLDS) for document in draw(streams_of_days(f".{number}"))]
    return draw(st.permutations(found))


def build(engine, files, first=FIRST, last=LAST):
    return [manifest for manifest, _ in build_partitions(engine.lake, files, first, last, today=TODAY)]


def messages(*documents):
    return [message(document, published_at=LATER) for document in documents]


def contents(files):
    return {day: files.content(day) for day in files.manifests()}


@settings(max_examples=some(2), suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
@given(many_worlds(), st.integers(6, 40), st.sampled_from((0.5, 0.9)))
def test_stale_is_what_a_rebuild_would_change_and_making_it_anew_is_that_rebuild(
    tmp_path_factory, empty_home, documents, size, share
):
    """Most events, then the files, then the late ones, in bursts: after each, and for both tables."""
    home = tmp_path_factory.mktemp("late")
    copy_home(empty_home, home)
    sent, _ = accepted(documents)
    begin = int(len(sent) * share)
    engine = Engine(Settings(home=home))
    kept = {table.name: PartitionFiles(str(home / "kept"), table) for table in SNAPSHOT_TABLES}
    engine.commit_burst(sent[:begin])
    for files in kept.values():
        build(engine, files)

    for number, burst in enumerate(cut(sent[begin:], size)):
        engine.commit_burst(burst)
        for table in SNAPSHOT_TABLES:
            files, anew = kept[table.name], PartitionFiles(str(home / f"anew{number}"), table)
            build(engine, anew)
            before, expected = contents(files), contents(anew)

            findings = find_stale(engine.lake, files, today=TODAY)
            files.record_checked(findings.checked)
            made = {m.date: rows for m, rows in refresh_partitions(engine.lake, files, EVERY_DAY, today=TODAY)}

            assert [day for day in EVERY_DAY if before[day] != expected[day]] == list(findings.stale)
            assert expected == contents(files)
            assert set(findings.stale) == {day for day, rows in made.items() if rows is not None}
            assert {} == find_stale(engine.lake, files, today=TODAY).stale
    engine.close()


@pytest.fixture
def daily(home):
    return PartitionFiles(str(home / "files"), DAILY_STOCK)


@pytest.fixture
def hourly(home):
    return PartitionFiles(str(home / "files"), HOURLY_TRANSACTIONS)


@pytest.fixture
def shop(open_filled):
    """Two keys over five days; S1 is counted anew on the fourth, S2 never. Both tables are built."""
    return open_filled(_trade)


def _trade(engine):
    engine.commit_burst(
        messages(
            level(50, spell(0), sku="S1"),
            level(50, spell(0), sku="S2"),
            *(transaction(f"T{day}", at=spell(1440 * day + 60), sku=sku) for day in range(5) for sku in ("S1",)),
            level(30, spell(1440 * 3), sku="S1"),
        )
    )
    for table in SNAPSHOT_TABLES:
        build(engine, PartitionFiles(str(engine.settings.home / "files"), table))


def test_a_late_event_reaches_up_to_the_keys_next_level(shop, daily, hourly):
    shop.commit_burst(messages(transaction("LATE", at=spell(1440 + 5), sku="S1")))

    assert EVERY_DAY[1:3] == list(find_stale(shop.lake, daily, today=TODAY).stale)
    assert EVERY_DAY[1:2] == list(find_stale(shop.lake, hourly, today=TODAY).stale)


def test_a_late_event_of_a_key_without_a_later_level_reaches_the_last_day(shop, daily):
    shop.commit_burst(messages(transaction("LATE", at=spell(1440 + 5), sku="S2")))

    assert dict.fromkeys(EVERY_DAY[1:], "late events changed 1 key") == find_stale(shop.lake, daily, today=TODAY).stale


def test_a_late_transfer_reaches_both_ends(shop, daily):
    shop.commit_burst(
        messages(transaction("LATE", "TRANSFER", 2, spell(1440 * 4), warehouse_id="W2", to_warehouse_id="W1", sku="S2"))
    )

    assert {EVERY_DAY[4]: "late events changed 2 keys"} == find_stale(shop.lake, daily, today=TODAY).stale


def test_events_of_today_make_nothing_stale(shop, daily, hourly):
    shop.commit_burst(messages(transaction("NOW", at=spell(1440 * DAYS))))

    assert {} == find_stale(shop.lake, daily, today=TODAY).stale
    assert {} == find_stale(shop.lake, hourly, today=TODAY).stale


def test_only_the_changed_keys_are_worked_out_anew(shop, daily):
    """The rest of the file is copied: here it says what no event says."""
    rows = daily.read(LAST)
    forged = rows.with_columns(on_hand=rows["on_hand"] + (rows["sku"] == "S1").cast(int) * 1000)
    state = find_stale(shop.lake, daily, today=TODAY).state
    daily.write(LAST, forged, lake_version=state.version, epoch=state.epoch)
    shop.commit_burst(messages(transaction("LATE", at=spell(1440 * 4 + 5), sku="S2")))

    list(refresh_partitions(shop.lake, daily, [LAST], today=TODAY))

    assert {"S1": 1028, "S2": 49} == dict(daily.read(LAST).select("sku", "on_hand").rows())


def test_a_file_that_was_changed_by_hand_is_made_anew_as_a_whole(shop, daily):
    whole = contents(daily)
    name = f"daily_stock/date={LAST}/data.parquet"
    daily._storage.write(name, whole[LAST][:-9] + b"x" + whole[LAST][-8:])
    shop.commit_burst(messages(transaction("LATE", at=spell(1440 * 4 + 5), sku="S2")))

    list(refresh_partitions(shop.lake, daily, [LAST], today=TODAY))

    assert {"S1": 28, "S2": 49} == dict(daily.read(LAST).select("sku", "on_hand").rows())


def test_what_was_checked_is_not_looked_at_again(shop, daily):
    """Else each tick would look at all events since the oldest file."""
    asked = []

    class Listening:
        def query(self, sql, parameters=None):
            asked.append(sql)
            return shop.lake.query(sql, parameters)

        batches = shop.lake.batches

    shop.commit_burst(messages(transaction("NOW", at=spell(1440 * DAYS))))
    daily.record_checked(find_stale(Listening(), daily, today=TODAY).checked)
    first = len(asked)
    find_stale(Listening(), daily, today=TODAY)

    assert 1 < first
    assert 1 == len(asked) - first


MANIFEST = Manifest("daily_stock", FIRST, 5, 2, 1, 100, "abc")
STATE = LakeState(2, 9)


@pytest.mark.parametrize(
    ("manifest", "checked", "outdated", "exact_at"),
    [
        (MANIFEST, NEVER, {}, {5: [FIRST]}),
        (MANIFEST, Checked(2, 8, {FIRST: "abc"}), {}, {8: [FIRST]}),
        (MANIFEST, Checked(2, 3, {FIRST: "abc"}), {}, {5: [FIRST]}),
        # Another file since, or another lake: what was found says nothing of it.
        (MANIFEST, Checked(2, 8, {FIRST: "def"}), {}, {5: [FIRST]}),
        (MANIFEST, Checked(1, 8, {FIRST: "abc"}), {}, {5: [FIRST]}),
        (replace(MANIFEST, epoch=1), Checked(2, 8, {FIRST: "abc"}), {FIRST: REBUILT}, {}),
        (replace(MANIFEST, code_version="0"), Checked(2, 8, {FIRST: "abc"}), {FIRST: OTHER_CODE}, {}),
    ],
)
def test_a_partition_is_exact_at_its_manifests_version_or_where_it_was_found_unchanged(
    manifest, checked, outdated, exact_at
):
    judged = judge({FIRST: manifest}, checked, STATE)

    assert (outdated, exact_at) == (judged.outdated, judged.exact_at)


def test_a_rebuild_makes_everything_stale_and_the_same_bytes(shop, daily):
    before = contents(daily)
    with shop.lake.rewriting(None, stage="rebuild"):
        pass

    findings = find_stale(shop.lake, daily, today=TODAY)
    list(refresh_partitions(shop.lake, daily, EVERY_DAY, today=TODAY))

    assert dict.fromkeys(EVERY_DAY, REBUILT) == findings.stale
    assert before == contents(daily)
    assert {} == find_stale(shop.lake, daily, today=TODAY).stale


def test_a_complete_day_without_a_file_is_missing(shop, daily, hourly):
    shop.commit_burst(messages(transaction("OLD", at="2022-04-17T08:00:00Z")))
    daily._storage.delete(f"daily_stock/date={EVERY_DAY[2]}/manifest.json")

    def missing(files, first=date(2022, 1, 1)):
        return find_missing(shop.lake, files, first=first, today=TODAY)

    assert [date(2022, 4, 17), date(2022, 4, 18), date(2022, 4, 19), EVERY_DAY[2]] == missing(daily)
    assert [date(2022, 4, 19), EVERY_DAY[2]] == missing(daily, date(2022, 4, 19))
    assert [date(2022, 4, 17)] == missing(hourly)


def test_nothing_is_missing_or_stale_in_an_empty_lake(engine, daily):
    engine.lake.watermark()

    assert [] == find_missing(engine.lake, daily, first=FIRST, today=TODAY)
    assert {} == find_stale(engine.lake, daily, today=TODAY).stale


def test_ranges_are_contiguous():
    assert [(EVERY_DAY[0], EVERY_DAY[1]), (EVERY_DAY[3], EVERY_DAY[3])] == ranges(
        [EVERY_DAY[3], EVERY_DAY[0], EVERY_DAY[1]]
    )
    assert [] == ranges([])
