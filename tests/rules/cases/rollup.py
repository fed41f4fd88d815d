"""Sums of stock over the hierarchy (RULES 19-20)."""

from tests.rules.case import PARENTS, Case, K, level, said_by, stock, txn

CASES = [
    Case(
        "a key without a level has unknown parents",
        (19,),
        [[txn("T1", "RESTOCK", 5, "07:01")]],
        states={K: dict.fromkeys(PARENTS, "UNKNOWN")},
        rollups={("W1", "CATEGORY_BRAND", "UNKNOWN/UNKNOWN"): stock(5, 0, 5)},
    ),
    Case(
        # S1 is at W1 and W2: one SKU of two keys. Deleted at W1: one of one. Deleted at W2 too: none.
        "a sku counts once over all warehouses, as long as one of its keys is active",
        (17, 20),
        [
            [level(10, "06:00", **PARENTS), level(20, "06:00", warehouse_id="W2", **PARENTS)],
            [level(3, "06:00", sku="S2", **PARENTS)],
            [said_by("", 0, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"})],
        ],
        rollups={
            (None, "SKU", "S1"): {**stock(20, 0, 20), "sku_count": 1},
            (None, "BRAND", "B"): {**stock(23, 0, 23), "sku_count": 2},
            ("W1", "BRAND", "B"): {**stock(3, 0, 3), "sku_count": 1},
            ("W1", "SKU", "S1"): None,
            ("W2", "BRAND", "B"): {**stock(20, 0, 20), "sku_count": 1},
        },
    ),
    Case(
        # W1 ships 7 to W2 and W2 has not booked it in: 93, 10 and 7 inbound; nobody else moves.
        "a transfer moves the sums of both its warehouses",
        (16, 20),
        [
            [level(100, "07:00", **PARENTS), level(10, "07:00", warehouse_id="W2", **PARENTS)],
            [txn("T1", "TRANSFER", 7, "07:01", status="SHIPPED", to_warehouse_id="W2")],
        ],
        rollups={
            ("W1", "BRAND", "B"): {**stock(93, 0, 93), "sku_count": 1},
            ("W2", "BRAND", "B"): {**stock(10, 0, 10, 7), "sku_count": 1},
            (None, "BRAND", "B"): {**stock(103, 0, 103, 7), "sku_count": 1},
        },
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
