"""A lake that older code made gains what newer code needs, and loses nothing."""

from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.query.as_of import show_version
from inventory_assets.lake.tables import ALERTS
from inventory_assets.lake.upkeep.maintenance import Maintenance
from tests.builders import level, messages, rule, transaction
from tests.facts import differences, rows

NEW_COLUMNS = {
    "out.alerts_changes": [
        "acknowledged_by", "acknowledged_at", "silenced_until", "escalated_level", "inhibited_by", "is_untrusted",
    ],
    "out.alert_transitions": ["actor"],
}  # fmt: skip


def test_columns_and_views_that_are_missing_are_added(open_engine):
    first = open_engine()
    first.commit_burst(messages(rule(10, 20), level(100), transaction("T1", quantity=-95)))
    before = rows(first.lake, "SELECT alert_id, state, body FROM out.alerts")
    Maintenance(first.lake).compact(ALERTS)
    base = ALERTS.base_name(first.state.version)
    connection = first.lake.connection
    connection.execute("DROP VIEW out.alert_quality")
    connection.execute("CREATE OR REPLACE VIEW out.alerts AS SELECT 1 AS nothing")
    for table, columns in {**NEW_COLUMNS, base: NEW_COLUMNS["out.alerts_changes"]}.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    first.close()

    second = open_engine()
    second.commit_burst(messages(transaction("T2", quantity=-5, at="09:00")))

    assert rows(second.lake, "SELECT alert_id, state, body FROM out.alerts ORDER BY opened_at")[0][0] == before[0][0]
    assert rows(second.lake, "SELECT count(*) FROM out.alert_quality") == [(2,)]
    assert differences(second) == []


def test_a_past_version_shows_what_there_was_before_newer_code_writes(open_engine, settings):
    """A reader does not make the tables that an earlier release lacked."""
    engine = open_engine()
    engine.commit_burst(messages(level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-5)))
    engine.lake.connection.execute("DROP TABLE out.quality_results")
    engine.close()
    connection = connect(settings, read_only=True)

    show_version(connection, 1)

    assert [(100,)] == connection.execute("SELECT on_hand FROM core.sku_state").fetchall()
    assert [(1,)] == connection.execute("SELECT count(*) FROM core.sku_state_changes").fetchall()
