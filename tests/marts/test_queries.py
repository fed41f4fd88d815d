"""docs/queries.md: each question, asked of a shop that traded for twenty weeks, has an answer."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from inventory_assets.cli import cli
from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.marts.build import build_marts
from inventory_assets.refresh.coverage import refresh_coverage
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.replenish.make import refresh_plan
from inventory_assets.settings import Settings
from tests.builders import cut, message, received, simulated, transaction
from tests.docs.markdown import ROOT, blocks
from tests.docs.test_bi_docs import cells
from tests.marts.conftest import reader_of

pytestmark = pytest.mark.big
DOCUMENT = ROOT / "docs" / "queries.md"
QUESTIONS = [block for block in blocks(DOCUMENT) if block.language == "sql"]
FIRST, LAST = date(2025, 3, 3), date(2025, 7, 20)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake of a simulated shop, its snapshot files and its marts. Read it only."""
    settings = Settings(home=tmp_path_factory.mktemp("traded"))
    simulation, sent = simulated(
        4_000, skus=40, warehouses=3, events_per_second=0.0004, lead_day_seconds=86_400.0, cover_hours=400.0,
        malformed_rate=0.0, zipf_exponent=1.3, planning_lapse_rate=0.5, opening_breach_rate=0.1,
    )  # fmt: skip
    engine = Engine(settings)
    try:
        import_products(engine, [Product(**_fields(each)) for each in simulation.catalog])
        for burst in cut(received(sent), 400):
            engine.commit_burst(burst)
        _sell_out(engine)
        refresh_velocity(engine, LAST + timedelta(days=1))
        refresh_coverage(engine, LakeReader(settings), LAST + timedelta(days=1))
        engine.land()
        refresh_plan(engine, LakeReader(settings), LAST + timedelta(days=1), PLAN_DEFAULTS)
    finally:
        engine.close()
    environment = {"INVENTORY_HOME": str(settings.home)}
    days = ["--from", FIRST.isoformat(), "--to", LAST.isoformat()]
    assert CliRunner().invoke(cli, ["snapshots", "build", *days], env=environment).exit_code == 0
    assert build_marts(settings).failed == []
    return settings


def _fields(product) -> dict:
    names = (*Product.__struct_fields__,)
    return {name: getattr(product, name) for name in names if hasattr(product, name)}


def _sell_out(engine: Engine) -> None:
    """One shelf sells more than it has, and nobody fills it; other warehouses have plenty of the SKU."""
    query = "SELECT warehouse_id, sku, available FROM core.sku_state ORDER BY available DESC, warehouse_id, sku LIMIT 1"
    [(warehouse_id, sku, available)] = engine.lake.query(query).rows()
    at = datetime(2025, 7, 18, 10, tzinfo=UTC)
    order = transaction(
        "SOLD-OUT", quantity=-(2 * available + 100), at=at.isoformat(), warehouse_id=warehouse_id, sku=sku
    )
    engine.commit_burst([message(order, published_at=at)])


def test_there_are_twenty():
    assert len(QUESTIONS) == 20


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda block: block.place)
def test_every_question_has_an_answer(traded, question):
    """Through the command, as the document says; an empty answer teaches nothing."""
    ran = CliRunner().invoke(cli, ["sql", "--format", "json", question.code], env={"INVENTORY_HOME": str(traded.home)})

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output), question.code


def test_the_notebooks_question_of_the_marts_has_an_answer(traded):
    """`examples/stock.ipynb`: its other cells are asked in `tests/docs/test_bi_docs.py`."""
    namespace = {"lake": reader_of(traded)}
    exec(cells()["fill-rate"], namespace)

    assert 3 == len(namespace["answer"].fetchall())


def test_the_real_files_and_the_lake_agree(traded):
    """The last day's snapshot is the stock of the lake but for what came after it; sums agree with the marts'."""
    connection = reader_of(traded)
    sold = """
        SELECT (SELECT sum(sold_units) FROM snapshots.daily_stock) AS by_day,
            (SELECT sum(sold_units) FROM marts.daily_warehouse_stocks) AS by_warehouse,
            (SELECT -sum(quantity) FROM snapshots.hourly_transactions
                WHERE type = 'ORDER' AND status = 'COMPLETED') AS by_hour,
            (SELECT sum(sold_units) FROM marts.daily_transactions) AS in_mart
    """
    [(by_day, by_warehouse, by_hour, in_mart)] = connection.execute(sold).fetchall()
    assert by_day == by_warehouse > 0
    assert by_hour == in_mart >= by_day

    closing = f"""
        SELECT count(*) FROM snapshots.daily_stock d JOIN marts.stock_positions p USING (warehouse_id, sku)
        WHERE snapshot_date = DATE '{LAST}' AND p.last_event_at < DATE '{LAST}' + 1 AND d.on_hand <> p.on_hand
    """
    assert [(0,)] == connection.execute(closing).fetchall()


def test_the_mart_of_stockouts_has_the_seconds_of_the_files(traded):
    connection = reader_of(traded)
    seconds = "SELECT (SELECT sum(stockout_seconds) FROM snapshots.daily_stock), (SELECT sum(stockout_seconds) FROM marts.stockouts)"

    [(in_files, in_mart)] = connection.execute(seconds).fetchall()
    assert in_files == in_mart > 0
