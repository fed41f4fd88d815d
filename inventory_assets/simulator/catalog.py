"""The products of the invented shop and how much of each it sells.

Belongs here: identity, hierarchy, supply figures, demand weights. Not here: stock or time.
"""

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from random import Random

import numpy as np
import numpy.typing as npt

from inventory_assets.simulator.catalog_words import (
    DEPARTMENTS,
    SERIES,
    WAREHOUSE_REGIONS,
    CategoryWords,
    DepartmentWords,
)
from inventory_assets.simulator.planning import full_shelf
from inventory_assets.simulator.settings import SimulationSettings

# Measured over long runs: one arrival (an order, a transfer, …) becomes 1.47 messages on average.
MESSAGES_PER_ARRIVAL = 1.47
ORDER_SHARE = 0.88
MEAN_ORDER_UNITS = 1.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One SKU with its parents and supply figures; `unit_price` in currency units."""

    sku: str
    product_id: str
    product_name: str
    variant_name: str
    brand_id: str
    brand_name: str
    category_id: str
    category_name: str
    department_id: str
    department_name: str
    supplier_id: str
    lead_time_days: int
    order_up_to: int
    unit_price: float
    pack_multiple: int


def products_csv(catalog: list[Product]) -> str:
    """Render the catalog for `inventory products import`."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Product)], lineterminator="\n")
    writer.writeheader()
    for product in catalog:
        writer.writerow(asdict(product) | {"unit_price": f"{product.unit_price:.2f}"})
    return out.getvalue()


def default_thresholds() -> str:
    """The default thresholds of every category, YAML for `inventory thresholds import`."""
    return files(__package__).joinpath("default_thresholds.yaml").read_text(encoding="utf-8")


def warehouse_ids(count: int) -> list[str]:
    """Name warehouses WH-EAST-1, WH-WEST-1, …, WH-EAST-2, …"""
    regions = WAREHOUSE_REGIONS
    return [f"WH-{regions[i % len(regions)]}-{i // len(regions) + 1}" for i in range(count)]


def demand_shares(settings: SimulationSettings) -> npt.NDArray[np.float64]:
    """Share of demand per key, shape (warehouses, skus), summing to 1."""
    ranks = np.arange(1, settings.skus + 1, dtype=np.float64)
    Random(f"{settings.seed}:demand").shuffle(ranks)  # type: ignore[arg-type]
    per_sku = ranks**-settings.zipf_exponent
    # Warehouses differ in size by up to about two, as regions do.
    per_warehouse = 1.0 / (1.0 + 0.25 * np.arange(settings.warehouses))
    shares = np.outer(per_warehouse, per_sku)
    return shares / shares.sum()


def units_per_second(settings: SimulationSettings) -> float:
    """Units ordered per second of event time over all keys."""
    arrivals = settings.events_per_second / MESSAGES_PER_ARRIVAL
    return arrivals * ORDER_SHARE * MEAN_ORDER_UNITS


def build_catalog(settings: SimulationSettings) -> list[Product]:
    """Invent `settings.skus` products; order-up-to levels follow their demand."""
    rng = Random(f"{settings.seed}:catalog")
    peak_demand = demand_shares(settings).max(axis=0) * units_per_second(settings)
    catalog: list[Product] = []
    for department, category, sequence in _categories_round_robin():
        brand = department.brands[sequence % len(department.brands)]
        room = settings.skus - len(catalog)
        catalog.extend(_variants(rng, department, category, brand, sequence, peak_demand[-room:], settings))
        if len(catalog) >= settings.skus:
            return catalog
    raise AssertionError("the round robin is endless")


def _categories_round_robin() -> Iterator[tuple[DepartmentWords, CategoryWords, int]]:
    sequence = 0
    while True:
        for department in DEPARTMENTS:
            for category in department.categories:
                yield department, category, sequence
        sequence += 1


def _variants(
    rng: Random,
    department: DepartmentWords,
    category: CategoryWords,
    brand: str,
    sequence: int,
    peak_demand: npt.NDArray[np.float64],
    settings: SimulationSettings,
) -> Iterator[Product]:
    # One product with one to six variants, never more than there is demand left to give out.
    offset = len(category.name) * 7
    noun = category.nouns[sequence % len(category.nouns)]
    product_name = f"{brand} {SERIES[(sequence + offset) % len(SERIES)]} {noun}"
    # A word returns after len(SERIES) rounds; the mark keeps names and ids unique.
    if sequence >= len(SERIES):
        product_name += f" Mk {sequence // len(SERIES) + 1}"
    product_id = slug(product_name)
    axes = [(a, b) for a in category.first_axis for b in category.second_axis]
    chosen = sorted(rng.sample(range(len(axes)), min(len(axes), rng.randint(1, 6))))
    price = category.price_from * (category.price_to / category.price_from) ** rng.random()
    pack = rng.choice((1, 6, 10, 12, 24)) if price < 100 else rng.choice((1, 1, 2, 4))
    lead_time_days = rng.randint(2, 14)
    supplier_id = f"SUPP-{slug(brand)}-{rng.randint(1, 2)}"
    for axis, demand in zip(chosen, peak_demand, strict=False):
        variant_name = " ".join(word for word in axes[axis] if word != "Standard") or "Standard"
        yield Product(
            sku=f"{product_id}-{slug(variant_name)}",
            product_id=product_id,
            product_name=product_name,
            variant_name=variant_name,
            brand_id=slug(brand),
            brand_name=brand,
            category_id=slug(category.name),
            category_name=category.name,
            department_id=slug(department.name),
            department_name=department.name,
            supplier_id=supplier_id,
            lead_time_days=lead_time_days,
            order_up_to=order_up_to(settings, float(demand), lead_time_days, pack),
            unit_price=int(price * (1 + 0.1 * axis)) + 0.99,
            pack_multiple=pack,
        )


def reorder_point(settings: SimulationSettings, demand: float, lead_time_days: int) -> float:
    """Units expected to sell until a timely order arrives, with a third for safety."""
    return 1.3 * demand * (lead_time_days * settings.lead_day_seconds * 1.2 + 180)


# Twice the largest reorder quantity of rules.py: a full shelf must clear every threshold.
_FLOOR_UNITS = 120


def order_up_to(settings: SimulationSettings, demand: float, lead_time_days: int, pack: int) -> int:
    """A full shelf: floor, demand over the lead time and `cover_hours`, in whole packs."""
    if settings.plans_by_demand:
        return -(-math.ceil(full_shelf(demand, lead_time_days, settings.cover_hours / 24)) // pack) * pack
    units = _FLOOR_UNITS + reorder_point(settings, demand, lead_time_days)
    units += demand * settings.cover_hours * 3600
    return -(-int(units) // pack) * pack


def slug(name: str) -> str:
    """An id from a name: upper case, digits and hyphens."""
    return re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")
