"""Sums of stock over the hierarchy (RULES 19-20)."""

from tests.rules.case import PARENTS, Case, K, level, stock, txn

CASES = [
    Case(
        "a key without a level has unknown parents",
        (19,),
        [[txn("T1", "RESTOCK", 5, "07:01")]],
        states={K: dict.fromkeys(PARENTS, "UNKNOWN")},
        rollups={("W1", "CATEGORY_BRAND", "UNKNOWN/UNKNOWN"): stock(5, 0, 5)},
    ),
    Case(
        # C: W1/S1 10-1, W2/S1 20-2, W1/S2 40-4. W1: 50, 5, 45. All: 70, 7, 63.
        # Brand B has S1 only: W1 10, all 30 - 3.
        "rollups sum the leaves",
        (20,),
        [
            [
                level(10, "07:00", reserved_stock=1, **PARENTS),
                level(20, "07:00", reserved_stock=2, warehouse_id="W2", **PARENTS),
                level(40, "07:00", reserved_stock=4, sku="S2", **(PARENTS | {"brand_id": "B2"})),
            ]
        ],
        rollups={
            ("W1", "CATEGORY", "C"): {**stock(50, 5, 45), "sku_count": 2},
            (None, "CATEGORY", "C"): stock(70, 7, 63),
            (None, "BRAND", "B"): stock(30, 3, 27),
            ("W1", "BRAND", "B"): {**stock(10, 1, 9), "sku_count": 1},
            ("W1", "CATEGORY_BRAND", "C/B2"): stock(40, 4, 36),
            ("W2", "CATEGORY_BRAND", "C/B2"): None,
            (None, "DEPARTMENT", "D"): stock(70, 7, 63),
            ("W1", "PRODUCT", "P"): stock(50, 5, 45),
            ("W1", "SKU", "S2"): {**stock(40, 4, 36), "sku_count": 1},
        },
        reading="sku_count is distinct SKUs; no node without an active key",
    ),
]
