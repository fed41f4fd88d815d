"""What one message means by itself, or why it is refused (RULES 1-8, 10, 12, 22)."""

from tests.rules.case import (
    RULE_50_50,
    SECOND,
    TRANSACTIONS,
    UPDATES,
    Case,
    K,
    Sent,
    command,
    envelope,
    level,
    moment,
    said_by,
    stock,
    txn,
    without,
)

CASES = [
    Case(
        # -5 +7 +2 -1 = 3; the four with the wrong sign or zero count for nothing.
        "signs follow the type",
        (8, 15),
        [
            [
                txn("T1", "ORDER", -5, "07:01"),
                txn("T2", "RESTOCK", 7, "07:02"),
                txn("T3", "RETURN", 2, "07:03"),
                txn("T4", "ADJUSTMENT", -1, "07:04"),
                txn("T5", "ORDER", 5, "07:05"),
                txn("T6", "RESTOCK", -5, "07:06"),
                txn("T7", "ADJUSTMENT", 0, "07:07"),
                txn("T8", "ORDER", 5, "07:08", status="CANCELLED"),
            ]
        ],
        states={K: stock(3, 0, 3)},
        outcomes=["applied"] * 4 + ["invalid_sign"] * 4,
    ),
    Case(
        "transfer reserve and release are positive",
        (8,),
        [
            [
                txn("T1", "TRANSFER", -1, "07:01", to_warehouse_id="W2"),
                txn("T2", "RESERVE", -1, "07:01"),
                txn("T3", "RELEASE", -1, "07:01"),
            ]
        ],
        outcomes=["invalid_sign"] * 3,
    ),
    Case(
        "an upstream DDL is filtered",
        (9,),
        [[Sent(envelope(None, operation="drop"), topic=UPDATES)]],
        outcomes=["filtered"],
        alerts=[],
    ),
    Case(
        "dead letters name their reason",
        (9,),
        [
            [
                Sent(level(1, "07:00"), topic=TRANSACTIONS),
                Sent(b"{"),
                Sent(b'{"a": 1}'),
                without(level(1, "07:00"), "last_updated"),
                level(1.5, "07:00"),
                level(True, "07:00"),
                level(10**12 + 1, "07:00"),
                level(1, "07:00", sku=" S1"),
                level(1, "07:00", sku=7),
                txn("T1", "THEFT", -1, "07:00"),
                txn("T1", "ORDER", -1, "07:00", status="completed"),
                level(1, "2009-12-31T23:59:59Z"),
                # published 2022-05-01T00:00Z, so 24 h ahead is the last moment allowed
                level(1, "2022-05-02T00:00:00.000001Z"),
                level(1, "2022-05-02T00:00:00Z"),
            ]
        ],
        outcomes=[
            "wrong_topic",
            "invalid_json",
            "unknown_kind",
            "missing_field",
            "invalid_value",
            "invalid_value",
            "invalid_value",
            "invalid_id",
            "invalid_id",
            "invalid_value",
            "invalid_value",
            "event_time_out_of_range",
            "event_time_out_of_range",
            "applied",
        ],
    ),
    Case(
        # The opening event's id carries the cluster time, its colons escaped by nothing (t.i).
        "a cluster time is part of a transaction id",
        (10,),
        [
            [
                envelope(txn("T:1", "ORDER", -5, "07:00"), SECOND, 1),
                envelope(txn("T:1", "ORDER", -5, "07:00"), SECOND, 2),
            ]
        ],
        states={K: stock(-5, 0, -5)},
        outcomes=["applied", "applied"],
        alerts=[{"opening_event_id": "transaction:W1:T%3A1:COMPLETED:1650438000.1"}],
        grace_minutes=0,
    ),
    Case(
        # Ordered 06:00, completed 08:00 (updated_at), level 07:00 between: 100 - 5.
        "updated_at places a version, not timestamp",
        (12, 14),
        [
            [
                level(100, "07:00"),
                txn("T1", "ORDER", -5, "06:00", updated_at=moment("08:00")),
                txn("T2", "ORDER", -3, "06:00", status_changed_at=moment("08:00")),
            ]
        ],
        states={K: stock(92, 0, 92)},
        outcomes=["applied", "applied", "applied"],
    ),
    Case(
        "a transfer names its receiver",
        (16,),
        [[txn("T1", "TRANSFER", 7, "07:02")]],
        outcomes=["missing_field"],
    ),
    Case(
        # 60 > 50: the pair is ignored, system default 0/0; the stock of 10 still counts.
        "an invalid embedded pair is ignored",
        (22,),
        [[level(10, "07:00", min_threshold=60, reorder_threshold=50)]],
        states={K: stock(10, 0, 10)},
        outcomes=["applied"],
        resolved={K: {"level_type": "SYSTEM", "min_threshold_qty": 0}},
        alerts=[],
    ),
    Case(
        # A pause is no stock; R0 documents of one kind on another's topic are refused.
        "control is applied on its own topic",
        (9,),
        [
            [
                {"command": "pause", "reason": "r", "issued_by": "me"},
                Sent(RULE_50_50, topic=TRANSACTIONS),
                Sent(txn("T1", "ORDER", -1, "07:00"), topic=UPDATES),
            ]
        ],
        outcomes=["applied", "wrong_topic", "wrong_topic"],
    ),
    Case(
        "a transfer has two ends",
        (16,),
        [[txn("T1", "TRANSFER", 7, "07:02", to_warehouse_id="W1")]],
        outcomes=["invalid_value"],
        reading="a TRANSFER to its own sender is refused",
    ),
    Case(
        # A restock of 5 that also names a stock of 99 states no level: 5.
        "the first field in the order of the kinds decides",
        (15,),
        [[txn("T1", "RESTOCK", 5, "07:01", current_stock=99, last_updated=moment("07:01"))]],
        states={K: stock(5, 0, 5)},
    ),
    Case(
        "the configured start is itself in time",
        (9,),
        [[level(1, "2010-01-01T00:00:00Z")]],
        states={K: stock(1, 0, 1)},
        outcomes=["applied"],
    ),
    Case(
        # 5 in every spelling of MongoDB; each level one second later than the one before.
        "numbers are read as MongoDB writes them",
        (5,),
        [
            [
                level({"$numberInt": "5"}, "07:00:00", sku="A"),
                level({"$numberLong": "5"}, "07:00:00", sku="B"),
                level({"$numberDouble": "5.0"}, "07:00:00", sku="C"),
                level({"$numberDecimal": "5"}, "07:00:00", sku="D"),
                level({"$numberDecimal": "5.00"}, "07:00:00", sku="E"),
                level({"$numberDecimal": "5E+0"}, "07:00:00", sku="F"),
                txn("T1", "RESTOCK", {"$numberDecimal": "5"}, "07:00", sku="G"),
            ]
        ],
        states={("W1", sku): stock(5, 0, 5) for sku in "ABCDEFG"},
        outcomes=["applied"] * 7,
    ),
    Case(
        "a required number that is no integer is a dead letter",
        (5,),
        [
            [
                level(value, "07:00")
                for value in (
                    {"$numberDecimal": "5.5"},
                    {"$numberDecimal": "NaN"},
                    {"$numberDecimal": "Infinity"},
                    {"$numberDecimal": "1E+13"},
                    {"$numberDouble": "0.1"},
                    {"$numberDouble": "-Infinity"},
                    {"$numberLong": "5.0"},
                    {"$numberLong": "1000000000001"},
                    "5.0",
                    "+5",
                    "1_0",
                    "\u0661\u0662",
                    "",
                    " 5",
                    [5],
                    False,
                )
            ]
        ],
        outcomes=["invalid_value"] * 16,
    ),
    Case(
        # The level of 07:01 says nothing readable of what is reserved, so 07:00's 3 stands: 20 - 3.
        "an optional number that does not fit is null",
        (5, 14),
        [
            [
                level(10, "07:00", reserved_stock=3),
                level(20, "07:01", reserved_stock=2.5),
                level(10, "07:00", sku="S2", reserved_stock=3),
                level(20, "07:01", sku="S2", reserved_stock={"$numberDecimal": "4"}),
                level(10, "07:00", sku="S3", reserved_stock=3),
                level(20, "07:01", sku="S3", reserved_stock=True),
                level(10, "07:00", sku="S4", reserved_stock=3),
                level(20, "07:01", sku="S4", reserved_stock=10**12 + 1),
            ]
        ],
        states={
            K: stock(20, 3, 17),
            ("W1", "S2"): stock(20, 4, 16),
            ("W1", "S3"): stock(20, 3, 17),
            ("W1", "S4"): stock(20, 3, 17),
        },
        outcomes=["applied"] * 8,
    ),
    Case(
        # A negative epoch is refused, with a cluster time and without; null is 0.
        "a source epoch is 0 or more",
        (5, 12),
        [
            [
                envelope(level(1, "07:00"), source_epoch=-1),
                {"source_epoch": -1, "document": level(1, "07:00")},
                envelope(level(1, "07:00"), source_epoch=1.5),
                envelope(level(1, "07:00"), source_epoch=None),
                envelope(level(2, "07:00"), i=2, source_epoch={"$numberLong": "0"}),
            ]
        ],
        states={K: stock(2, 0, 2)},
        outcomes=["invalid_value", "invalid_value", "invalid_value", "applied", "applied"],
        reading="an envelope's epoch is no document's number: one that does not fit is refused, not null",
    ),
    Case(
        # Line and epoch stand in the ids as they stand in RULES 10: after the transaction, before the second.
        "line and epoch are part of an id",
        (10, 29),
        [
            [said_by("A", 0, level(9, "07:00"), source_epoch=2)],
            [said_by("A", 1, txn("T1", "ORDER", -9, "07:00", line_id="L:1"), source_epoch=2)],
        ],
        default_min=10,
        alerts=[
            {"alert_type": "LOW_STOCK", "opening_event_id": "level:W1:S1:2.1650438000.1"},
            {"alert_type": "STOCKOUT", "opening_event_id": "transaction:W1:T1:L%3A1:COMPLETED:2.1650438001.1"},
        ],
        reading="spelled `line` after the transaction and `epoch.second.increment`",
    ),
    Case(
        # Each is refused for one thing; the last three are taken, of which two carry no time.
        "a command says what, why and in whose name",
        (36,),
        [
            [
                command("snapshot", "07:00"),
                command("stop", "07:00"),
                command("pause", "07:00", reason=None),
                without(command("pause", "07:00"), "issued_by"),
                command("pause", "soon"),
                command("pause", "07:00", warehouse_id=""),
                command("pause", "07:00"),
                command("resume"),
                command("re-evaluate", sku="S1"),
            ]
        ],
        outcomes=[
            "invalid_command",
            "invalid_command",
            "missing_field",
            "missing_field",
            "invalid_value",
            "invalid_id",
            "applied",
            "applied",
            "applied",
        ],
    ),
]
