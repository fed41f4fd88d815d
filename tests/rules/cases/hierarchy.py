"""Where a SKU stands, and what follows from its moving (RULES 19)."""

from itertools import permutations

from tests.rules.case import PARENTS, Case, K, level, rule, said_by

# As the levels of `fold`, in three warehouses: A's greatest is that of epoch 1 (second 5), so B's.
PLACED = {
    "A1": said_by("A", 5, level(10, "07:00", category_id="CA1", brand_id="B1"), source_epoch=1),
    "A0": said_by("A", 10, level(20, "07:00", category_id="CA0", warehouse_id="W2")),
    "B": said_by("B", 7, level(30, "07:00", category_id="CB", warehouse_id="W3")),
}

CASES = [
    *(
        Case(
            f"parents are of the greatest of each source's greatest: {' '.join(order)}",
            (12, 18, 19),
            [[PLACED[name]] for name in order],
            states={
                K: {"on_hand": 10, "category_id": "CB", "brand_id": "UNKNOWN"},
                ("W2", "S1"): {"on_hand": 20, "category_id": "CB"},
                ("W3", "S1"): {"on_hand": 30, "category_id": "CB"},
            },
        )
        for order in permutations(PLACED)
    ),
    Case(
        # W1's stock is B's 20 of second 20. Over all warehouses B's greatest is W2's of epoch 1
        # (second 3), so A's of second 10 is the SKU's: it says where S1 stands, and is no superseded level.
        "a level may place its SKU where another states the stock",
        (9, 12, 19),
        [
            [
                said_by("B", 20, level(20, "07:00", category_id="CB")),
                said_by("B", 3, level(30, "07:00", category_id="CB1", warehouse_id="W2"), source_epoch=1),
            ],
            [said_by("A", 10, level(10, "07:00", category_id="CA"))],
        ],
        states={K: {"on_hand": 20, "category_id": "CA"}, ("W2", "S1"): {"on_hand": 30, "category_id": "CA"}},
        outcomes=["applied"] * 3,
    ),
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
