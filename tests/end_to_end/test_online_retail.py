"""Real input through the whole chain: the first 50,000 lines of a year of invoices, to the pages that a planner reads.

What it must add up to is counted by SQL over the file, written apart from the
converter. The whole file goes the same way: `examples/online_retail/README.md`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import duckdb
import pytest

from examples.online_retail.convert import OnlineRetail
from examples.online_retail.expected import ExpectedDay, lines_by_type, sold_between, units_by_day, units_by_sku
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.ingest import Ingest, IngestSummary
from inventory_assets.lake.files.partition_files import SNAPSHOT_TABLES, snapshot_files
from inventory_assets.lake.query.reader import history_reader
from inventory_assets.messaging.client import OutgoingMessage, PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import load_topology
from inventory_assets.messaging.topology_apply import apply_topology
from inventory_assets.reports.period import Kind
from inventory_assets.settings import Settings
from inventory_assets.snapshots.build import build_partitions
from tests.messaging.brokers import our_emulator
from tests.reports.conftest import Published, publish_report

LINES = 50_000
PROJECT = "online-retail"
# The file is of 2010 and 2011: all of its days are over.
AFTER = date(2012, 1, 1)
DEFAULT_PARQUET = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail.parquet"

pytestmark = pytest.mark.big


@dataclass(frozen=True)
class Drained:
    """The file's lines, taken in."""

    engine: Engine
    opening: dict[str, int]
    published: int
    summary: IngestSummary

    @property
    def settings(self) -> Settings:
        """Of its lake."""
        return self.engine.settings


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first lines of the data set, as a file of their own."""
    whole = Path(os.environ.get("ONLINE_RETAIL_PARQUET") or DEFAULT_PARQUET)
    if not whole.is_file():
        pytest.skip(f"{whole} is absent; set ONLINE_RETAIL_PARQUET to run")
    part = tmp_path_factory.mktemp("file") / "part.parquet"
    duckdb.connect().execute(f"COPY (SELECT * FROM read_parquet('{whole}') LIMIT {LINES}) TO '{part}' (FORMAT parquet)")
    return part


@pytest.fixture(scope="module")
def drained(parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drained]:
    """The lines published and taken in, once for all that is asked of them. Read it only."""
    retail = OnlineRetail(parquet)
    engine = Engine(Settings(home=tmp_path_factory.mktemp("retail")))
    with our_emulator() as host:
        apply_topology(PROJECT, emulator_host=host)
        publisher = PubSubPublisher(PROJECT, emulator_host=host)
        source = PubSubBurstSource(PROJECT, load_topology().input_subscriptions, emulator_host=host)
        messages = iter(retail.messages())
        published = 0
        while chunk := [OutgoingMessage(topic, data, dict(extra)) for topic, data, extra, _ in islice(messages, 5_000)]:
            published += len(publisher.publish(chunk))
        summary = Ingest(engine, source, publisher).run(max_seconds=400, wait_seconds=10, until_empty=True)
        source.close()
        publisher.close()
    yield Drained(engine, retail.opening_stock(), published, summary)
    engine.close()


def test_every_line_counts_once(parquet, drained):
    """RULES 10: equal lines of one file are separate events, and all of them add up."""
    lake = drained.engine.lake
    expected = {name: count for name, count in lines_by_type(parquet).items() if name not in (None, "SKIPPED")}
    counted = dict(
        lake.query("SELECT type, count(*) FROM core.events WHERE kind = 'transaction' GROUP BY 1").iter_rows()
    )
    stock = dict(lake.query("SELECT sku, on_hand FROM core.sku_state").iter_rows())

    assert drained.published == drained.summary.messages
    assert {"applied", "superseded"} >= set(drained.summary.outcomes)
    assert expected == counted
    assert {sku: drained.opening.get(sku, 0) + count.net_units for sku, count in units_by_sku(parquet).items()} == stock


@pytest.fixture(scope="module")
def days(parquet: Path) -> dict[date, ExpectedDay]:
    """What each day must come to."""
    return units_by_day(parquet)


@pytest.fixture(scope="module")
def snapshots(drained: Drained, days: dict[date, ExpectedDay]) -> None:
    """The snapshot files of all those days."""
    first, last = min(days), max(days)
    with history_reader(drained.settings) as reader:
        for table in SNAPSHOT_TABLES:
            for _ in build_partitions(reader, snapshot_files(drained.settings, table), first, last, today=AFTER):
                pass


def published(drained: Drained, kind: Kind, day: date) -> Published:
    """A report of a day, read as a stranger would."""
    return publish_report(drained.settings, day, kind, today=AFTER)


def test_a_nightly_report_adds_up(parquet, drained, snapshots, days):
    """Its totals are those that SQL counts in the file."""
    last = max(days)
    report = published(drained, Kind.NIGHTLY, last)

    expected = {str(day): count for day, count in days.items() if day > last - timedelta(days=14)}
    sales = {row["day"]: row for row in report.rows("sales")}
    # A day without a line sold nothing and ended as the one before.
    assert expected == {
        day: ExpectedDay(int(sales[day]["sold_units"]), int(sales[day]["on_hand"]), int(sales[day]["empty"]))
        for day in expected
    }
    assert {"0"} >= {row["sold_units"] for day, row in sales.items() if day not in expected}
    left = {sku: drained.opening.get(sku, 0) + count.net_units for sku, count in units_by_sku(parquet).items()}
    assert {sku for sku, units in left.items() if units <= 0} == {row["sku"] for row in report.rows("stockouts")}
    [warehouse] = report.rows("warehouses")
    assert (str(len(left)), str(sum(left.values()))) == (warehouse["shelves"], warehouse["on_hand"])
    page = report.page
    assert f"{days[last].empty_skus:,} shelves are empty" in page.text
    assert f"{days[last].sold_units:,} units sold on" in page.sections["sold"].text
    assert f"{sum(left.values()):,}" in [cell for row in page.sections["trust"].rows for cell in row]


def test_a_weekly_report_adds_up(parquet, drained, snapshots):
    """The busiest week before Christmas, its Sunday included, against the one before."""
    monday = date(2010, 12, 13)
    report = published(drained, Kind.WEEKLY, monday)

    now, before = (
        sold_between(parquet, monday - timedelta(days=back), monday + timedelta(days=6 - back)) for back in (0, 7)
    )
    assert sold_between(parquet, monday + timedelta(days=6), monday + timedelta(days=6))
    [warehouse] = report.rows("warehouse_weeks")
    assert (sum(now.values()), sum(before.values())) == (
        int(warehouse["sold_units"]), int(warehouse["sold_units_before"]),
    )  # fmt: skip
    assert {
        sku: (now.get(sku, 0), before.get(sku, 0)) for sku in now.keys() | before.keys()
        if now.get(sku, 0) != before.get(sku, 0)
    } == {row["sku"]: (int(row["units"]), int(row["units_before"])) for row in report.rows("movers")}  # fmt: skip
    assert f"{sum(now.values()):,} units sold" in report.page.text
