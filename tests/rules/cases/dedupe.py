"""First deliveries, repeats and contradictions (RULES 9-11, 13)."""

from tests.rules.case import RULE_50_50, RULE_50_100, Case, K, Sent, level, said_by, stock, txn

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
        # W1 waits for 5; W2 has its own T1 and 5 units.
        "the same number in another warehouse is another transaction",
        (10, 13),
        [
            [
                txn("T1", "RESTOCK", 5, "07:01", status="PENDING"),
                txn("T1", "RESTOCK", 5, "07:02", warehouse_id="W2"),
            ]
        ],
        states={K: stock(0, 0, 0, 5), ("W2", "S1"): stock(5, 0, 5)},
        outcomes=["applied", "applied"],
    ),
    Case(
        # Each counts for its own warehouse: -1 and -2.
        "warehouses may number alike",
        (10, 13),
        [[txn("1001", "ORDER", -1, "07:01", sku="R1"), txn("1001", "ORDER", -2, "07:01", sku="R1", warehouse_id="W2")]],
        states={("W1", "R1"): stock(-1, 0, -1), ("W2", "R1"): stock(-2, 0, -2)},
        outcomes=["applied", "applied"],
    ),
    Case(
        # W1 -> W2 3 and W2 -> W1 4, both T1: W1 100 - 3 + 4 = 101, W2 10 + 3 - 4 = 9.
        "a transfer is its sender's",
        (13, 16),
        [
            [level(100, "07:00"), level(10, "07:00", warehouse_id="W2")],
            [
                txn("T1", "TRANSFER", 3, "07:01", to_warehouse_id="W2"),
                txn("T1", "TRANSFER", 4, "07:01", warehouse_id="W2", to_warehouse_id="W1"),
            ],
        ],
        states={K: stock(101, 0, 101), ("W2", "S1"): stock(9, 0, 9)},
        outcomes=["applied"] * 4,
    ),
    Case(
        # Lines A and B of T1 are two transactions, of one SKU too: 100 - 5 - 5 = 90, and S2 has -3.
        # The second line of S1 is no repeat of the first; the third message is.
        "lines of one order are transactions of their own",
        (10, 13),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:01", line_id="A"),
                txn("T1", "ORDER", -5, "07:01", line_id="B"),
                txn("T1", "ORDER", -5, "07:01", line_id="B"),
                txn("T1", "ORDER", -3, "07:01", line_id="C", sku="S2"),
                txn("T1", "ORDER", -1, "07:01", sku="S3"),
            ]
        ],
        states={K: stock(90, 0, 90), ("W1", "S2"): stock(-3, 0, -3), ("W1", "S3"): stock(-1, 0, -1)},
        outcomes=["applied", "applied", "applied", "duplicate", "applied", "applied"],
    ),
    Case(
        # A line that names another SKU has moved as a transaction without lines has. Reserved 5 of A.
        "a line that names another sku is a dead letter",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:01", status="PENDING", line_id="A"),
                txn("T1", "ORDER", -5, "07:02", sku="S2", line_id="A"),
            ]
        ],
        states={K: stock(100, 5, 95)},
        outcomes=["applied", "applied", "transaction_moved"],
    ),
    Case(
        # null and absent are one transaction; "" is no id.
        "a line that is null is absent",
        (10,),
        [
            [
                txn("T1", "RESTOCK", 5, "07:01", line_id=None),
                txn("T1", "RESTOCK", 5, "07:01"),
                txn("T1", "RESTOCK", 5, "07:01", line_id=""),
                txn("T1", "RESTOCK", 5, "07:01", line_id=7),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "duplicate", "invalid_id", "invalid_id"],
        reading="a line_id is an id (RULES 4)",
    ),
    Case(
        # Reserved at W1 for W2; the COMPLETED names W3: not believed.
        "a version that names another receiver is a dead letter",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "TRANSFER", 5, "07:01", status="PENDING", to_warehouse_id="W2"),
                txn("T1", "TRANSFER", 5, "07:02", to_warehouse_id="W3"),
            ]
        ],
        states={K: stock(100, 5, 95)},
        outcomes=["applied", "applied", "transaction_moved"],
    ),
    Case(
        # The copy of epoch 1 states the cluster times of epoch 0 anew. Its level contains the order of
        # epoch 0 (-5) and not that of its own second 1 (-6): 60 - 6 + 5. Within an epoch it is a conflict.
        "a new epoch that states the same cluster time is no conflict",
        (10, 11, 12),
        [
            [
                said_by("A", 0, level(50, "07:00")),
                said_by("A", 1, txn("T1", "ORDER", -5, "07:00")),
                said_by("A", 0, level(60, "07:00"), source_epoch=1),
                said_by("A", 1, txn("T1", "ORDER", -6, "07:00"), source_epoch=1),
                said_by("A", 1, txn("T1", "ORDER", -7, "07:00"), source_epoch=1),
                said_by("A", 1, txn("T1", "ORDER", -6, "07:00"), source_epoch=1),
                said_by("A", 0, level(61, "07:00"), source_epoch=1),
            ]
        ],
        states={K: stock(59, 0, 59)},
        outcomes=["applied"] * 4 + ["conflicting_duplicate", "duplicate", "conflicting_duplicate"],
    ),
    Case(
        # The deletion of epoch 0 and that of epoch 1 are two, and so are the rules.
        "the epoch is part of every id that has a cluster time",
        (10,),
        [
            [
                said_by("A", 0, level(5, "07:00")),
                said_by("A", 1, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"}),
                said_by("A", 1, RULE_50_50),
                said_by("A", 1, RULE_50_100, source_epoch=1),
                said_by("A", 0, level(5, "07:00"), source_epoch=1),
                said_by(
                    "A", 1, None, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"}, source_epoch=1
                ),
            ]
        ],
        states={K: {"on_hand": 5, "is_active": False}},
        outcomes=["applied"] * 6,
        resolved={K: {"reorder_threshold_qty": 100}},
    ),
    Case(
        # Without a cluster time the id has no epoch either: the second is the same event.
        "an epoch without a cluster time is no part of an id",
        (10,),
        [
            [
                {"source": "files", "document": level(50, "07:00")},
                {"source": "files", "source_epoch": 1, "document": level(50, "07:00")},
            ]
        ],
        states={K: stock(50, 0, 50)},
        outcomes=["applied", "duplicate"],
    ),
    Case(
        # The source is no part of an id, nor of what is compared: the first stands.
        "two sources that say the same of one moment say it once",
        (10, 11, 12),
        [
            [
                said_by("A", 0, level(50, "07:00")),
                said_by("B", 0, level(50, "07:00")),
                said_by("B", 0, level(51, "07:00")),
            ]
        ],
        states={K: stock(50, 0, 50)},
        outcomes=["applied", "duplicate", "conflicting_duplicate"],
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
        # A file says -5; the corrected file says -6 of the same second: the first stands, whatever the hashes.
        # Later by updated_at, -6 is the version that counts: 100 - 6.
        "a corrected row of the same time is a conflict, with a later one the next version",
        (10, 11, 13),
        [
            [level(100, "07:00"), Sent(txn("T1", "ORDER", -5, "07:01"), row_id="b:2")],
            [
                Sent(txn("T1", "ORDER", -6, "07:01"), row_id="a:2"),
                Sent(txn("T1", "ORDER", -6, "07:01"), row_id="c:2"),
                Sent(txn("T1", "ORDER", -6, "07:01", updated_at="2022-04-20T07:02:00Z"), row_id="d:2"),
            ],
        ],
        states={K: stock(94, 0, 94)},
        outcomes=["applied", "applied", "conflicting_duplicate", "conflicting_duplicate", "applied"],
        reading="a row that says otherwise of a transaction or level at its very time is a conflict",
    ),
    Case(
        # Equal lines are two events of one transaction; another status is its next version.
        "equal rows are separate events, and count once",
        (10, 13),
        [
            [
                Sent(txn("T1", "RESTOCK", 5, "07:01", status="PENDING"), row_id="a:2"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="a:3"),
                Sent(txn("T1", "RESTOCK", 5, "07:01"), row_id="a:4"),
                Sent(txn("T1", "RESTOCK", 6, "07:01", warehouse_id="W2"), row_id="a:5"),
            ]
        ],
        states={K: stock(5, 0, 5)},
        outcomes=["applied", "applied", "applied", "applied"],
    ),
    Case(
        # 40 and 41 of one second, in a file and as a document, in either order of arrival and in one burst.
        "a row and a document that state a level of one time otherwise are a conflict",
        (10, 11),
        [
            [Sent(level(40, "07:00"), row_id="z:2"), level(41, "07:00")],
            [Sent(level(42, "07:00"), row_id="a:2"), Sent(level(40, "07:00"), row_id="b:2")],
            [level(7, "07:00", sku="S2"), Sent(level(8, "07:00", sku="S2"), row_id="c:2")],
            [Sent(level(43, "07:01"), row_id="d:2")],
        ],
        states={K: stock(43, 0, 43), ("W1", "S2"): stock(7, 0, 7)},
        outcomes=[
            "applied",
            "conflicting_duplicate",
            "conflicting_duplicate",
            "superseded",
            "applied",
            "conflicting_duplicate",
            "applied",
        ],
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
