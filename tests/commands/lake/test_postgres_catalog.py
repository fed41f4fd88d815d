"""The commands with the catalog on a PostgreSQL server."""

from dataclasses import replace

import pytest

from tests.builders import level, messages, rule, transaction
from tests.commands.run.test_messages import lines
from tests.lake.catalog.postgres import database_of


@pytest.fixture
def command(run, emulator, postgres, monkeypatch):
    """Run a command on a lake whose catalog is a database of the test's own."""
    catalog = postgres.new_catalog()
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "on-postgres")
    monkeypatch.setenv("INVENTORY_CATALOG", catalog)
    run.catalog = catalog
    return run


def publish(command, tmp_path, topic, *documents):
    path = tmp_path / "documents.json"
    path.write_bytes(lines(*documents))
    assert command("publish", str(path), "--topic", topic).code == 0


def test_the_commands_do_there_what_they_do_here(command, home, tmp_path, postgres):
    none_yet = command("stats")
    assert (none_yet.code, "there is no lake at" in none_yet.err) == (1, True)
    assert command("topics", "apply").code == 0
    publish(command, tmp_path, "thresholds-topic", rule(50, 60))
    publish(command, tmp_path, "inventory-updates-topic", level(100))
    first = command("drain", "--format", "json", "--wait", "0.5")
    publish(command, tmp_path, "inventory-transactions-topic", transaction("T1", quantity=-60))
    second = command("drain", "--format", "json", "--wait", "0.5")

    assert first.rows == [{"outcome": "applied", "messages": 2}]
    assert second.rows == [{"outcome": "applied", "messages": 1}]
    available = "SELECT available FROM core.sku_state"
    assert command("sql", available, "--format", "json").rows == [{"available": 40}]
    assert command("sql", available, "--format", "json", "--at-version", "1").rows == [{"available": 100}]
    [alert] = command("alerts", "--format", "json").rows
    assert command("explain", alert["alert_id"]).code == 0
    for upkeep in ("maintain", "rebuild", "verify"):
        assert command(upkeep).code == 0
    counts = {row["what"]: row["count"] for row in command("stats", "--format", "json").rows}
    assert (counts["messages applied"], counts["keys"], counts["alerts firing"]) == (3, 1, 1)
    assert not (home / "lake" / "catalog.sqlite").exists()

    postgres.stop()
    refused = [command("drain", "--wait", "0.1"), command("sql", available), command("stats")]
    postgres.start()
    for found in refused:
        assert found.code == 1
        assert "could not be reached" in found.err
        assert "secret" not in found.err + found.out
    assert command("sql", available, "--format", "json").rows == [{"available": 40}]


WRITE = "''__ducklake_metadata_lake'', ''COMMIT; CREATE TABLE mine (i INT)''"
HIDDEN = f"query('FROM postgres_' || 'execute({WRITE})')"


def test_sql_only_reads_the_server_too(command, open_engine, postgres, settings):
    """One of the extension's functions can end the read-only transaction that it runs in."""
    open_engine(chosen=replace(settings, catalog=command.catalog)).commit_burst(messages(level(100)))
    database = database_of(command.catalog)

    for attempt in (
        f"FROM postgres_execute({WRITE})".replace("''", "'"),
        f"FROM {HIDDEN}",
        f"EXPLAIN ANALYZE FROM {HIDDEN}",
        f"PIVOT (FROM {HIDDEN}) ON Success",
        "FROM postgres_query('__ducklake_metadata_lake', 'DELETE FROM ducklake_metadata RETURNING 1')",
        "DELETE FROM core.sku_state_changes",
    ):
        assert command("sql", attempt).code == 1, attempt
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'", database) == "0"
    for query in ("PIVOT core.sku_state ON sku USING sum(on_hand)", "DESCRIBE core.events", "SUMMARIZE core.sku_state"):
        assert command("sql", query).code == 0
