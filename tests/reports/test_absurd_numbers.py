"""A lake of before the ranges may hold absurd numbers: their keys are named, and everybody's report is made."""

import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.refresh.dynamic import refresh_dynamic
from inventory_assets.refresh.incidents import refresh_incidents
from inventory_assets.refresh.products import import_products
from inventory_assets.reports.period import Kind
from inventory_assets.settings import Settings
from tests.builders import messages, rule, transaction
from tests.reports.conftest import DAY, fill, publish_report

BAD = Product(
    "S1", lead_time_days=9 * 10**18, order_up_to=9 * 10**18, pack_multiple=10**12, unit_price=1.7e308,
)  # fmt: skip
NOON = 1_650_456_000_000_000  # of DAY


def spoil(engine):
    """As a release without ranges took it in: what the file's reader refuses now."""
    fill(engine)
    import_products(engine, [BAD])
    dynamic = rule(10, 20, mode="dynamic", service_level=0.95, updated_at="2022-04-20T12:00:00Z")
    engine.commit_burst(messages(dynamic, transaction("P1", "RESTOCK", 7, at="09:30", status="PENDING")))


@pytest.fixture(scope="module")
def spoilt(filled, tmp_path_factory):
    """Its home. Read it only."""
    return Settings(home=filled(spoil, tmp_path_factory.mktemp("spoilt")))


def test_the_nightly_report_counts_it_as_unknown_and_names_it(spoilt):
    report = publish_report(spoilt)

    assert "product data beyond all range count as unknown (lead time, target stock, pack or price): S1" in (
        report.page.text
    )
    # 40, twice the reorder threshold, less 7 on their way: nothing is known of when they come.
    assert {("S1", "33"), ("S2", "91"), ("S9", "40")} == {
        (line["sku"], line["quantity"]) for line in report.rows("orders")
    }
    assert ["", ""] == [line["revenue_at_risk"] for line in report.rows("stockouts")]
    assert ["S2"] == [line["sku"] for line in report.rows("running_out")]


def test_the_weekly_report_names_it(spoilt):
    report = publish_report(spoilt, kind=Kind.WEEKLY)

    assert "product data beyond all range count as unknown" in report.page.text
    assert not {"inf", "nan"} & {cell for line in report.rows("dead_stock") for cell in line.values()}


def test_dynamic_limits_of_others_are_computed(spoilt, filled, tmp_path):
    from inventory_assets.ingest.engine import Engine

    engine = Engine(Settings(home=filled(spoil, tmp_path / "home")))
    try:
        [commit] = refresh_dynamic(engine, LakeReader(engine.lake.settings), DAY)
        computed = {key for key, limits in engine.state.dynamics.items() if limits is not None}
        found = refresh_incidents(engine, NOON)
    finally:
        engine.close()

    assert {("W1", "S2")} == computed
    assert commit.version == 7 and found is not None
