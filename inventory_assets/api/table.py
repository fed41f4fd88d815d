"""Everything that can be asked, in one table: the routes, and what the description is made from."""

from importlib import import_module
from importlib.util import find_spec

from inventory_assets.api import describe, watch
from inventory_assets.api.questions import alerts, changes, plan, products, rollups, stock
from inventory_assets.api.routes import Route

_OTHERS = ("writes", "outcome", "stream")


def _others() -> tuple[Route, ...]:
    places = [f"inventory_assets.api.{name}" for name in _OTHERS]
    modules = [import_module(place) for place in places if find_spec(place)]
    return tuple(route for module in modules for route in getattr(module, "ROUTES", ()))


ROUTES: tuple[Route, ...] = (
    *watch.ROUTES, *stock.ROUTES, *changes.ROUTES, *products.ROUTES, *rollups.ROUTES, *alerts.ROUTES, *plan.ROUTES,
    *describe.ROUTES, *_others(),
)  # fmt: skip
