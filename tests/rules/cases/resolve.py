"""Which rule is in force for a key (RULES 21-23)."""

from itertools import permutations

from tests.rules.case import PARENTS, SECOND, Case, K, envelope, level, rule, said_by

LADDER = [
    ("SKU", "S1"),
    ("PRODUCT", "P"),
    ("BRAND", "B"),
    ("CATEGORY", "C"),
    ("DEPARTMENT", "D"),
    ("GLOBAL", None),
]
EMBEDDED = {"min_threshold": 50, "reorder_threshold": 100}
# As the levels of `fold`: A's greatest is that of epoch 1 (second 5), so B's.
SAID = {
    "A1": said_by("A", 5, rule("SKU", "S1", 1, 1), source_epoch=1),
    "A0": said_by("A", 10, rule("SKU", "S1", 2, 2)),
    "B": said_by("B", 7, rule("SKU", "S1", 3, 3)),
}

CASES = [
    Case(
        # What is null sets no condition: 4 < 5 is LOW_STOCK, and 4 < 5 REORDER.
        "a level may carry one threshold alone",
        (21, 23),
        [
            [
                level(4, "07:01", min_threshold=5),
                level(4, "07:01", sku="S2", reorder_threshold=5),
            ]
        ],
        resolved={
            K: {"level_type": "EMBEDDED", "min_threshold_qty": 5, "reorder_threshold_qty": None},
            ("W1", "S2"): {"level_type": "EMBEDDED", "min_threshold_qty": None, "reorder_threshold_qty": 5},
        },
        alerts=[{"sku": "S1", "alert_type": "LOW_STOCK"}, {"sku": "S2", "alert_type": "REORDER"}],
        default_min=9,
        default_reorder=9,
    ),
    *(
        Case(
            # Rules at this level and all below it; rule n has min n: the first one wins.
            f"resolution stops at {name}",
            (21,),
            [
                [
                    *(rule(kind, id_, n, n) for n, (kind, id_) in enumerate(LADDER) if n >= top),
                    level(5, "07:00", **PARENTS, **EMBEDDED),
                ]
            ],
            resolved={K: {"level_type": name, "min_threshold_qty": top}},
        )
        for top, (name, _) in enumerate(LADDER)
    ),
    Case(
        "without a rule the embedded pair counts",
        (21,),
        [[level(200, "07:00", **EMBEDDED), level(200, "06:00", min_threshold=1)]],
        resolved={
            K: {
                "level_type": "EMBEDDED",
                "min_threshold_qty": 50,
                "reorder_threshold_qty": 100,
                "cooldown_minutes": 60,
                "enabled": True,
            }
        },
    ),
    Case(
        "without anything the system default counts",
        (21,),
        [[level(9, "07:00")]],
        default_min=10,
        default_reorder=20,
        resolved={K: {"level_type": "SYSTEM", "min_threshold_qty": 10, "enabled": True}},
        # 9 < 10
        alerts=[{"alert_type": "LOW_STOCK", "threshold": 10}],
    ),
    Case(
        # Level first: the SKU's all-warehouse rule beats the product's warehouse rule.
        # Within BRAND (key W1/S2 of product P2) the warehouse's rule wins.
        "level first then warehouse",
        (21,),
        [
            [
                rule("SKU", "S1", 1, 1),
                rule("PRODUCT", "P", 2, 2, warehouse_id="W1"),
                rule("BRAND", "B", 3, 3),
                rule("BRAND", "B", 4, 4, warehouse_id="W1"),
                level(9, "07:00", **PARENTS),
                level(9, "07:00", **(PARENTS | {"sku": "S2", "product_id": "P2"})),
                level(9, "07:00", **(PARENTS | {"sku": "S2", "product_id": "P2"})) | {"warehouse_id": "W2"},
            ]
        ],
        resolved={
            K: {"level_type": "SKU", "warehouse_id": None, "min_threshold_qty": 1},
            ("W1", "S2"): {"level_type": "BRAND", "warehouse_id": "W1", "min_threshold_qty": 4},
            ("W2", "S2"): {"level_type": "BRAND", "warehouse_id": None, "min_threshold_qty": 3},
        },
    ),
    Case(
        # The SKU rule sets only reorder; min stays null, it is not taken from GLOBAL.
        "the whole record wins",
        (21, 23),
        [[rule("SKU", "S1", None, 100), rule("GLOBAL", None, 50, 60), level(10, "07:01")]],
        resolved={K: {"min_threshold_qty": None, "reorder_threshold_qty": 100}},
        alerts=[{"alert_type": "REORDER", "priority": "MEDIUM", "threshold": 100}],
    ),
    Case(
        # Stock 0 under a muted SKU rule: no STOCKOUT, and GLOBAL is not asked.
        "a disabled rule mutes stockout and does not fall through",
        (21,),
        [
            [
                rule("SKU", "S1", 50, 100, alert_settings={"enabled": False}),
                rule("GLOBAL", None, 50, 60),
                level(0, "07:01"),
            ]
        ],
        resolved={K: {"level_type": "SKU", "enabled": False}},
        alerts=[],
    ),
    Case(
        # Deleted on the 17th; the version of the 16th arrives after it: still deleted, so GLOBAL.
        "a late older rule does not undo a deletion",
        (9, 22),
        [
            [rule("SKU", "S1", 50, 100), rule("GLOBAL", None, 1, 2), level(200, "07:00")],
            [{**rule("SKU", "S1", None, None), "deleted": True, "updated_at": "2022-04-17"}],
            [
                {
                    **rule("SKU", "S1", None, None),
                    "deleted": True,
                    "updated_at": "2022-04-17T00:00:00Z",
                },
                rule("SKU", "S1", 9, 9, updated_at="2022-04-16T00:00:00Z"),
            ],
        ],
        resolved={K: {"level_type": "GLOBAL", "min_threshold_qty": 1}},
        # a date alone is no RFC 3339 time
        outcomes=["applied", "applied", "applied", "invalid_value", "applied", "superseded"],
    ),
    Case(
        # The delete's cluster time is 2022-04-20, after the rule's updated_at of the 15th.
        "a delete in the change stream deletes the rule",
        (22,),
        [
            [rule("SKU", "S1", 50, 100), level(200, "06:00")],
            [
                envelope(
                    rule("SKU", "S1", 50, 100),
                    SECOND,
                    1,
                    operation="delete",
                    namespace="inventory.thresholds",
                )
            ],
        ],
        resolved={K: {"level_type": "SYSTEM"}},
    ),
    *(
        Case(
            f"the latest rule is each source's first: {' '.join(order)}",
            (12, 22),
            [[level(200, "06:00")], *([SAID[name]] for name in order)],
            resolved={K: {"min_threshold_qty": 3}},
            reading="a latest position is a greatest, of rules too",
        )
        for order in permutations(SAID)
    ),
]
