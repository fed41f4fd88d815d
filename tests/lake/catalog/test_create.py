"""What a new lake's tables are to DuckLake: noted as empty, so that it need not ask for them again and again."""

from inventory_assets.lake.durable import METADATA
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.tables import APPEND_TABLES, LANDED, VERSIONED_TABLES
from inventory_assets.lake.upkeep.maintenance import COMPACTED_TABLES, Maintenance
from tests.builders import level, messages, rule, transaction
from tests.facts import STOCK, differences, rows

TABLES = [table.changes for table in (*APPEND_TABLES, *VERSIONED_TABLES) if table is not LANDED]
NOTED = f"""
    SELECT s.schema_name || '.' || t.table_name, n.record_count
    FROM {METADATA}.ducklake_table t JOIN {METADATA}.ducklake_schema s USING (schema_id)
    LEFT JOIN {METADATA}.ducklake_table_stats n USING (table_id) WHERE t.end_snapshot IS NULL
"""


def noted(engine) -> dict[str, int | None]:
    """Rows of each table as DuckLake counts them; None where it has to ask."""
    return {name: count for name, count in rows(engine.lake, NOTED) if name in TABLES}


def test_of_a_new_lake_each_table_is_noted_as_empty(engine):
    """An earlier DuckLake asks the catalog for each column of a table without a note, in each query."""
    assert noted(engine) == dict.fromkeys(TABLES, 0)


def test_rows_are_counted_on_from_a_note(engine):
    engine.commit_burst(messages(rule(10, 20), level(100), b"broken"))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))
    counted = {name: rows(engine.lake, f"SELECT count(*) FROM {name}")[0][0] for name in TABLES}

    assert noted(engine) == counted
    assert counted["core.events"] == 3 and counted["out.alerts_changes"] == 1
    ids = "SELECT count(*), count(DISTINCT rowid) FROM core.events"
    assert rows(engine.lake, ids) == [(3, 3)]


def test_tables_that_were_noted_are_merged_and_read_as_any(engine):
    """Files, bases and other connections: what follows from a table's statistics must not follow from a note."""
    for number in range(3):
        engine.commit_burst(messages(rule(10, 20 + number), level(100 - number, f"0{number + 1}:00")))
    maintenance = Maintenance(engine.lake)
    for table in COMPACTED_TABLES:
        maintenance.compact(table)
    maintenance.run_all()
    reader = LakeReader(engine.settings)

    assert rows(reader, STOCK) == [("W1", "S1", 98, 0, 98, 0)]
    assert rows(reader, "SELECT count(*) FROM core.events WHERE kind = 'level' AND version > 1") == [(2,)]
    assert differences(engine) == []
    reader.connection.close()


def test_an_older_lakes_tables_are_noted_with_what_it_lacks(open_engine):
    first = open_engine()
    first.commit_burst(messages(level(7)))
    connection = first.lake.connection
    connection.execute("DROP TABLE lake.out.quality_results")
    connection.execute(f"DELETE FROM {METADATA}.ducklake_table_stats WHERE record_count = 0")
    first.close()

    second = open_engine()
    assert None not in noted(second).values()
    assert noted(second)["raw.messages"] == 1
    second.commit_burst(messages(transaction("T1", quantity=-3)))
    assert rows(second.lake, STOCK) == [("W1", "S1", 4, 0, 4, 0)]
