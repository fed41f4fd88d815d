"""Fixtures of the reports' suite.

Belongs here: a small shop whose report has a line in each section, and how a
report is made of it. Does not belong: what the report must say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from typing import Any

import polars as pl
import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.files.partition_files import PartitionFiles, SnapshotTable
from inventory_assets.lake.files.storage import Storage, open_storage
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.reports.make import make_report
from inventory_assets.reports.period import Kind, period_of
from inventory_assets.reports.publish import Manifest, Rendered
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.conftest import OpenFilled
from tests.reports.reading import Document, read_csv

DAY = date(2022, 4, 20)
# A report is made of a day that is over.
NEXT_DAY = date(2022, 4, 21)
PARENTS = {"product_id": "P", "brand_id": "B", "category_id": "C", "department_id": "D"}

PRODUCTS = [
    Product(
        "S1", product_name="Kettle", variant_name="red", supplier_id="SUPP-1", lead_time_days=5, order_up_to=60,
        unit_price=20.0, pack_multiple=10,
    ),
    Product("S2", product_name="Lamp", supplier_id="SUPP-2", lead_time_days=10, order_up_to=100),
]  # fmt: skip


def sold_before(sku: str, warehouse_id: str, units_a_day: int) -> list[dict]:
    """Orders of the 28 days before DAY, so that a velocity is known."""
    return [
        transaction(
            f"{sku}-{warehouse_id}-{day}", quantity=-units_a_day, sku=sku, warehouse_id=warehouse_id,
            at=f"2022-03-{day:02d}T10:00:00Z" if day <= 31 else f"2022-04-{day - 31:02d}T10:00:00Z",
        )
        for day in range(23, 51)
    ]  # fmt: skip


def opening(sku: str, warehouse_id: str, units: int) -> dict:
    """A level of the morning of DAY."""
    return level(units, "00:30", sku=sku, warehouse_id=warehouse_id, **PARENTS)


def fill(engine: Engine) -> Engine:
    """S1 runs out in W1 and W2 can spare some; S2 of W1 is low and W3 has too much of it; S9 of W3 was empty before."""
    import_products(engine, PRODUCTS)
    engine.commit_burst(
        messages(
            rule(10, 20),
            *sold_before("S1", "W1", 2),
            *sold_before("S2", "W1", 3),
            level(0, "2022-04-18T06:00:00Z", sku="S9", warehouse_id="W3"),
            opening("S1", "W1", 30), opening("S1", "W2", 55), opening("S2", "W1", 18), opening("S2", "W3", 900),
        )
    )  # fmt: skip
    refresh_velocity(engine, DAY)
    engine.commit_burst(
        messages(transaction("T1", quantity=-30, at="09:00"), transaction("T2", quantity=-9, at="10:00", sku="S2"))
    )
    return engine


@pytest.fixture
def shop(open_filled: OpenFilled) -> Engine:
    """The filled shop, to go on with."""
    return open_filled(fill)


@dataclass(frozen=True)
class Published:
    """A report that was built, and its files as a stranger reads them."""

    manifest: Manifest
    storage: Storage
    rendered: Rendered

    @property
    def page(self) -> Document:
        """The page."""
        return Document(self.content("report.html"))

    def rows(self, section: str) -> list[dict[str, str]]:
        """A section's CSV."""
        return read_csv(self.content(f"{section}.csv"))

    def content(self, name: str) -> bytes:
        """A file of the report."""
        found = self.storage.read(f"{self.manifest.folder}/{name}")
        assert found is not None, name
        return found


@pytest.fixture(scope="session")
def shop_report(filled: Callable, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """The shop's report of DAY, its first. Read it only."""
    return publish_report(Settings(home=filled(fill, tmp_path_factory.mktemp("shop report"))))


def publish_report(settings: Settings, day: date = DAY, kind: Kind = Kind.NIGHTLY, **more: Any) -> Published:
    """Make a report of a lake."""
    manifest, rendered = make_report(settings, kind, period_of(kind, day), **{"today": NEXT_DAY, **more})
    return Published(manifest, open_storage(settings.reports_uri), rendered)


@pytest.fixture
def storage(settings: Settings) -> Storage:
    """Where the reports of the test's lake are."""
    return open_storage(settings.reports_uri)


@pytest.fixture
def build(settings: Settings) -> Callable[..., Published]:
    """Make a report of the test's lake."""
    return partial(publish_report, settings)


def write_snapshots(settings: Settings, table: SnapshotTable, day: date, rows: list[dict]) -> None:
    """A day's file in the layout that snapshots have, showing only the columns that matter."""
    nothing = {
        "on_hand": 0, "reserved": 0, "inbound": 0, "last_event_at": datetime(2022, 4, 1), "version": 1,
        "snapshot_date": day, "event_date": day, "hour": datetime.combine(day, time(9)), "largest_quantity": 0,
        "warehouse_id": "W1", "sku": "S1",
    }  # fmt: skip
    frame = pl.DataFrame([{**nothing, **row} for row in rows]).select(*table.columns)
    PartitionFiles(settings.snapshots_uri, table).write(day, frame, lake_version=3, epoch=1)
