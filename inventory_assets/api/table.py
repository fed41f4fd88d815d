"""Everything that can be asked, in one table: the routes, and what the description is made from."""

from inventory_assets.api import describe, outcome, stream, watch, writes
from inventory_assets.api.questions import alerts, changes, plan, products, rollups, stock
from inventory_assets.api.routes import Route

ROUTES: tuple[Route, ...] = (
    *watch.ROUTES, *stock.ROUTES, *changes.ROUTES, *products.ROUTES, *rollups.ROUTES, *alerts.ROUTES, *plan.ROUTES,
    *writes.ROUTES, *outcome.ROUTES, *stream.ROUTES, *describe.ROUTES,
)  # fmt: skip
