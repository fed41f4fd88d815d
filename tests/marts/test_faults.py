"""Which test of dbt finds which fault, of the lake and of the snapshot files."""

from collections.abc import Sequence

import duckdb
import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS
from inventory_assets.marts.build import Step, build_marts
from tests.marts.conftest import make_shop, reader_of
from tests.marts.files import hour, stock, write_files

pytestmark = pytest.mark.big

# On days of their own: a file holds a whole day.
FILE_FAULTS = {
    "a row twice": (DAILY_STOCK, [stock(0), stock(0)]),
    "more seconds than a day has": (DAILY_STOCK, [stock(1, stockout_seconds=100_000)]),
    "fewer than no transaction": (HOURLY_TRANSACTIONS, [hour(0, transactions=-1)]),
}
LAKE_FAULTS = {
    "stock beside its sums": (
        "INSERT INTO core.sku_state_changes SELECT * REPLACE (on_hand + 1 AS on_hand, 99 AS version) "
        "FROM core.sku_state_changes WHERE sku = 'S2'"
    ),
    "an unknown type": (
        "INSERT INTO core.events SELECT * REPLACE ('GIFT' AS type, 99 AS version) FROM core.events "
        "WHERE transaction_id = 'T1'"
    ),
    "an end before the beginning": (
        "INSERT INTO out.alerts_changes SELECT * REPLACE (opened_at - INTERVAL 1 DAY AS resolved_at, 99 AS version) "
        "FROM out.alerts_changes WHERE state = 'resolved'"
    ),
}
MODELS = (
    "daily_stock_snapshots", "daily_warehouse_stocks", "daily_transactions",
    "stock_positions", "stg_core__transactions", "alert_responses",
)  # fmt: skip


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[duckdb.DuckDBPyConnection, Sequence[Step]]:
    """A shop with every fault at once: its marts to ask, and what failed. Built first and then tested,
    because a build leaves out what follows from a failed test."""
    settings = make_shop(tmp_path_factory.mktemp("spoilt"))
    for table, rows in FILE_FAULTS.values():
        write_files(settings.home, table, rows)
    engine = Engine(settings)
    for statement in LAKE_FAULTS.values():
        engine.lake.connection.execute(statement)
    engine.close()
    assert build_marts(settings, select=[f"+{model}" for model in MODELS], command="run").failed == []
    return reader_of(settings), build_marts(settings, select=MODELS, command="test").failed


def failures(spoilt: tuple[duckdb.DuckDBPyConnection, Sequence[Step]], model: str, found: str) -> list[Step]:
    """The failed tests of a model whose names have these words."""
    return [step for step in spoilt[1] if found in step.name and model in step.name]


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("daily_stock_snapshots", "unique_"),
        ("daily_warehouse_stocks", "in_stock_share"),
        ("daily_transactions", "transaction_count"),
    ],
    ids=FILE_FAULTS,
)
def test_a_fault_in_a_file_is_found_by_its_test(spoilt, model, found):
    [step] = failures(spoilt, model, found)

    # Its query gives the rows that are wrong.
    assert step.failures and spoilt[0].execute(step.query).fetchall()


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("positions_agree_with_rollups", "positions_agree_with_rollups"),
        ("stg_core__transactions", "accepted_values_stg_core__transactions_transaction_type"),
        ("alert_responses", "not_before_alert_responses_resolved_at"),
    ],
    ids=LAKE_FAULTS,
)
def test_a_fault_in_the_lake_is_found_by_its_test(spoilt, model, found):
    assert failures(spoilt, model, found)
