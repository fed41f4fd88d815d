"""`inventory sql --attach`: what is printed opens the lake in a DuckDB that knows nothing of ours."""

import duckdb
import pytest

from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.marts import attach_marts
from inventory_assets.lake.catalog.opening import opening_statements
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.lake.files.partition_files import DAILY_STOCK
from inventory_assets.settings import Settings
from tests.builders import level, messages
from tests.marts.files import stock, write_files


def opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A plain DuckDB, as somebody else starts it, after the statements."""
    connection = duckdb.connect()
    for statement in opening_statements(settings):
        connection.execute(statement)
    return connection


def fill(engine) -> None:
    engine.commit_burst(messages(level(10**12, sku="S 1/%:ü"), level(5, sku="=S2", warehouse_id="W'2")))


def test_a_plain_duckdb_sees_the_stock_as_bursts_go_on(open_filled, settings):
    engine = open_filled(fill)
    connection = opened(settings)
    question = "SELECT sku, on_hand FROM core.sku_state ORDER BY on_hand DESC"

    assert [("S 1/%:ü", 10**12), ("=S2", 5)] == connection.sql(question).fetchall()

    engine.commit_burst(messages(level(7, sku="S3")))
    engine.land()

    assert [10**12, 7, 5] == [on_hand for _, on_hand in connection.sql(question).fetchall()]


def test_it_cannot_write_the_lake(open_filled, settings):
    open_filled(fill)

    with pytest.raises(duckdb.Error, match="read-only"):
        opened(settings).execute("DROP TABLE lake.core.events")


def test_marts_and_snapshot_files_are_beside_it(open_filled, settings):
    open_filled(fill)
    writer = open_duckdb(settings, "ducklake")
    attach_marts(writer, settings, read_only=False)
    writer.execute("CREATE TABLE marts.main.stockouts AS SELECT 7 AS hours")
    writer.close()
    write_files(settings.home, DAILY_STOCK, [stock(1), stock(2)])
    connection = opened(settings)

    assert [(7,)] == connection.sql("SELECT hours FROM marts.stockouts").fetchall()
    assert [(2,)] == connection.sql("SELECT count(*) FROM snapshots.daily_stock").fetchall()


def test_twice_in_one_session_is_no_error(open_filled, settings):
    """A notebook's cell is run again."""
    open_filled(fill)
    connection = opened(settings)

    for statement in opening_statements(settings):
        connection.execute(statement)

    assert [(2,)] == connection.sql("SELECT count(*) FROM core.sku_state").fetchall()


def test_no_lake_is_an_error_that_says_what_to_run(settings):
    with pytest.raises(LakeMissingError, match="make run"):
        opening_statements(settings)


def test_a_servers_password_and_a_buckets_key_are_not_in_it(home):
    catalog = "postgres:dbname=lake host=db.internal user=inventory password='hu sh'"
    settings = Settings(
        home=home, catalog=catalog, data_path="gs://shop/lake", gcs_key_id="GOOG1", gcs_secret="hush-hush"
    )

    text = "\n".join(opening_statements(settings))

    assert "postgres:dbname=lake host=db.internal user=inventory' AS lake" in text
    assert "postgres_scanner" in text and "httpfs" in text
    assert not [secret for secret in ("hu sh", "hush", "GOOG1") if secret in text]


def test_a_password_in_a_uri_is_refused(home):
    with pytest.raises(LakeError, match="password in a URI"):
        opening_statements(Settings(home=home, catalog="postgres://inventory:hush@db.internal/lake"))
