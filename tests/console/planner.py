"""A shop with a plan behind a console: three suppliers' lines, made on one day.

Belongs here: building, and asking for lines. Does not belong: expectations.
"""

from typing import Any

from inventory_assets.domain.alerts.alert import Product
from inventory_assets.ingest.engine import Engine
from inventory_assets.refresh.products import import_products
from tests.builders import rule
from tests.console.conftest import Client
from tests.replenish.shop import S1, plan, take, trade

LINE = "pln-20220520-W1-S1"
OTHER = "pln-20220520-W1-S3"


def fill(engine: Engine) -> None:
    """ACME's lamp at W1 is short and W2 has plenty; BOLT's chair is short and costs nothing known; S4 is empty, of nobody."""
    chair = Product(sku="S3", product_name="Chair", supplier_id="BOLT", lead_time_days=3)
    vase = Product(sku="S4", product_name="Vase", lead_time_days=4, unit_price=5.0)
    import_products(engine, [S1, chair, vase])
    take(engine, rule(1, 15), *trade("S1", 20), *trade("S1", 500, warehouse="W2"), *trade("S3", 15), *trade("S4", 0))


def planned(engine: Engine) -> None:
    """The shop, and its plan."""
    fill(engine)
    plan(engine)


def decide(client: Client, decision: str, *lines: object, **body: Any):
    """Decide on lines, given by id or as the API has them."""
    whole = {"lines": [{"line_id": line} if isinstance(line, str) else line for line in lines], "reason": "PO 1"} | body
    return client.send("POST", f"/api/plan/{decision}", whole)


def states(client: Client, query: str = "?show=decided") -> dict[str, str]:
    """What is decided, by line."""
    return {row["line_id"]: row["state"] for row in client.get(f"/api/plan{query}").json}
