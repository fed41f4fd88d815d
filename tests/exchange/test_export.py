"""What is exported is what the lake says, readable with nothing of ours."""

import json
import os
import subprocess
import sys

import pytest

from inventory_assets.exchange.export import export_lake
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS, PartitionFiles
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import VERSIONED_TABLES
from inventory_assets.settings import Settings
from inventory_assets.snapshots.build import build_partitions
from tests.builders import DAY, level, messages, rule, transaction
from tests.facts import rows
from tests.snapshots.test_build import TODAY

ODD = ["it's", "a=b/c", "ß/ü", "=1+1", '"x",[y]*?']
BARE = """
import duckdb, json, os, sys
os.chdir(sys.argv[1])
connection = duckdb.connect(
    sys.argv[2], read_only=True, config={"autoload_known_extensions": False, "autoinstall_known_extensions": False}
)
for statement in sys.argv[3:]:
    found = connection.execute(statement).fetchall()
print(json.dumps(found))
"""


@pytest.fixture
def shop(engine, home):
    """Odd ids, two versions, and the first day's files."""
    engine.commit_burst(messages(rule(10, 20), *(level(100, "2022-04-20T07:00:00Z", sku=sku) for sku in ODD)))
    engine.commit_burst(messages(*(transaction(f"T/{sku}", quantity=-95, sku=sku) for sku in ODD)))
    for table in (DAILY_STOCK, HOURLY_TRANSACTIONS):
        files = PartitionFiles(str(home / "snapshots"), table)
        list(build_partitions(engine.lake, files, DAY.date(), DAY.date(), today=TODAY))
    return engine


def export(engine, target, **more):
    reader = LakeReader(Settings(home=engine.settings.home))
    try:
        return list(export_lake(reader, reader.connection, engine.settings.snapshots_uri, str(target), **more))
    finally:
        reader.connection.close()


def ask(place, *statements, database="snapshots.duckdb"):
    """A DuckDB of another process, without extensions, that knows the file and where it stands."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(place), str(database), *statements], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_duckdb_reads_every_table_from_there(shop, tmp_path):
    found = export(shop, tmp_path / "out")

    assert {table.full_name for table in VERSIONED_TABLES} < {each.table for each in found}
    for each in found:
        assert [[each.rows]] == ask(tmp_path / "out", f"SELECT count(*) FROM {each.table}"), each.table
    stock = "SELECT warehouse_id, sku, on_hand FROM {} ORDER BY ALL"
    assert [list(row) for row in rows(shop.lake, stock.format("core.sku_state"))] == ask(
        tmp_path / "out", stock.format("core.sku_state")
    )
    assert [["W1", sku, 5] for sku in sorted(ODD)] == ask(tmp_path / "out", stock.format("snapshots.daily_stock"))


def test_it_is_read_from_elsewhere_where_the_search_path_says_so(shop, tmp_path):
    export(shop, tmp_path / "out")

    query = "SELECT count(*) FROM snapshots.daily_stock"
    search = f"SET file_search_path = '{tmp_path / 'out'}'"
    assert [[len(ODD)]] == ask("/", search, query, database=tmp_path / "out" / "snapshots.duckdb")


def test_a_moved_export_is_read_where_it_is(shop, tmp_path):
    export(shop, tmp_path / "out")
    os.rename(tmp_path / "out", tmp_path / "moved to")

    assert [[len(ODD)]] == ask(tmp_path / "moved to", "SELECT count(*) FROM core.sku_state")


def test_exporting_again_gives_the_same_parquet(shop, tmp_path):
    export(shop, tmp_path / "one")
    export(shop, tmp_path / "two")

    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.parquet")}
    assert len(files) > 10
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_a_past_version_is_exported_as_it_was(shop, tmp_path):
    export(shop, tmp_path / "out", at_version=1)

    assert [[500, 5]] == ask(tmp_path / "out", "SELECT sum(on_hand)::INT, count(*) FROM core.sku_state")
    assert [[0]] == ask(tmp_path / "out", "SELECT count(*) FROM out.alerts")
    assert 1 == json.loads((tmp_path / "out" / "export.json").read_text())["lake_version"]
    with pytest.raises(LakeMissingError, match="1 to 2"):
        export(shop, tmp_path / "out", at_version=3)


def test_an_export_over_an_older_one_holds_nothing_of_it(shop, tmp_path, home):
    export(shop, tmp_path / "out")
    PartitionFiles(str(home / "snapshots"), DAILY_STOCK).remove(DAY.date())

    export(shop, tmp_path / "out")

    assert [] == list((tmp_path / "out").glob("snapshots/daily_stock/*/data.parquet"))
    # Of no file there is a view, too.
    assert [[0]] == ask(tmp_path / "out", "SELECT count(*) FROM snapshots.daily_stock")


def test_an_export_that_did_not_end_has_no_description(shop, tmp_path):
    export(shop, tmp_path / "out")
    reader = LakeReader(Settings(home=shop.settings.home))
    exporting = export_lake(reader, reader.connection, shop.settings.snapshots_uri, str(tmp_path / "out"))
    next(exporting)
    exporting.close()

    assert not (tmp_path / "out" / "export.json").exists()


@pytest.mark.big
def test_a_bucket_is_exported_to(shop, tmp_path, shop_bucket):
    """Copied to a disk by any tool, it is the export to a directory."""
    export(shop, "gs://shop/out")
    export(shop, tmp_path / "out")

    local = {path.relative_to(tmp_path).as_posix(): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    stored = shop_bucket.objects("shop")
    assert set(local) == set(stored)
    for name, content in stored.items():
        assert name.endswith(".duckdb") or local[name].read_bytes() == content, name
