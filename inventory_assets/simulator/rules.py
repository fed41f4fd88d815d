"""The shop's threshold rules, and which one it believes holds for a key.

Belongs here: rule values and their resolution for the planner (RULES 21, quantities only).
Not here: evaluation of alerts, which is the product's business.
"""

from dataclasses import dataclass
from random import Random

from inventory_assets.simulator.catalog import Product
from inventory_assets.simulator.planning import FLAT_MIN, FLAT_REORDER, MIN_DAYS, REORDER_DAYS, SERVICE_LEVELS

# Most specific first; a warehouse's rule beats the all-warehouse rule within a level.
LEVELS = ("SKU", "PRODUCT", "BRAND", "CATEGORY", "DEPARTMENT", "GLOBAL")
# Where stock moves by the day, a planner hears of a shelf once in half a day.
_PLANNED_COOLDOWN = 720


@dataclass(slots=True)
class ThresholdRule:
    """One scope's thresholds in units; null days or quantities set no such condition.

    `service_level`: of a rule whose quantities follow demand.
    """

    level_type: str
    level_id: str
    warehouse_id: str | None
    min_qty: int | None
    reorder_qty: int | None
    min_days: int | None = None
    reorder_days: int | None = None
    cooldown_minutes: int = 60
    is_enabled: bool = True
    service_level: float | None = None


def build_rules(catalog: list[Product], warehouses: list[str], seed: int) -> list[ThresholdRule]:
    """Write rules at every level, some for one warehouse, some in days, one muted."""
    rng = Random(f"{seed}:rules")
    departments = sorted({p.department_id for p in catalog})
    categories = sorted({p.category_id for p in catalog})
    brands = sorted({p.brand_id for p in catalog})
    products = sorted({p.product_id for p in catalog})
    rules = [ThresholdRule("GLOBAL", "GLOBAL", None, 8, 20)]
    for department in rng.sample(departments, -(-len(departments) // 2)):
        rules.append(ThresholdRule("DEPARTMENT", department, None, 10, 24, cooldown_minutes=30))
    for number, category in enumerate(rng.sample(categories, -(-len(categories) // 3))):
        # Short cover: shelves hold hours, not weeks (settings.cover_hours).
        days = (1, 2) if number % 3 == 0 else (None, None)
        rules.append(ThresholdRule("CATEGORY", category, None, 12, 30, *days))
    for category in rng.sample(categories, -(-len(categories) // 8)):
        rules.append(ThresholdRule("CATEGORY", category, rng.choice(warehouses), 15, 36, cooldown_minutes=15))
    for brand in rng.sample(brands, -(-len(brands) // 5)):
        rules.append(ThresholdRule("BRAND", brand, None, 12, 25, cooldown_minutes=120))
    for product in rng.sample(products, -(-len(products) // 20)):
        rules.append(ThresholdRule("PRODUCT", product, None, 20, 45))
    sku_ids = rng.sample([p.sku for p in catalog], -(-len(catalog) // 50))
    for number, sku in enumerate(sku_ids):
        warehouse = rng.choice(warehouses) if number % 3 == 1 else None
        rules.append(ThresholdRule("SKU", sku, warehouse, 25, 60, cooldown_minutes=(0, 10, 60)[number % 3]))
    # The first SKU rule has no warehouse: its SKU is silent everywhere.
    next(rule for rule in rules if rule.level_type == "SKU").is_enabled = False
    return rules


def planned_rules(catalog: list[Product], warehouses: list[str], seed: int) -> list[ThresholdRule]:
    """Write a rule for every category as a good planner would, and the exceptions that every shop has."""
    rng = Random(f"{seed}:planned rules")
    categories = sorted({p.category_id for p in catalog})
    rng.shuffle(categories)
    rules = [ThresholdRule("GLOBAL", "GLOBAL", None, 2, 5)]
    for number, category in enumerate(categories):
        # Of ten, seven follow demand, two hold days of cover, one a number.
        kind = number % 10
        if kind < len(SERVICE_LEVELS):
            rule = ThresholdRule("CATEGORY", category, None, None, None, service_level=SERVICE_LEVELS[kind])
        elif kind < 9:
            rule = ThresholdRule("CATEGORY", category, None, None, None, MIN_DAYS, REORDER_DAYS)
        else:
            rule = ThresholdRule("CATEGORY", category, None, FLAT_MIN, FLAT_REORDER)
        rule.cooldown_minutes = _PLANNED_COOLDOWN
        rules.append(rule)
    brands = sorted({p.brand_id for p in catalog})
    # A brand that must not run out, and one whose contract names days.
    rules += [
        ThresholdRule("BRAND", brand, None, None, None, cooldown_minutes=_PLANNED_COOLDOWN, service_level=0.98)
        for brand in rng.sample(brands, min(2, len(brands)))
    ]
    products = sorted({p.product_id for p in catalog})
    rules += [
        ThresholdRule("PRODUCT", product, None, None, None, MIN_DAYS, REORDER_DAYS, cooldown_minutes=_PLANNED_COOLDOWN)
        for product in rng.sample(products, min(3, len(products)))
    ]
    skus = rng.sample([p.sku for p in catalog], min(4, len(catalog)))
    for number, sku in enumerate(skus):
        # The first is going out of range: nobody wants to hear of it.
        warehouse = rng.choice(warehouses) if number == 2 else None
        rules.append(ThresholdRule("SKU", sku, warehouse, FLAT_MIN, FLAT_REORDER, is_enabled=number > 0))
    return rules


class RuleBook:
    """Answers which thresholds hold for a key."""

    def __init__(self, rules: list[ThresholdRule]) -> None:
        self._by_scope = {(r.level_type, r.level_id, r.warehouse_id): r for r in rules}

    def resolve(self, product: Product, warehouse_id: str) -> ThresholdRule:
        """Return the most specific rule; GLOBAL always exists."""
        level_ids = (
            product.sku,
            product.product_id,
            product.brand_id,
            product.category_id,
            product.department_id,
            "GLOBAL",
        )
        for level_type, level_id in zip(LEVELS, level_ids, strict=True):
            for scope in (warehouse_id, None):
                rule = self._by_scope.get((level_type, level_id, scope))
                if rule is not None:
                    return rule
        raise AssertionError("build_rules writes a GLOBAL rule")
