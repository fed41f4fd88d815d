"""What events make of one key's stock (RULES 12-18)."""

from itertools import permutations

from tests.rules.case import (
    R0_KEY,
    R0_LEVEL,
    R0_ORDER,
    RULE_50_50,
    SECOND,
    Case,
    K,
    envelope,
    level,
    said_by,
    stock,
    txn,
)

GONE = {"operation": "delete", "document_key": {"warehouse_id": "W1", "sku": "S1"}}
# By whole positions A's first is the greatest; by instants A's second; by pairs there is none.
# A's greatest is its first (epoch 1); of that (second 5) and B's (second 7), B's.
LEVELS = {
    "A1": said_by("A", 5, level(10, "07:00"), source_epoch=1),
    "A0": said_by("A", 10, level(20, "07:00")),
    "B": said_by("B", 7, level(30, "07:00")),
}
# Two levels of one position, 07:00: of the ids the second is the greater, as 06:30 follows 06:00.
TIED = {
    "06:00": level(10, "06:00", reserved_stock=0, updated_at="2022-04-20T07:00:00Z"),
    "06:30": level(20, "06:30", updated_at="2022-04-20T07:00:00Z"),
}
# The same of an order's COMPLETED versions: B's 3 count.
VERSIONS = {
    "A1": said_by("A", 5, txn("T1", "ORDER", -1, "07:00"), source_epoch=1),
    "A0": said_by("A", 10, txn("T1", "ORDER", -2, "07:00")),
    "B": said_by("B", 7, txn("T1", "ORDER", -3, "07:00")),
}

CASES = [
    *(
        Case(
            f"the greatest level is each source's first: {' '.join(order)}",
            (12, 14, 18),
            [[LEVELS[name]] for name in order],
            states={K: stock(30, 0, 30)},
        )
        for order in permutations(LEVELS)
    ),
    *(
        Case(
            # 100 - 3, as the bare level of 06:00 contains none of them.
            f"the latest version is each source's first: {' '.join(order)}",
            (12, 13, 18),
            [[level(100, "06:00")], *([VERSIONS[name]] for name in order)],
            states={K: stock(97, 0, 97)},
        )
        for order in permutations(VERSIONS)
    ),
    *(
        Case(
            f"of levels at one position the event id decides: {' '.join(order)} {' '.join(names)}",
            (12, 18),
            [[{"connector_id": name, "document": TIED[time]}] for time, name in zip(order, names, strict=True)],
            states={K: stock(20, 0, 20)},
        )
        for order in permutations(TIED)
        for names in (("A", "A"), ("A", "B"), ("B", "A"))
    ),
    Case(
        # One database, one second, increment 0: what it copied tells no cluster time. 100 - 5; 100 - 5.
        "an equal position of one source without both cluster times contains nothing",
        (12, 14),
        [
            [
                envelope(level(100, "07:00"), SECOND, 0),
                {"source": "mongo", "document": txn("T1", "ORDER", -5, "07:00")},
                {"source": "mongo", "document": level(100, "07:00", sku="S2")},
                envelope(txn("T2", "ORDER", -5, "07:00", sku="S2"), SECOND, 0),
            ]
        ],
        states={K: stock(95, 0, 95), ("W1", "S2"): stock(95, 0, 95)},
    ),
    Case(
        # A has lost history, so its epoch is 9; B's level at second 10 knows what A said at 5,
        # and not what it said at 15: 100 - 2. By whole positions it would know neither.
        "between sources the instant decides what a level contains",
        (12, 14),
        [
            [
                said_by("A", 5, txn("T1", "ORDER", -1, "07:00"), source_epoch=9),
                said_by("A", 15, txn("T2", "ORDER", -2, "07:00"), source_epoch=9),
                said_by("B", 10, level(100, "07:00")),
            ]
        ],
        states={K: stock(98, 0, 98)},
        outcomes=["applied"] * 3,
    ),
    Case(
        # The same second. B's increment 2 says nothing of A's 1; nor are equal increments equal
        # places; nor the bare level of that second. 100 - 1, 100 - 2, 100 - 4.
        "at equal instants of two sources neither contains the other",
        (12, 14),
        [
            [
                said_by("A", 0, txn("T1", "ORDER", -1, "07:00"), i=1),
                said_by("B", 0, level(100, "07:00"), i=2),
                said_by("A", 0, txn("T2", "ORDER", -2, "07:00", sku="S2"), i=1),
                said_by("B", 0, level(100, "07:00", sku="S2"), i=1),
                said_by("A", 0, txn("T3", "ORDER", -4, "07:00", sku="S3"), i=1),
                level(100, "07:00", sku="S3"),
            ]
        ],
        states={K: stock(99, 0, 99), ("W1", "S2"): stock(98, 0, 98), ("W1", "S3"): stock(96, 0, 96)},
    ),
    Case(
        # The sender's database is of epoch 9, the receiver's of 0. Shipped at 5, booked in at 20,
        # level of the receiver at 30: it has the 7. Before: 10 and 7 inbound.
        "a transfer between two databases counts once",
        (12, 14, 16),
        [
            [
                said_by("A", 1, level(100, "07:00"), source_epoch=9),
                said_by("B", 2, level(10, "07:00", warehouse_id="W2")),
                said_by("A", 20, txn("T1", "TRANSFER", 7, "07:00", to_warehouse_id="W2"), source_epoch=9),
                said_by("B", 30, level(17, "07:00", warehouse_id="W2")),
            ],
        ],
        states={K: stock(93, 0, 93), ("W2", "S1"): stock(17, 0, 17)},
    ),
    Case(
        # A final status beats the other source's later PENDING: 100 - 5, nothing reserved.
        "a final status beats another source's later pending",
        (12, 13),
        [
            [
                level(100, "06:00", reserved_stock=0),
                said_by("A", 5, txn("T1", "ORDER", -5, "07:00"), source_epoch=1),
                said_by("B", 10, txn("T1", "ORDER", -5, "07:00", status="PENDING")),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # Both at second 5, increment 1, of two sources: on a tie CANCELLED. 100.
        "cancelled wins a tie of two sources",
        (12, 13),
        [
            [
                level(100, "06:00"),
                said_by("A", 5, txn("T1", "ORDER", -5, "07:00", status="CANCELLED"), source_epoch=1),
                said_by("B", 5, txn("T1", "ORDER", -5, "07:00")),
            ]
        ],
        states={K: stock(100, 0, 100)},
    ),
    Case(
        # A's new epoch moves its own greatest to second 5, so B's 30 of second 7 is S*, though B said
        # nothing new. What brings that about is no superseded level.
        "a level that leaves the greatest to another source has an effect",
        (9, 12, 14),
        [[LEVELS["A0"]], [LEVELS["B"]], [LEVELS["A1"]]],
        states={K: stock(30, 0, 30)},
        outcomes=["applied", "superseded", "applied"],
        reading="superseded is what changes no greatest level",
    ),
    Case(
        # A is connector "c" in both, so epoch 1 outranks second 9. W2's two have no connector, and
        # name two databases: the later instant. W3's have neither name, nor has the bare level.
        "a source is the connector, else the source, else the empty name",
        (12,),
        [
            [
                said_by("c", 5, level(1, "07:00"), source="x", source_epoch=1),
                said_by("c", 9, level(2, "07:00"), source="y"),
                envelope(level(3, "07:00", warehouse_id="W2"), SECOND + 5, 1, source="x", source_epoch=1),
                envelope(level(4, "07:00", warehouse_id="W2"), SECOND + 9, 1, source="y", connector_id=None),
                envelope(level(5, "07:00", warehouse_id="W3"), SECOND + 5, 1, source=None, source_epoch=1),
                level(6, "07:00:09", warehouse_id="W3"),
            ]
        ],
        states={K: {"on_hand": 1}, ("W2", "S1"): {"on_hand": 4}, ("W3", "S1"): {"on_hand": 5}},
    ),
    Case(
        # An envelope's epoch counts without a cluster time as well: 8 of epoch 1 against 9.
        "an epoch is part of the position whatever the instant is",
        (12,),
        [
            [
                {"source": "files", "source_epoch": 1, "document": level(8, "07:00")},
                {"source": "files", "document": level(9, "08:00")},
                {"source": "files", "source_epoch": None, "document": level(7, "09:00")},
            ]
        ],
        states={K: {"on_hand": 8}},
        outcomes=["applied", "superseded", "superseded"],
        reading="RULES 12 asks for the epoch, not for a cluster time beside it",
    ),
    Case(
        # W1: deleted by A (epoch 9) at 5, B's level at 7 is later: active. W2: A's level at 5, B's
        # deletion at 7: gone. W3: at one second, so the level is not later: gone.
        "a deletion and a level of two sources compare by the instant",
        (12, 17),
        [
            [
                said_by("A", 5, None, source_epoch=9, **GONE),
                said_by("B", 7, level(8, "07:00")),
                said_by("A", 5, level(8, "07:00", warehouse_id="W2"), source_epoch=9),
                said_by("B", 7, level(8, "07:00", warehouse_id="W2"), operation="delete"),
                said_by("A", 5, None, operation="delete", document_key={"warehouse_id": "W3", "sku": "S1"}, i=1),
                said_by("B", 5, level(8, "07:00", warehouse_id="W3"), i=9),
            ]
        ],
        states={
            K: {"on_hand": 8, "is_active": True},
            ("W2", "S1"): {"is_active": False},
            ("W3", "S1"): {"is_active": False},
        },
        outcomes=["applied"] * 6,
    ),
    Case(
        # A and B both say at 07:00 that it is gone; neither is later, so neither is outdated. A's of
        # 06:59 is, by A's own of 07:00.
        "at equal instants of two sources no deletion outdates the other",
        (9, 12, 17),
        [
            [
                said_by("A", 0, None, **GONE),
                said_by("B", 0, None, **(GONE | {"i": 2})),
                said_by("A", -60, None, **GONE),
            ],
        ],
        states={K: {"is_active": False}},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # S* is B's 30 (see above). A's deletion of second 6, epoch 0, is before B's second 7: active.
        # One of A's of second 8 is not, though A's own level of epoch 1 outranks it.
        "a deletion is judged against the greatest level",
        (12, 17),
        [
            [*LEVELS.values(), said_by("A", 6, None, **GONE)],
            [
                said_by("A", 5, level(10, "07:00", sku="S2"), source_epoch=1),
                said_by("B", 7, level(30, "07:00", sku="S2")),
                said_by("A", 8, level(0, "07:00", sku="S2"), operation="delete"),
            ],
        ],
        states={K: {"on_hand": 30, "is_active": True}, ("W1", "S2"): {"on_hand": 30, "is_active": False}},
        outcomes=["applied", "superseded", "applied", "superseded", "applied", "applied", "applied"],
        reading="by pairs: the tombstone and S*",
    ),
    Case(
        # A PENDING after its COMPLETED: nothing. on_hand 100 - 5 = 95.
        "a pending after its completion is superseded",
        (9, 13),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # R0: 156 - 1 = 155; 155 - 12 = 143. Both bare, same second: not contained.
        "the R0 sample",
        (12, 14),
        [[R0_ORDER, R0_LEVEL]],
        states={R0_KEY: stock(155, 12, 143)},
        outcomes=["applied", "applied"],
        alerts=[],
    ),
    Case(
        # Both with the cluster time (t, 1): equal, so contained: 156, not 155.
        "an equal cluster time is contained",
        (12,),
        [[envelope(R0_ORDER, SECOND, 1), envelope(R0_LEVEL, SECOND, 1)]],
        states={R0_KEY: stock(156, 12, 144)},
    ),
    Case(
        # (t, 1) before (t, 2): contained. Then (t, 3): not. 156 - 4 = 152.
        "the increment orders within a second",
        (12,),
        [
            [
                envelope({**R0_ORDER, "transaction_id": "A", "quantity": -9}, SECOND, 1),
                envelope(R0_LEVEL, SECOND, 2),
                envelope({**R0_ORDER, "transaction_id": "B", "quantity": -4}, SECOND, 3),
            ]
        ],
        states={R0_KEY: stock(152, 12, 140)},
    ),
    Case(
        # Epoch 1 is later than epoch 0 whatever the second: the level of 40 contains the order.
        "a new source epoch is later",
        (12,),
        [
            [
                envelope(txn("T1", "ORDER", -5, "07:00"), SECOND, 1),
                envelope(level(40, "06:00"), SECOND - 3600, 1, source_epoch=1),
            ]
        ],
        states={K: stock(40, 0, 40)},
    ),
    Case(
        # Between finals the later: CANCELLED at 07:03 undoes COMPLETED at 07:02.
        "between finals the later position counts",
        (13,),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:03", status="CANCELLED"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T2", "ORDER", -6, "07:03"),
                txn("T2", "ORDER", -6, "07:02", status="CANCELLED"),
            ]
        ],
        states={K: stock(94, 0, 94)},
        outcomes=["applied", "applied", "superseded", "applied", "superseded"],
    ),
    Case(
        # Same position: CANCELLED. 100.
        "cancelled wins a tie",
        (13,),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:02", status="CANCELLED"),
            ]
        ],
        states={K: stock(100, 0, 100)},
    ),
    Case(
        # A PENDING stamped after the COMPLETED does not undo it: 95, reserved 0.
        "a final status beats a later pending",
        (13,),
        [
            [
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:02"),
                txn("T1", "ORDER", -5, "07:09", status="PENDING"),
            ]
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # Level 07:02 saw the PENDING (reserved 5 is in its 5). COMPLETED after it:
        # reserved 5 + 0 - 5 = 0; on_hand 100 - 5 - 0 = 95.
        "pending inside the level, completed after it",
        (14, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03"),
            ]
        ],
        states={K: stock(95, 0, 95)},
    ),
    Case(
        # The same set; the PENDING arrives last, and is what the level's 5 consists of.
        # Before it: reserved 5 + 0 - 0 = 5. After: 5 + 0 - 5 = 0. So it has an effect.
        "a late pending between levels still counts",
        (9, 14, 18),
        [
            [
                level(105, "07:00", reserved_stock=0),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03"),
            ],
            [txn("T1", "ORDER", -5, "07:01", status="PENDING")],
        ],
        states={K: stock(95, 0, 95)},
        outcomes=["applied"] * 4,
    ),
    Case(
        # CANCELLED after a level with reserved 5: 5 + 0 - 5 = 0; on_hand 100.
        "cancelling a pending inside the level frees it",
        (14, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                level(100, "07:02", reserved_stock=5),
                txn("T1", "ORDER", -5, "07:03", status="CANCELLED"),
            ]
        ],
        states={K: stock(100, 0, 100)},
    ),
    Case(
        # PENDING 5, COMPLETED 3: 20 - 3 = 17; the reservation of 5 goes whole.
        # PENDING RESTOCK 10 with no completion: inbound 10.
        "each version has its own quantity",
        (15,),
        [
            [
                level(20, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:01", status="PENDING"),
                txn("T1", "ORDER", -3, "07:02"),
                txn("T2", "RESTOCK", 10, "07:03", status="PENDING"),
            ]
        ],
        states={K: stock(17, 0, 17, 10)},
    ),
    Case(
        # on_hand from 07:05 (80), reserved from 07:00 (12) because 07:05 carries none.
        # The PENDING at 07:02 is after the level that carries reserved: 12 + 4 = 16. 80 - 16.
        "each bucket has its own level",
        (14,),
        [
            [
                level(100, "07:00", reserved_stock=12),
                txn("T1", "ORDER", -4, "07:02", status="PENDING"),
                level(80, "07:05"),
            ]
        ],
        states={K: stock(80, 16, 64)},
    ),
    Case(
        # The late level of 06:00 is S* of reserved alone: 3. Not superseded.
        "an older level counts where it alone carries reserved",
        (9, 14),
        [[level(80, "07:00"), level(100, "06:00", reserved_stock=3)]],
        states={K: stock(80, 3, 77)},
        outcomes=["applied", "applied"],
    ),
    Case(
        # Available is 50 - 5 = 45, not the 50 that the document says.
        "available is derived",
        (14,),
        [[level(50, "07:00", reserved_stock=5, available_stock=50)]],
        states={K: stock(50, 5, 45)},
    ),
    Case(
        # W1: 100, reserved 7 -> 93. W2: 10.
        "a pending transfer reserves at the sender",
        (16,),
        [
            [level(100, "07:00", reserved_stock=0), level(10, "07:00", warehouse_id="W2")],
            [txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
        ],
        states={K: stock(100, 7, 93), ("W2", "S1"): stock(10, 0, 10)},
        reading="a TRANSFER names both keys",
    ),
    Case(
        # W1: 100 - 7 = 93, nothing reserved. W2: 10, inbound 7. 93 + 10 + 7 = 110.
        "a shipped transfer is inbound at the receiver",
        (13, 16),
        [
            [level(100, "07:00", reserved_stock=0), level(10, "07:00", warehouse_id="W2")],
            [
                txn("T1", "TRANSFER", 7, "07:02", status="SHIPPED", to_warehouse_id="W2"),
                txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2"),
            ],
        ],
        states={K: stock(93, 0, 93), ("W2", "S1"): stock(10, 0, 10, 7)},
        outcomes=["applied", "applied", "applied", "superseded"],
        reading="SHIPPED beats PENDING; the receiver's key exists from PENDING on",
    ),
    Case(
        # W1: 93. W2: 10 + 7 = 17, inbound 0. The sender's level of 07:03 (93) saw SHIPPED:
        # 93 + (-7) - (-7) = 93.
        "a completed transfer lands",
        (14, 16),
        [
            [level(100, "07:00"), level(10, "07:00", warehouse_id="W2")],
            [
                txn("T1", "TRANSFER", 7, "07:02", status="SHIPPED", to_warehouse_id="W2"),
                level(93, "07:03"),
                txn("T1", "TRANSFER", 7, "07:04", to_warehouse_id="W2"),
            ],
        ],
        states={K: stock(93, 0, 93), ("W2", "S1"): stock(17, 0, 17)},
    ),
    Case(
        # reserved 0 + 8 - 3 = 5; on_hand untouched; 20 - 5 = 15.
        "reserve and release move reserved",
        (16,),
        [
            [
                level(20, "07:00", reserved_stock=0),
                txn("T1", "RESERVE", 8, "07:01"),
                txn("T2", "RELEASE", 3, "07:02"),
            ]
        ],
        states={K: stock(20, 5, 15)},
        reading="RESERVE and RELEASE act when COMPLETED",
    ),
    Case(
        # 3 - 5 = -2.
        "negative stock is kept and flagged",
        (17,),
        [[level(3, "07:00"), txn("T1", "ORDER", -5, "07:01")]],
        states={K: {**stock(-2, 0, -2), "is_negative": True}},
    ),
    Case(
        # reserved 5 > on_hand 3; available -2.
        "over-reserved stock is kept and flagged",
        (17,),
        [[level(3, "07:00", reserved_stock=5)]],
        states={K: {**stock(3, 5, -2), "is_negative": False, "is_over_reserved": True}},
    ),
    Case(
        # The stock is not 0 but gone: no row in the rollups, alert resolved, on_hand kept.
        "a deleted document makes the key inactive",
        (17, 20, 26),
        [
            [RULE_50_50, level(100, "06:59"), level(49, "06:59:30")],
            [
                envelope(
                    None,
                    SECOND,
                    1,
                    operation="delete",
                    document_key={"warehouse_id": "W1", "sku": "S1"},
                )
            ],
        ],
        states={K: {"on_hand": 49, "is_active": False}},
        rollups={("W1", "SKU", "S1"): None, (None, "SKU", "S1"): None},
        outcomes=["applied"] * 4,
        transitions={
            K: [
                "LOW_STOCK opened breach 06:59",
                "LOW_STOCK notified breach 06:59",
                "LOW_STOCK resolved inactive 07:00",
            ]
        },
    ),
    Case(
        # Deleted at 07:00, back with 8 at 07:01; the tombstone arrives last, to no effect.
        "a level after a tombstone brings the key back",
        (9, 17),
        [
            [level(5, "06:00"), level(8, "07:01")],
            [envelope({"warehouse_id": "W1", "sku": "S1"}, SECOND, 1, operation="delete")],
        ],
        states={K: {"on_hand": 8, "is_active": True}},
        outcomes=["applied", "applied", "superseded"],
    ),
    Case(
        # The set of "pending inside the level", reversed and cut in three, with a repeat.
        "arrival order does not matter",
        (18,),
        [
            [txn("T1", "ORDER", -5, "07:03")],
            [level(100, "07:02", reserved_stock=5), txn("T1", "ORDER", -5, "07:03")],
            [txn("T1", "ORDER", -5, "07:01", status="PENDING")],
        ],
        states={K: stock(95, 0, 95)},
    ),
    Case(
        # 100 - 200 = -100 kept; the level of 07:05 (30) has seen it: 30.
        "a later level replaces negative stock",
        (14, 17),
        [[level(100, "07:00"), txn("T1", "ADJUSTMENT", -200, "07:01")], [level(30, "07:05")]],
        states={K: {**stock(30, 0, 30), "is_negative": False}},
    ),
    Case(
        # The order is COMPLETED at 07:01 on an unknown key: -5, a stockout of -5.
        "a completion whose pending was never seen moves only on_hand",
        (15, 24),
        [[txn("T1", "ORDER", -5, "07:01")]],
        states={K: {**stock(-5, 0, -5), "is_negative": True, "is_active": True, "is_unstated": True}},
        grace_minutes=0,
        # 2 x reorder (0) + 5 = 5
        alerts=[{"alert_type": "STOCKOUT", "threshold": 0, "suggested_quantity": 5}],
    ),
    Case(
        # W1's level of 07:05 has seen the PENDING; W2 knows nothing later.
        "a transfer is superseded only where both its keys say so",
        (9, 16),
        [
            [level(100, "07:05", reserved_stock=7)],
            [txn("T1", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
            [level(0, "07:05", warehouse_id="W2")],
            [txn("T2", "TRANSFER", 7, "07:01", status="PENDING", to_warehouse_id="W2")],
        ],
        states={K: stock(100, 7, 93)},
        outcomes=["applied", "applied", "applied", "superseded"],
        reading="each of a transfer's keys has its own history, and only the news steps",
    ),
    Case(
        # Both say 07:00:00, increment 0, but only one has it from the database: neither contains.
        # 100 - 5; 100 - 5.
        "an equal position without both cluster times contains nothing",
        (12, 14),
        [
            [
                envelope(level(100, "07:00"), SECOND, 0),
                txn("T1", "ORDER", -5, "07:00"),
                level(100, "07:00", sku="S2"),
                envelope(txn("T2", "ORDER", -5, "07:00", sku="S2"), SECOND, 0),
            ]
        ],
        states={K: stock(95, 0, 95), ("W1", "S2"): stock(95, 0, 95)},
    ),
    Case(
        # Deleted at the level's own position: "from its position on", whichever arrives first.
        "a tombstone at a level's own position counts",
        (17,),
        [
            [
                envelope(level(5, "07:00"), SECOND, 1),
                envelope(level(5, "07:00"), SECOND, 1, operation="delete"),
                envelope(level(5, "07:00", sku="S2"), SECOND, 1, operation="delete"),
                envelope(level(5, "07:00", sku="S2"), SECOND, 1),
            ]
        ],
        states={K: {"on_hand": 5, "is_active": False}, ("W1", "S2"): {"on_hand": 5, "is_active": False}},
    ),
]
