"""Snapshot files hold what RULES say of each day, byte for byte the same however the events came."""

from collections import Counter
from datetime import UTC, timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.errors import StaleStateError
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS, PartitionFiles
from inventory_assets.settings import Settings
from inventory_assets.snapshots import settled
from inventory_assets.snapshots.build import build_partitions
from tests.builders import cut, level, messages, transaction
from tests.conftest import copy_home
from tests.facts import value
from tests.hunting import some
from tests.rules.days import DAYS, FIRST, accepted, expected_rows, spell, streams_of_days

LAST = FIRST + timedelta(days=DAYS - 1)
TODAY = LAST + timedelta(days=1)
WORLDS = 12


@st.composite
def many_worlds(draw):
    """Several streams at once: a lake takes a second to open."""
    return [document for number in range(WORLDS) for document in draw(streams_of_days(f".{number}"))]


def build(engine, files, first=FIRST, last=LAST):
    return [manifest for manifest, _ in build_partitions(engine.lake, files, first, last, today=TODAY)]


def daily_facts(files):
    """By (day number, key), as the oracle says them."""
    found = {}
    for number in range(DAYS):
        for row in files.read(FIRST + timedelta(days=number)).iter_rows(named=True):
            assert row["snapshot_date"] == FIRST + timedelta(days=number)
            assert row["available"] == row["on_hand"] - row["reserved"]
            found[number, (row["warehouse_id"], row["sku"])] = (
                row["on_hand"], row["reserved"], row["inbound"], row["is_active"], row["stockout_seconds"],
                row["sold_units"], row["last_event_at"].replace(tzinfo=UTC), row["version"],
            )  # fmt: skip
    return found


def expected_hours(events):
    """Per (hour, warehouse, sku, type, status): transactions, quantity, largest quantity."""
    count, total, largest = Counter(), Counter(), Counter()
    for event in events:
        if event.kind == "transaction":
            for place, (warehouse_id, sku) in enumerate(event.keys):
                fields = event.fields
                sign = -1 if fields["type"] == "TRANSFER" and place == 0 else 1
                hour = event.at.replace(minute=0, second=0, microsecond=0)
                group = (hour, warehouse_id, sku, fields["type"], fields["status"])
                count[group] += 1
                total[group] += sign * fields["quantity"]
                largest[group] = max(largest[group], abs(fields["quantity"]))
    return {group: (count[group], total[group], largest[group]) for group in count}


def hourly_facts(files):
    found = {}
    for number in range(DAYS):
        for row in files.read(FIRST + timedelta(days=number)).iter_rows(named=True):
            assert row["event_date"] == row["hour"].date() == FIRST + timedelta(days=number)
            group = (row["hour"].replace(tzinfo=UTC), row["warehouse_id"], row["sku"], row["type"], row["status"])
            found[group] = (row["transactions"], row["quantity"], row["largest_quantity"])
    return found


# Shrinking opens a lake for each try: the domain's own test does that better.
@settings(max_examples=some(2), suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate))
@given(many_worlds(), st.integers(3, 60))
def test_files_are_the_oracles_rows_of_the_events_in_any_order_and_cut(tmp_path_factory, empty_home, documents, size):
    home = tmp_path_factory.mktemp("days")
    copy_home(empty_home, home)
    sent, events = accepted(documents)
    engine = Engine(Settings(home=home))
    bursts = list(cut(list(zip(sent, events, strict=True)), size))
    for burst in bursts:
        engine.commit_burst([message for message, _ in burst])
    versions = {event.event_id: number for number, burst in enumerate(bursts, start=1) for _, event in burst}
    daily, hourly = (PartitionFiles(str(home / "files"), table) for table in (DAILY_STOCK, HOURLY_TRANSACTIONS))

    build(engine, daily)
    build(engine, hourly)

    assert expected_rows(events, versions) == daily_facts(daily)
    assert expected_hours(events) == hourly_facts(hourly)
    contents = {day: daily.content(day) for day in daily.manifests()}
    # A day at a time, and the last first; keys without an event that day from the second engine, however few.
    with mock.patch.object(settled, "LEAST_SHARE", 0):
        for day in sorted(contents, reverse=True):
            build(engine, daily, day, day)
    assert contents == {day: daily.content(day) for day in daily.manifests()}
    engine.close()


@pytest.fixture
def files(home):
    return PartitionFiles(str(home / "files"), DAILY_STOCK)


def test_what_later_versions_took_in_does_not_count(engine, files):
    """A long build tells of one version, whatever bursts commit beside it."""
    engine.commit_burst(messages(level(10, spell(0))))
    building = build_partitions(engine.lake, files, FIRST, LAST, today=TODAY)
    next(building)
    engine.commit_burst(messages(transaction("T1", quantity=-3, at=spell(1441))))

    rest = [rows["on_hand"].to_list() for _, rows in building]

    assert [[10]] * (DAYS - 1) == rest
    assert {1} == {manifest.lake_version for manifest in files.manifests().values()}


def test_a_build_touches_no_table_of_the_lake(engine, files):
    engine.commit_burst(messages(level(0, spell(0))))
    before = value(engine.lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")

    build(engine, files)

    assert before == value(engine.lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")


def test_a_rebuild_of_the_lake_in_the_middle_is_told(engine, files):
    engine.commit_burst(messages(level(10, spell(0))))
    building = build_partitions(engine.lake, files, FIRST, LAST, today=TODAY)
    next(building)
    with engine.lake.rewriting(None, stage="rebuild"):
        pass

    with pytest.raises(StaleStateError, match="rebuilt"):
        list(building)


def test_an_empty_lake_gives_empty_files(engine, files):
    engine.lake.watermark()

    manifests = build(engine, files)

    assert [0] * DAYS == [manifest.rows for manifest in manifests]
    assert files.read(FIRST).schema == DAILY_STOCK.types


@pytest.mark.parametrize(
    ("table", "first", "last", "expected"),
    [
        (DAILY_STOCK, TODAY, TODAY, "closing stock"),
        (HOURLY_TRANSACTIONS, TODAY, TODAY + timedelta(days=1), "has not begun"),
        (DAILY_STOCK, LAST, FIRST, "before the first"),
    ],
)
def test_days_that_no_rows_can_be_told_of_are_refused(engine, home, table, first, last, expected):
    with pytest.raises(ValueError, match=expected):
        build(engine, PartitionFiles(str(home), table), first, last)
