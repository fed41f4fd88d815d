"""`inventory exchange push`: our tables in a real PostgreSQL server, whole or not at all, and the same twice."""

import os
import signal
import subprocess
import threading

import duckdb
import pytest

from inventory_assets.exchange.push import push_tables
from inventory_assets.exchange.tables import STOCK_POSITIONS
from inventory_assets.lake.catalog.server import attach_server, read_server
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from tests.builders import level, messages, rule, transaction
from tests.commands.conftest import COMMAND
from tests.exchange_files import VARIABLE, Shop
from tests.fakes import OnCue
from tests.messaging.brokers import REPOSITORY

ODD = """it's "q" = / \\ π 😀 <b>"""
LAKE_TABLES = ("stock_positions", "alerts", "velocity", "coverage")


@pytest.fixture
def shop(postgres):
    return Shop(postgres)


@pytest.fixture
def push(run, shop, tmp_path, monkeypatch):
    """Push by a file; the command's rows by table."""
    monkeypatch.setenv(VARIABLE, shop.password)
    path = shop.write_file(tmp_path / "shop.toml", '[push]\nschema = "planning"\n')

    def push_(*options):
        done = run("exchange", "push", str(path), "--format", "json", *options)
        assert done.code == 0, done.err
        return {row.pop("table"): tuple(row.values()) for row in done.rows}

    push_.path = path
    return push_


@pytest.fixture
def traded(engine):
    """A lake with stock, an alert, an odd id and the greatest number."""
    engine.commit_burst(messages(rule(10, 20), level(100), level(10**12, sku=ODD, warehouse_id="=W")))
    engine.commit_burst(messages(transaction("T1", quantity=-95, at="08:00")))
    return engine


def write_day(settings, table, date, rows, mark="1"):
    """A daily file as the contract has it."""
    place = settings.home / "snapshots" / table / f"date={date}"
    place.mkdir(parents=True, exist_ok=True)
    duckdb.sql(rows).write_parquet(str(place / "data.parquet"))
    (place / "manifest.json").write_text(f'{{"version": {mark}}}')


def daily(date, on_hand, sku="S1"):
    return (
        f"SELECT DATE '{date}' AS snapshot_date, 'W1' AS warehouse_id, '{sku}' AS sku, {on_hand}::BIGINT AS on_hand, "
        f"0::BIGINT AS reserved, {on_hand}::BIGINT AS available, 0::BIGINT AS inbound, true AS is_active, "
        f"0::BIGINT AS stockout_seconds, 0::BIGINT AS sold_units, TIMESTAMP '{date} 07:00:00' AS last_event_at, "
        "1::BIGINT AS version"
    )


def test_the_server_has_what_the_lake_has(push, shop, traded):
    done = push()

    assert {name: done[name] for name in LAKE_TABLES} == {
        "stock_positions": (2, 2, 0, 0), "alerts": (1, 1, 0, 0), "velocity": (0, 0, 0, 0), "coverage": (0, 0, 0, 0),
    }  # fmt: skip
    rows = shop.sql(
        "SELECT warehouse_id, sku, on_hand, available, is_active, last_event_at AT TIME ZONE 'UTC' "
        "FROM planning.stock_positions ORDER BY on_hand"
    )
    assert rows.splitlines() == [
        "W1|S1|5|5|t|2022-04-20 08:00:00", f"=W|{ODD}|{10**12}|{10**12}|t|2022-04-20 07:00:00",
    ]  # fmt: skip
    types = shop.sql(
        "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = 'planning.stock_positions'::regclass AND attname IN ('sku', 'on_hand', 'is_active', 'last_event_at')"
    )
    assert types == "text,bigint,boolean,timestamp with time zone"
    assert shop.sql("SELECT alert_type, state, body::jsonb->>'sku' FROM planning.alerts") == "LOW_STOCK|firing|S1"
    assert shop.sql("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'loading%'") == "0"


def test_a_second_run_changes_nothing_not_even_a_rows_place(push, shop, traded, settings):
    write_day(settings, "daily_stock", "2022-04-20", daily("2022-04-20", 5))
    push()
    place = "SELECT ctid, xmin FROM planning.stock_positions UNION ALL SELECT ctid, xmin FROM planning.daily_stock"
    before = shop.sql(place)
    done = push()

    assert before == shop.sql(place)
    assert before != ""
    assert {counts[1:] for counts in done.values()} == {(0, 0, 0)}


def test_what_changed_is_updated_and_what_is_gone_goes(push, shop, traded):
    push()
    shop.sql("INSERT INTO planning.stock_positions (warehouse_id, sku, on_hand) VALUES ('W9', 'old', 1)")
    shop.sql("UPDATE planning.stock_positions SET on_hand = NULL WHERE sku = 'S1'")
    traded.commit_burst(messages(transaction("T2", "RESTOCK", 50, "09:00"), level(7, sku="S3")))
    done = push("--table", "stock_positions")

    assert done == {"stock_positions": (3, 1, 1, 1)}
    rows = shop.sql("SELECT sku, on_hand FROM planning.stock_positions WHERE warehouse_id = 'W1' ORDER BY 1")
    assert rows.splitlines() == ["S1|55", "S3|7"]


def test_only_daily_files_that_changed_are_sent_again(push, shop, traded, settings):
    for date, on_hand in (("2022-04-20", 5), ("2022-04-21", 6)):
        write_day(settings, "daily_stock", date, daily(date, on_hand))
    first = push("--table", "daily_stock")
    write_day(settings, "daily_stock", "2022-04-20", daily("2022-04-20", 4, "S2"), mark="2")
    second = push("--table", "daily_stock")
    third = push("--table", "daily_stock")

    assert [run["daily_stock"] for run in (first, second, third)] == [(2, 2, 0, 0), (1, 1, 0, 1), (0, 0, 0, 0)]
    rows = shop.sql(
        "SELECT snapshot_date, sku, on_hand, last_event_at AT TIME ZONE 'UTC' FROM planning.daily_stock ORDER BY 1"
    )
    assert rows.splitlines() == ["2022-04-20|S2|4|2022-04-20 07:00:00", "2022-04-21|S1|6|2022-04-21 07:00:00"]


def test_the_files_that_snapshots_builds_are_loaded(run, push, shop, traded):
    """What is made there and what is read here are the same columns, manifests and places."""
    assert run("snapshots", "build", "--from", "2022-04-20", "--to", "2022-04-21").code == 0
    first, second = push(), push()

    assert (first["daily_stock"], first["hourly_transactions"]) == ((4, 4, 0, 0), (1, 1, 0, 0))
    assert {counts[1:] for counts in second.values()} == {(0, 0, 0)}
    rows = shop.sql("SELECT on_hand, sold_units FROM planning.daily_stock WHERE sku = 'S1' ORDER BY snapshot_date")
    assert rows.splitlines() == ["5|95", "5|0"]


def test_hourly_files_keep_their_hours(push, shop, traded, settings):
    write_day(
        settings, "hourly_transactions", "2022-04-20",
        "SELECT TIMESTAMP '2022-04-20 08:00:00' AS hour, DATE '2022-04-20' AS event_date, 'W1' AS warehouse_id, "
        "'S1' AS sku, 'ORDER' AS type, 'COMPLETED' AS status, 1::BIGINT AS transactions, -95::BIGINT AS quantity, "
        "95::BIGINT AS largest_quantity, 2::BIGINT AS version",
    )  # fmt: skip

    assert push("--table", "hourly_transactions") == {"hourly_transactions": (1, 1, 0, 0)}
    assert push("--table", "hourly_transactions") == {"hourly_transactions": (0, 0, 0, 0)}
    assert (
        shop.sql("SELECT hour AT TIME ZONE 'UTC', quantity FROM planning.hourly_transactions")
        == "2022-04-20 08:00:00|-95"
    )


def test_a_table_of_somebody_else_is_refused_and_left_alone(run, push, shop, traded):
    shop.sql("CREATE SCHEMA planning")
    shop.sql("CREATE TABLE planning.alerts (alert_id int PRIMARY KEY)")

    done = run("exchange", "push", str(push.path))

    assert done.code == 1
    assert "planning.alerts has no columns alert_id text" in done.err
    assert shop.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'planning'") == "1"


def test_a_wrong_password_is_said_without_it(run, traded, shop, monkeypatch):
    connection = f"{shop.connection} password=hush-hush"

    wrong = run("exchange", "push", "--to", connection)
    uri = run("exchange", "push", "--to", "postgres://inventory:hush-hush@localhost/x")
    neither = run("exchange", "push")

    assert (wrong.code, uri.code, neither.code) == (1, 1, 2)
    assert "password authentication failed" in wrong.err
    assert "PGPASSWORD" in uri.err
    assert "hush" not in wrong.err + wrong.out + uri.err + uri.out


def test_no_lake_yet_is_said(run, push, home):
    done = run("exchange", "push", str(push.path), at=home / "elsewhere")

    assert (done.code, "there is no lake" in done.err) == (1, True)


def test_a_load_killed_in_the_middle_leaves_the_tables_as_they_were(push, shop, traded, home):
    """Killed while another session keeps it from the alerts: the stock it had loaded is not to be seen."""
    push()
    traded.commit_burst(messages(transaction("T2", "RESTOCK", 50, "09:00")))
    blocker = duckdb.connect()
    attach_server(blocker, read_server(shop.connection, password=shop.password, said_in="test"), read_only=False)
    blocker.execute("BEGIN")
    blocker.execute("CALL postgres_execute('server', 'LOCK TABLE planning.alerts IN EXCLUSIVE MODE')")
    process = subprocess.Popen(
        [str(COMMAND), "exchange", "push", str(push.path)],
        cwd=REPOSITORY, env={**os.environ, "INVENTORY_HOME": str(home)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while shop.sql(waiting) == "0" and process.poll() is None:
        pass
    seen = shop.sql("SELECT on_hand FROM planning.stock_positions WHERE sku = 'S1'")
    process.send_signal(signal.SIGKILL)
    process.wait()
    blocker.execute("ROLLBACK")
    blocker.close()
    left = shop.sql("SELECT on_hand FROM planning.stock_positions WHERE sku = 'S1'")
    done = push()

    assert (seen, left) == ("5", "5")
    assert done["stock_positions"] == (2, 0, 1, 0)
    assert shop.sql("SELECT on_hand FROM planning.stock_positions WHERE sku = 'S1'") == "55"
    assert shop.sql("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'loading%'") == "0"


def test_two_loads_at_once_give_what_one_gives(shop, traded, settings):
    server = read_server(shop.connection, password=shop.password, said_in="test")
    failures = []

    def load():
        reader = LakeReader(settings)
        try:
            attach_server(reader.connection, server, read_only=False)
            for _ in range(3):
                push_tables(reader.connection, [STOCK_POSITIONS], schema="planning", snapshots_uri="none")
        except Exception as error:
            failures.append(error)
        finally:
            reader.connection.close()

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert shop.sql("SELECT count(*), sum(on_hand) FROM planning.stock_positions") == f"2|{10**12 + 5}"


def test_a_server_that_dies_during_a_load_is_an_error_and_no_crash(shop, traded, settings, postgres):
    server = read_server(shop.connection, password=shop.password, said_in="test")
    reader = LakeReader(settings)
    attach_server(reader.connection, server, read_only=False)
    dying = OnCue(reader.connection, "DROP TABLE", before=postgres.kill)

    with pytest.raises((duckdb.Error, LakeError)):
        push_tables(dying, [STOCK_POSITIONS], schema="planning", snapshots_uri="none")
    reader.connection.close()
    postgres.start()

    assert shop.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'planning'") == "0"
