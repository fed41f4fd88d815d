"""A partition is its file and its manifest, together or not at all; the same rows are the same bytes."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime

import duckdb
import polars as pl
import pytest

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.files.partition_files import DAILY_STOCK, PartitionFiles, attach_views, encode, view_query
from inventory_assets.settings import Settings

DAY = date(2026, 3, 1)
ODD = ["it's", "a=b/c", "ß/ü", "=1+1", "[x]*?", "100%"]


def stock(*skus, version=1):
    """A row per SKU."""
    return pl.DataFrame(
        {
            "snapshot_date": DAY, "warehouse_id": "W/'1'", "sku": list(skus), "on_hand": 1, "reserved": 0,
            "available": 1, "inbound": 0, "is_active": True, "stockout_seconds": 0, "sold_units": 0,
            "last_event_at": datetime(2026, 3, 1), "version": version,
        }
    )  # fmt: skip


@pytest.fixture
def files(tmp_path):
    return PartitionFiles(str(tmp_path / "it's here"), DAILY_STOCK)


def test_the_same_rows_in_any_order_are_the_same_bytes():
    assert encode(DAILY_STOCK, stock("A", "B", "C")) == encode(DAILY_STOCK, stock("C", "A", "B"))


def test_bytes_do_not_depend_on_how_many_threads_wrote_them(tmp_path):
    """A build on one machine is compared with one on another."""
    rows = stock(*(f"S{n:06}" for n in range(120_000)))

    with ThreadPoolExecutor(4) as pool:
        contents = list(pool.map(lambda _: encode(DAILY_STOCK, rows), range(4)))

    assert {encode(DAILY_STOCK, rows)} == set(contents)


def test_a_partition_is_read_as_it_was_written(files):
    manifest = files.write(DAY, stock(*ODD), lake_version=7, epoch=2)

    assert sorted(ODD) == files.read(DAY)["sku"].to_list()
    assert {DAY: manifest} == files.manifests()
    assert (7, 2, len(ODD)) == (manifest.lake_version, manifest.epoch, manifest.rows)


class Dies(Exception):
    pass


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_partition_that_a_crash_left_between_two_files_does_not_count(files, step):
    """Deleting the manifest, writing the data, writing the manifest: it may end before each of them."""
    files.write(DAY, stock("A"), lake_version=1, epoch=0)
    calls, storage = [], files._storage

    class Crashing:
        uri, read, sizes = storage.uri, storage.read, storage.sizes

        def write(self, name, content):
            self._step()
            storage.write(name, content)

        def delete(self, name):
            self._step()
            storage.delete(name)

        def _step(self):
            calls.append(1)
            if len(calls) == step:
                raise Dies

    files._storage = Crashing()
    with pytest.raises(Dies):
        files.write(DAY, stock("A", "B"), lake_version=2, epoch=0)
    files._storage = storage

    assert ([DAY] if step == 1 else []) == list(files.manifests())
    files.write(DAY, stock("A", "B"), lake_version=2, epoch=0)
    assert ["A", "B"] == files.read(DAY)["sku"].to_list()


def test_a_file_that_is_not_what_its_manifest_says_does_not_count(files):
    files.write(DAY, stock("A"), lake_version=1, epoch=0)
    content = files.content(DAY)
    name = f"daily_stock/date={DAY}/data.parquet"

    files._storage.write(name, content + b"x")
    assert {} == files.manifests()
    files._storage.write(name, content[:-9] + b"x" + content[-8:])
    assert files.read(DAY) is None
    files._storage.write(name, content)
    files._storage.write(f"daily_stock/date={DAY}/manifest.json", b"{rubbish")
    assert {} == files.manifests()


def test_a_file_of_a_later_version_stays(files):
    """A long build that began earlier would put older rows over newer ones."""
    files.write(DAY, stock("A", "B"), lake_version=9, epoch=0)

    kept = files.write(DAY, stock("A"), lake_version=8, epoch=0)

    assert 9 == kept.lake_version
    assert 2 == files.read(DAY).height
    assert 3 == files.write(DAY, stock("A"), lake_version=3, epoch=1).lake_version


def test_two_builds_at_once_leave_one_of_them_whole(tmp_path):
    def write(number):
        own = PartitionFiles(str(tmp_path), DAILY_STOCK)
        own.write(DAY, stock(*(f"S{n}" for n in range(number + 1))), lake_version=number, epoch=0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    files = PartitionFiles(str(tmp_path), DAILY_STOCK)
    assert files.manifests()[DAY].rows == files.read(DAY).height
    assert {"data.parquet", "manifest.json"} == {
        path.name for path in (tmp_path / "daily_stock" / f"date={DAY}").iterdir()
    }


def test_views_show_the_files_that_count_and_no_more(files, tmp_path):
    connection = duckdb.connect()
    attach_views(connection, str(tmp_path / "it's here"))
    assert [] == connection.execute("FROM snapshots.daily_stock").fetchall()
    columns = [row[:2] for row in connection.execute("DESCRIBE snapshots.daily_stock").fetchall()]
    files.write(DAY, stock(*ODD), lake_version=1, epoch=0)

    attach_views(connection, str(tmp_path / "it's here"))

    assert list(DAILY_STOCK.columns.items()) == columns
    assert columns == [row[:2] for row in connection.execute("DESCRIBE snapshots.daily_stock").fetchall()]
    found = connection.execute("SELECT sku FROM snapshots.daily_stock ORDER BY sku").fetchall()
    assert sorted(ODD) == [sku for (sku,) in found]


def test_an_empty_view_has_the_tables_columns():
    described = duckdb.connect().execute(f"DESCRIBE {view_query(DAILY_STOCK, [])}").fetchall()

    assert list(DAILY_STOCK.columns.items()) == [row[:2] for row in described]


def test_a_bucket_holds_and_shows_the_same_partitions(shop_bucket):
    files = PartitionFiles("gs://shop/snapshots", DAILY_STOCK)
    manifest = files.write(DAY, stock(*ODD), lake_version=1, epoch=0)
    connection = duckdb.connect(config={"autoload_known_extensions": False, "autoinstall_known_extensions": False})

    attach_views(connection, "gs://shop/snapshots")

    assert {DAY: manifest} == files.manifests()
    found = connection.execute("SELECT sku FROM snapshots.daily_stock ORDER BY sku").fetchall()
    assert sorted(ODD) == [sku for (sku,) in found]


def test_a_copy_has_the_same_partitions_and_no_others(tmp_path, files):
    other = PartitionFiles(str(tmp_path / "other"), DAILY_STOCK)
    other.write(date(2026, 2, 1), stock("GONE"), lake_version=1, epoch=0)
    other.write(DAY, stock("OLD"), lake_version=9, epoch=0)
    files.write(DAY, stock("A"), lake_version=1, epoch=0)

    files.copy_to(other)

    assert files.manifests() == other.manifests()
    assert files.content(DAY) == other.content(DAY)


def test_a_bucket_of_snapshots_needs_no_key_but_the_one_it_was_written_with(shop_bucket, tmp_path):
    """`inventory sql`: DuckDB's own client knows only HMAC keys, which a local lake has no use for."""
    settings = Settings(home=tmp_path, snapshots_path="gs://shop/snapshots", archive_path="gs://shop/archive")
    PartitionFiles(settings.snapshots_uri, DAILY_STOCK).write(DAY, stock("A"), lake_version=1, epoch=0)

    with closing(connect(settings)) as connection:
        attach_views(connection, settings.snapshots_uri)
        found = connection.execute("SELECT sku FROM snapshots.daily_stock").fetchall()
        # As a load into PostgreSQL lists them.
        pattern = "gs://shop/snapshots/daily_stock/date=*/manifest.json"
        listed = connection.execute("SELECT count(*) FROM read_text(?)", [pattern]).fetchall()

    assert ([("A",)], [(1,)]) == (found, listed)
