"""`inventory marts`, and `inventory sql` over what it built."""

import pytest

from inventory_assets.lake.files.partition_files import DAILY_STOCK
from tests.marts.conftest import make_shop
from tests.marts.files import stock, write_files

POSITIONS = "SELECT sku FROM marts.stock_positions WHERE warehouse_id = 'W1' ORDER BY sku"


@pytest.fixture(scope="module")
def shop_home(tmp_path_factory):
    """A home with a shop, whose marts the first test that needs them builds."""
    home = tmp_path_factory.mktemp("cli-marts")
    make_shop(home)
    return home


def test_before_the_first_build_sql_and_status_say_what_to_run(run, shop_home):
    for arguments in (["sql", POSITIONS], ["marts", "status"]):
        ran = run(*arguments, at=shop_home)

        assert ran.code == 1
        assert "inventory marts build" in ran.err
    assert run("sql", "SELECT count(*) FROM core.sku_state", at=shop_home).code == 0
    unknown = run("sql", "SELECT * FROM core.nothing", at=shop_home)
    assert "marts" not in unknown.err


def test_without_a_lake_a_build_says_so(run):
    ran = run("marts", "build")

    assert (1, True) == (ran.code, "there is no lake" in ran.err)


@pytest.mark.big
def test_a_build_counts_and_its_tables_can_be_asked(run, shop_home):
    built = run("marts", "build", "--format", "json", at=shop_home)

    assert built.code == 0, built.err
    counts = {row["what"]: (row["failed"], row["skipped"]) for row in built.rows}
    assert counts == {"models": (0, 0), "data tests": (0, 0), "unit tests": (0, 0)}
    assert all(row["passed"] > 10 for row in built.rows)
    assert [{"sku": "S1"}, {"sku": "S2"}] == run("sql", POSITIONS, "--format", "json", at=shop_home).rows

    status = run("marts", "status", "--format", "json", at=shop_home)
    marts = {row["mart"]: row for row in status.rows}
    assert marts["stock_positions"]["rows"] == 7
    assert marts["daily_stock_snapshots"]["rows"] is None
    assert all("One row per" in row["holds"] for row in status.rows)
    assert "from lake version 6, 0 versions ago; snapshots through 2026-03-31" in status.err

    at_built = run("sql", POSITIONS, "--at-version", "6", at=shop_home)
    earlier = run("sql", POSITIONS, "--at-version", "5", at=shop_home)
    assert (0, 1) == (at_built.code, earlier.code)
    assert "built from version 6, later than 5" in earlier.err
    refused = run("sql", "DROP TABLE marts.stock_positions", at=shop_home)
    assert (1, True) == (refused.code, "only reads" in refused.err)

    # A fault: exit 1, and the query whose rows are wrong, which `inventory sql` runs as it stands.
    write_files(shop_home, DAILY_STOCK, [stock(0), stock(0)])
    failed = run("marts", "build", "--select", "daily_stock_snapshots", at=shop_home)
    assert failed.code == 1
    assert "unique_daily_stock_snapshots_daily_stock_snapshot_id" in failed.err
    query = failed.err.partition("The rows that are wrong:\n")[2].partition("\ndata test")[0].partition("\ntest ")[0]
    assert run("sql", query, "--format", "json", at=shop_home).rows
