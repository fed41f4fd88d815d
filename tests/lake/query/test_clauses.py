"""Which row counts, in SQL, is which row counts."""

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.events.kinds import Status, Transaction
from inventory_assets.domain.stock.fold import latest_version
from inventory_assets.lake.query.clauses import counting_versions, latest, listed
from tests.hunting import some

POSITIONS = st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 1))


@settings(max_examples=some(50))
@given(st.lists(st.tuples(st.sampled_from(Status), POSITIONS, st.sampled_from("AB")), min_size=1, max_size=8))
def test_sql_counts_the_version_that_the_fold_counts(drawn):
    """RULES 13: velocities and incidents ask the lake, stock is folded; both must take the same version."""
    versions = [
        Transaction(f"e{number}", "T1", "ORDER", status, "WH-1", "S1", None, -1, 0, position, True, source)
        for number, (status, position, source) in enumerate(drawn)
    ]
    events = pl.DataFrame(  # noqa: F841 # DuckDB finds it by name
        [
            ("transaction", v.warehouse_id, v.transaction_id, v.line_id, v.event_id, str(v.status), v.source, *v.position)
            for v in versions
        ],
        schema={
            "kind": pl.String, "warehouse_id": pl.String, "transaction_id": pl.String, "line_id": pl.String,
            "event_id": pl.String, "status": pl.String, "source": pl.String,
            "source_epoch": pl.Int64, "instant": pl.Int64, "increment": pl.Int64,
        },
        orient="row",
    )  # fmt: skip
    counted = duckdb.sql(counting_versions("event_id", "true", "events")).fetchall()

    assert [(latest_version(versions).event_id,)] == counted


def test_the_latest_rows_of_each_key_are_kept():
    rows = duckdb.sql(
        "SELECT * FROM (VALUES ('a', 1), ('a', 3), ('a', 2), ('b', 1)) t(sku, version) "
        f"{latest('sku', count=2)} ORDER BY ALL"
    )

    assert [("a", 2), ("a", 3), ("b", 1)] == rows.fetchall()


def test_words_are_listed_for_in():
    assert "('PENDING', 'SHIPPED', 'COMPLETED', 'CANCELLED')" == listed(Status)
