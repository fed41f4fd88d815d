"""First deliveries, repeats and contradictions (RULES 9-11, 13)."""

from tests.rules.case import RULE_50_50, RULE_50_100, Case, K, Sent, level, stock, txn

CASES = [
    Case(
        # 100 - 5 once; the COMPLETED order at 06:00 lies inside the level of 07:00.
        "every outcome of a stock event",
        (9, 10, 14),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:01"),
                txn("T1", "ORDER", -5, "07:01"),
                txn("T2", "ORDER", -9, "06:00"),
                level(300, "05:00"),
                txn("T3", "ORDER", 9, "07:02"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "duplicate", "superseded", "superseded", "invalid_sign"],
    ),
    Case(
        "a repeat in a later burst is a duplicate",
        (9, 18),
        [[level(100, "07:00")], [level(100, "07:00")]],
        states={K: stock(100, 0, 100)},
        outcomes=["applied", "duplicate"],
    ),
    Case(
        # Same id, -5 then -6: the first wins, 100 - 5.
        "same id with other content is a conflict",
        (10, 11),
        [
            [level(100, "07:00"), txn("T1", "ORDER", -5, "07:01")],
            [txn("T1", "ORDER", -6, "07:01"), level(99, "07:00")],
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "conflicting_duplicate", "conflicting_duplicate"],
    ),
    Case(
        "a field that is not stock makes no conflict",
        (11,),
        [[txn("T1", "RESTOCK", 5, "07:01", order_id="A"), txn("T1", "RESTOCK", 5, "07:01")]],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "duplicate"],
    ),
    Case(
        # "5", 5.0 and $numberLong are one normalised quantity: one event, 5 units.
        "spelling of a number makes no conflict",
        (11, 10),
        [
            [
                txn("T1", "RESTOCK", "5", "07:01"),
                txn("T1", "RESTOCK", 5.0, "07:01"),
                txn("T1", "RESTOCK", {"$numberLong": "5"}, "2022-04-20T09:01:00+02:00"),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "duplicate", "duplicate"],
    ),
    Case(
        # Two rows are two events; both are versions of T1, of which one counts: 5.
        # The level rows: two events, same level; 7 + nothing.
        "equal lines of one file are separate events",
        (10, 13),
        [
            [
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:1"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:2"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="abc:2"),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "applied", "duplicate"],
        reading="row_id replaces the document's own id",
    ),
    Case(
        # PENDING at S1; the COMPLETED names S2: not believed. Reserved stays 5.
        "a version that names another sku is a dead letter",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02", sku="S2"),
            ]
        ],
        states={K: stock(100, 5, 95)},
        outcomes=["applied", "applied", "transaction_moved"],
    ),
    Case(
        "a version that names another warehouse is a dead letter",
        (13,),
        [
            [
                txn("T1", "RESTOCK", 5, "07:01", status="PENDING"),
                txn("T1", "RESTOCK", 5, "07:02", warehouse_id="W2"),
            ]
        ],
        states={K: stock(0, 0, 0, 5)},
        outcomes=["applied", "transaction_moved"],
        reading="a transaction_id is one transaction in all warehouses",
    ),
    Case(
        # Conflicting rule: same scope and updated_at, other thresholds.
        "a rule of the same time with other numbers is a conflict",
        (10, 11),
        [[RULE_50_50, RULE_50_100, RULE_50_50, level(200, "07:00")]],
        outcomes=["applied", "conflicting_duplicate", "duplicate", "applied"],
        resolved={K: {"reorder_threshold_qty": 50}},
    ),
    Case(
        # T1's COMPLETED is known at S1; the same id at S2 is a conflict before it is a move.
        "a known id that moved is a conflict",
        (11, 13),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:02", sku="S2"),
            ]
        ],
        outcomes=["applied", "applied", "conflicting_duplicate"],
        reading="identity is looked at first",
    ),
]
