"""Where a SKU stands: department > category > brand > product > SKU (RULES 19-20)."""

from inventory_assets.domain.events.kinds import ParentIds

ROLLUP_LEVELS = ("DEPARTMENT", "CATEGORY", "BRAND", "CATEGORY_BRAND", "PRODUCT", "SKU")

Node = tuple[str | None, str, str]
"""(warehouse_id or None for all, level, level_id)."""


def level_ids(sku: str, parents: ParentIds) -> tuple[tuple[str, str], ...]:
    """(level, level_id) of every hierarchy node above and including a SKU."""
    department_id, category_id, brand_id, product_id = parents
    return (
        ("DEPARTMENT", department_id),
        ("CATEGORY", category_id),
        ("BRAND", brand_id),
        ("CATEGORY_BRAND", f"{category_id}/{brand_id}"),
        ("PRODUCT", product_id),
        ("SKU", sku),
    )


def nodes_of(warehouse_id: str, sku: str, parents: ParentIds) -> list[Node]:
    """The rollup nodes a key counts in: each level in its warehouse and over all."""
    levels = level_ids(sku, parents)
    return [(warehouse_id, *level) for level in levels] + [(None, *level) for level in levels]
