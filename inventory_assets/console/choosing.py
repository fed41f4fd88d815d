"""Which of the picture's alerts a list shows, in which order, and what they can be chosen by.

As `queries.alerts` has it of the lake, whose words these are. Not here: how one is shown (`pages.views`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inventory_assets.domain.picture.picture import Picture
from inventory_assets.domain.picture.rows import Alert, Product
from inventory_assets.queries.at_stake import cover_days

EXACT = {"warehouse": "warehouse_id", "sku": "sku", "type": "alert_type", "priority": "priority"}
"""Filters that hold for one value of a column, letter by letter: a token of some warehouses rests on that."""
NAMED = ("department", "category", "brand")
"""Filters that hold for an id or a name, in capitals or not."""
CHOSEN = (*NAMED, "supplier")
# A picker is to be looked through: a longer one is searched in the address or by `q`.
MOST_CHOICES = 300
_RANK = {"CRITICAL": 0, "HIGH": 1}


def worst_first(alert: Alert) -> tuple[int, int, str]:
    """The order of `lake.query.clauses.WORST_FIRST`, then by id."""
    return _RANK.get(alert.priority, 2), -alert.opened_us, alert.alert_id


def chosen(picture: Picture, alerts: Iterable[Alert], filters: Mapping[str, str]) -> list[Alert]:
    """Those of some alerts for which all filters hold, in their order."""
    found = list(alerts)
    for name, column in EXACT.items():
        if wanted := filters.get(name):
            found = [each for each in found if getattr(each, column) == wanted]
    if filters.get("unacknowledged") == "true":
        found = [each for each in found if each.acknowledged_by is None]
    for name in NAMED:
        if wanted := filters.get(name, "").lower():
            found = [each for each in found if wanted in _names(picture, each, name)]
    if wanted := filters.get("supplier", "").lower():
        found = [each for each in found if (_of(picture, each, "supplier_id") or "").lower() == wanted]
    if words := filters.get("q", "").lower().split():
        found = [each for each in found if _has_all(_text(each.sku, picture.products.get(each.sku)), words)]
    return found


def in_order(
    picture: Picture, alerts: list[Alert], sort: str, *, sold: Mapping[str, Mapping[str, float]]
) -> list[Alert]:  # fmt: skip
    """Alerts, the worst first, in another of the orders of `queries.alerts.ORDERS`.

    Args:
        picture: Whose they are.
        alerts: Which.
        sort: The order.
        sold: Units a day by warehouse and SKU.
    """
    if sort == "worst":
        return alerts
    keys: dict[str, Callable[[Alert], Any]] = {
        "newest": lambda each: (-each.opened_us, each.alert_id),
        "oldest": lambda each: (each.opened_us, each.alert_id),
        "warehouse": lambda each: each.warehouse_id,
        "sku": lambda each: each.sku,
        "available": lambda each: _available(picture, each),
        "risk": lambda each: _risk(picture, each),
        "cover": lambda each: _cover(picture, each, sold),
    }
    # Python's sort keeps the order of equals: the worst first.
    return sorted(alerts, key=keys[sort])


def choices(picture: Picture) -> dict[str, list[str]]:
    """What the alerts that fire can be chosen by: names, or ids where there are none."""
    found: dict[str, set[str]] = {name: set() for name in CHOSEN}
    for each in picture.alerts:
        for name in NAMED:
            stock = picture.stock.get((each.warehouse_id, each.sku))
            label = _of(picture, each, f"{name}_name") or (stock and getattr(stock, f"{name}_id"))
            if label:
                found[name].add(label)
        if supplier := _of(picture, each, "supplier_id"):
            found["supplier"].add(supplier)
    return {name: listed(values) for name, values in found.items()}


def listed(values: Iterable[str | None]) -> list[str]:
    """Names as a picker has them: each once, in capitals or not; the first of very many."""
    by_name = {value.lower(): value for value in sorted(filter(None, values), reverse=True)}
    return [by_name[name] for name in sorted(by_name)][:MOST_CHOICES]


def _of(picture: Picture, alert: Alert, name: str) -> str | None:
    product = picture.products.get(alert.sku)
    return None if product is None else getattr(product, name)


def _names(picture: Picture, alert: Alert, name: str) -> set[str]:
    stock = picture.stock.get((alert.warehouse_id, alert.sku))
    ids = "" if stock is None else getattr(stock, f"{name}_id")
    return {ids.lower(), (_of(picture, alert, f"{name}_name") or "").lower()}


def _text(sku: str, product: Product | None) -> str:
    if product is None:
        return sku.lower()
    names = (product.product_name, product.variant_name, product.brand_name, product.category_name)
    return " ".join(filter(None, (sku, *names))).lower()


def _has_all(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def _available(picture: Picture, alert: Alert) -> tuple[bool, int]:
    stock = picture.stock.get((alert.warehouse_id, alert.sku))
    return stock is None, 0 if stock is None else stock.available


def _risk(picture: Picture, alert: Alert) -> tuple[bool, float]:
    money = money_at_risk(picture, alert)
    return money is None, -(money or 0.0)


def money_at_risk(picture: Picture, alert: Alert) -> float | None:
    """Revenue at risk by the newest plan; None where its shelf has no line that asks, or no price is known."""
    line = picture.lines.get((alert.warehouse_id, alert.sku))
    return None if line is None else line.revenue_at_risk


def _cover(picture: Picture, alert: Alert, sold: Mapping[str, Mapping[str, float]]) -> tuple[bool, float]:
    stock = picture.stock.get((alert.warehouse_id, alert.sku))
    daily_units = sold.get(alert.warehouse_id, {}).get(alert.sku)
    days = None if stock is None else cover_days(stock.available, daily_units)
    return days is None, days or 0.0
