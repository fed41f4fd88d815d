"""Where a SKU stands, and what follows from its moving (RULES 19)."""

from tests.rules.case import PARENTS, Case, K, level, rule

CASES = [
    Case(
        # W2's level of 07:05 is the newest of S1: its parents, whole, so no brand from W1.
        "parents come whole from the newest level of any warehouse",
        (19,),
        [
            [
                level(5, "07:00", **PARENTS),
                level(5, "07:05", warehouse_id="W2", category_id="C2"),
            ]
        ],
        states={
            K: {"category_id": "C2", "brand_id": "UNKNOWN", "department_id": "UNKNOWN"},
            ("W2", "S1"): {"category_id": "C2", "product_id": "UNKNOWN"},
        },
    ),
    Case(
        # The product's rule follows the SKU's new category into W1.
        "another warehouse's newer level moves the key to another rule",
        (19, 21),
        [
            [rule("CATEGORY", "C", 1, 2), rule("CATEGORY", "C2", 3, 4)],
            [level(5, "07:00", **PARENTS)],
            [level(5, "07:05", warehouse_id="W2", category_id="C2")],
        ],
        resolved={K: {"level_type": "CATEGORY", "level_id": "C2", "min_threshold_qty": 3}},
    ),
]
