"""What one message means by itself, or why it is refused (RULES 1-8, 10, 12, 22)."""

from tests.rules.case import (
    RULE_50_50,
    SECOND,
    TRANSACTIONS,
    UPDATES,
    Case,
    K,
    Sent,
    envelope,
    level,
    moment,
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
]
