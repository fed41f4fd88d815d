"""A shop of two warehouses for tests: thirty days of sales, product data, what is on its way.

Belongs here: building. Does not belong: expectations.
"""

from datetime import date

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.domain.replenish.shelves import PlanSettings
from inventory_assets.ingest.engine import Commit, Engine
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.refresh.products import import_products
from inventory_assets.replenish.make import refresh_plan
from tests.builders import level, message, rule, transaction
from tests.domain.histories import LATER

DAY = date(2022, 5, 20)
SETTINGS = PlanSettings()
S1 = Product(
    sku="S1", product_name="Lamp", supplier_id="ACME", lead_time_days=5, unit_price=2.0, pack_multiple=6,
    min_order_qty=12,
)  # fmt: skip


def take(engine, *documents):
    """Messages as one burst."""
    engine.commit_burst([message(document, published_at=LATER) for document in documents])


def trade(sku, left, *, warehouse="W1", sold=(8, 12)):
    """Thirty days of sales up to 2022-05-19, and what is left after them."""
    units = [sold[day % len(sold)] for day in range(30)]
    found = [level(left + sum(units), "2022-04-19T07:00:00Z", sku=sku, warehouse_id=warehouse, category_id="C1")]
    for day, quantity in enumerate(units):
        at = f"2022-04-{20 + day:02d}T08:00:00Z" if day < 11 else f"2022-05-{day - 10:02d}T08:00:00Z"
        found.append(
            transaction(f"{warehouse}-{sku}-{day}", quantity=-quantity, at=at, sku=sku, warehouse_id=warehouse)
        )
    return found


def fill(engine: Engine) -> None:
    """S1 at W1 sells ten a day and has 20 left, W2 has 500 of it; S2 has no product data."""
    import_products(engine, [S1])
    take(engine, rule(1, 15), *trade("S1", 20), *trade("S1", 500, warehouse="W2"), *trade("S2", 45))


def plan(engine: Engine, day: date = DAY, settings: PlanSettings = SETTINGS) -> list[Commit]:
    """Make a plan, reading as a run does."""
    engine.land()
    reader = LakeReader(engine.settings)
    try:
        return refresh_plan(engine, reader, day, settings)
    finally:
        reader.connection.close()


def fill_and_plan(engine: Engine) -> None:
    """The shop, and its plan."""
    fill(engine)
    plan(engine)
