"""Real input through the whole chain: the first 50,000 lines of a year of invoices.

What it must add up to is counted by SQL over the file, written apart from the
converter. The whole file goes the same way: `examples/online_retail/README.md`.
"""

import os
from itertools import islice
from pathlib import Path

import duckdb
import pytest

from examples.online_retail.convert import OnlineRetail
from examples.online_retail.expected import lines_by_type, units_by_sku
from inventory_assets.messaging.client import OutgoingMessage, PubSubBurstSource, PubSubPublisher
from inventory_assets.messaging.topology import apply_topology, load_topology
from inventory_assets.stages.ingest import Ingest
from tests.messaging.brokers import our_emulator

LINES = 50_000
PROJECT = "online-retail"
DEFAULT_PARQUET = Path(__file__).resolve().parents[3] / "shared" / "data" / "online_retail.parquet"

pytestmark = pytest.mark.slow


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """The first lines of the data set, as a file of their own."""
    whole = Path(os.environ.get("ONLINE_RETAIL_PARQUET") or DEFAULT_PARQUET)
    if not whole.is_file():
        pytest.skip(f"{whole} is absent; set ONLINE_RETAIL_PARQUET to run")
    part = tmp_path / "part.parquet"
    duckdb.connect().execute(f"COPY (SELECT * FROM read_parquet('{whole}') LIMIT {LINES}) TO '{part}' (FORMAT parquet)")
    return part


def test_every_line_counts_once(parquet, engine):
    """RULES 10: equal lines of one file are separate events, and all of them add up."""
    retail = OnlineRetail(parquet)
    opening = retail.opening_stock()
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

    expected = {name: count for name, count in lines_by_type(parquet).items() if name not in (None, "SKIPPED")}
    counted = dict(
        engine.lake.query("SELECT type, count(*) FROM core.events WHERE kind = 'transaction' GROUP BY 1").iter_rows()
    )
    stock = dict(engine.lake.query("SELECT sku, on_hand FROM core.sku_state").iter_rows())
    assert published == summary.messages
    assert {"applied", "superseded"} >= set(summary.outcomes)
    assert expected == counted
    assert {sku: opening.get(sku, 0) + count.net_units for sku, count in units_by_sku(parquet).items()} == stock
