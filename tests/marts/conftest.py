"""A shop whose marts are built once, and how a build is run.

Belongs here: lakes and builds that several tests read. Does not belong: what a
mart must hold.
"""

from pathlib import Path

import duckdb
import pytest

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.catalog.marts import show_marts
from inventory_assets.lake.files.partition_files import DAILY_STOCK, HOURLY_TRANSACTIONS, attach_views
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.marts.build import Build, build_marts
from inventory_assets.refresh.products import import_products
from inventory_assets.refresh.velocity import refresh_velocity
from inventory_assets.replenish.make import refresh_plan
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.marts.files import DAY, hour, stock, write_files

# Ids are other people's: quotes, what looks like a path or a formula, and the separators of keys (RULES 4).
ODD_IDS = [("W'1", '=S"1'), ("W/1", "S,1"), ("W/1,S", "1"), ("W[]", "Ünï→"), ("date=2026-01-01", "-S")]


def make_shop(home: Path) -> Settings:
    """A lake with two SKUs at a warehouse, an alert that a restock ended, odd ids, and a month of snapshot files."""
    settings = Settings(home=home)
    engine = Engine(settings)
    try:
        import_products(engine, [Product(sku="S1", product_name="Tea", unit_price=2.5, lead_time_days=5)])
        engine.commit_burst(messages(rule(10, 20), level(30), level(8, sku="S2")))
        engine.commit_burst(messages(*[level(5, sku=sku, warehouse_id=warehouse) for warehouse, sku in ODD_IDS]))
        engine.commit_burst(
            messages(
                transaction("T1", quantity=-25),
                transaction("P1", "RESTOCK", 40, "09:00", status="PENDING"),
                transaction("P1", "RESTOCK", 40, "12:00"),
                transaction("T2", quantity=-50, at="13:00"),
            )
        )
        day = DAY.replace(year=2022, month=4, day=21)
        refresh_velocity(engine, day)
        engine.land()
        reader = LakeReader(settings)
        refresh_plan(engine, reader, day, PLAN_DEFAULTS)
        reader.connection.close()
    finally:
        engine.close()
    write_files(home, DAILY_STOCK, [stock(ago, **fields) for ago in range(40) for fields in _keys(ago)])
    write_files(
        home, HOURLY_TRANSACTIONS,
        [hour(ago, quantity=-1) for ago in range(40)]
        + [hour(3, 9, type="RESTOCK", quantity=40), hour(3, 9, type="ORDER", status="CANCELLED", quantity=-2)],
    )  # fmt: skip
    return settings


def _keys(days_ago: int) -> list[dict]:
    return [
        {"sku": "S1"},
        {"sku": "S2", "on_hand": 0 if days_ago in (0, 1, 10) else 4, "sold_units": 0,
         "stockout_seconds": 43_200 if days_ago in (0, 1, 10) else 0},
        *({"warehouse_id": warehouse, "sku": sku, "sold_units": 0} for warehouse, sku in ODD_IDS),
    ]  # fmt: skip


def reader_of(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A connection that sees the lake, the snapshot files and the marts, as `inventory sql` does."""
    connection = LakeReader(settings).connection
    attach_views(connection, settings.snapshots_uri)
    show_marts(connection, settings)
    return connection


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shop's settings. Read it only."""
    return make_shop(tmp_path_factory.mktemp("marts"))


@pytest.fixture(scope="module")
def build(shop: Settings) -> Build:
    """The shop's marts, built."""
    return build_marts(shop)


@pytest.fixture(scope="module")
def marts(shop: Settings, build: Build) -> duckdb.DuckDBPyConnection:
    """The built marts, to ask."""
    return reader_of(shop)
