"""When an alert opens, holds, worsens, improves and resolves (RULES 23-27)."""

from tests.rules.case import (
    OPENED_LOW,
    RULE_50_50,
    RULE_50_100,
    Case,
    K,
    level,
    moment,
    moves,
    rule,
    stock,
    txn,
)

CASES = [
    Case(
        # 8 a day, 7 days: 56 units. 56 / 8 = 7 is not < 7; 55 / 8 = 6.875 is. 55 >= min 50.
        "days of cover breach on their own",
        (23, 24),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7)],
            [level(56, "07:00")],
            [level(55, "07:01")],
        ],
        velocity={K: 8.0},
        alerts=[{"alert_type": "LOW_STOCK", "threshold": 7, "current_stock": 55}],
        transitions={K: OPENED_LOW},
        reading="threshold is the days where only the days breach",
    ),
    Case(
        # No velocity: 1 unit is under no threshold but the quantity's, which is null.
        "without velocity days set no condition",
        (23,),
        [[rule("SKU", "S1", None, None, min_threshold_days=7), level(1, "07:01")]],
        alerts=[],
    ),
    Case(
        # 100 is not < 100, 50 is not < 50 (but < 100), 0 is <= 0.
        "comparisons are strict",
        (24, 26),
        [
            [RULE_50_100, level(100, "07:00")],
            *moves(("07:01", 99), ("07:02", 50), ("07:03", 49), ("07:04", 1), ("07:05", 0)),
        ],
        transitions={
            K: [
                "REORDER opened breach 07:01",
                "REORDER notified breach 07:01",
                "REORDER resolved escalated 07:03",
                "LOW_STOCK opened escalated 07:03",
                "LOW_STOCK notified escalated 07:03",
                "LOW_STOCK resolved escalated 07:05",
                "STOCKOUT opened escalated 07:05",
                "STOCKOUT notified escalated 07:05",
            ]
        },
        alerts=[
            {"alert_type": "REORDER", "priority": "MEDIUM", "threshold": 100, "state": "resolved"},
            {"alert_type": "LOW_STOCK", "priority": "HIGH", "threshold": 50},
            {"alert_type": "STOCKOUT", "priority": "CRITICAL", "threshold": 0, "state": "firing"},
        ],
        reading="resolved before opened; both say escalated",
    ),
    Case(
        # 60 on hand of which 15 reserved: 45 < 50.
        "conditions look at available",
        (24, 30),
        [[RULE_50_50, level(60, "07:01", reserved_stock=15)]],
        alerts=[
            {
                "alert_type": "LOW_STOCK",
                "current_stock": 60,
                "available_stock": 45,
                "reserved_stock": 15,
                "inbound_stock": 0,
                "threshold": 50,
                "timestamp": "2022-04-20T07:01:00.000000Z",
                "first_breach_time": "2022-04-20T07:01:00.000000Z",
                "notification_count": 1,
                "is_late": False,
            }
        ],
    ),
    Case(
        # 60 < 100, but the flag is up; 40 < 50 is not muted.
        "the restock flag mutes reorder only",
        (24,),
        [
            [RULE_50_100, level(60, "07:00", restock_in_progress=True)],
            [level(40, "07:01", restock_in_progress=True)],
        ],
        transitions={K: OPENED_LOW},
    ),
    Case(
        # REORDER at 60; a PENDING restock makes inbound 10 > 0: resolved.
        # Cancelled: inbound 0, 60 < 100 within the hour of 07:01: the same alert again.
        "inbound stock resolves reorder",
        (24, 26, 28),
        [
            [RULE_50_100, level(60, "07:01")],
            [txn("T1", "RESTOCK", 10, "07:02", status="PENDING")],
            [txn("T1", "RESTOCK", 10, "07:03", status="CANCELLED")],
        ],
        transitions={
            K: [
                "REORDER opened breach 07:01",
                "REORDER notified breach 07:01",
                "REORDER resolved restock 07:02",
                "REORDER reopened breach 07:03",
            ]
        },
        alerts=[{"alert_type": "REORDER", "state": "firing", "notification_count": 1}],
    ),
    Case(
        # 0 -> STOCKOUT; 20 > 0 and < 50 -> LOW_STOCK, unnotified, never notified before;
        # 80 clears it (800 >= 550) and is < 100 -> REORDER, unnotified; 110: 1100 >= 1100.
        "improvement opens the milder one unnotified",
        (26,),
        [
            [RULE_50_100, level(0, "07:00")],
            *moves(("07:01", 20), ("07:02", 80), ("07:03", 110)),
        ],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved improved 07:01",
                "LOW_STOCK opened improved 07:01",
                "LOW_STOCK resolved improved 07:02",
                "REORDER opened improved 07:02",
                "REORDER resolved recovered 07:03",
            ]
        },
        alerts=[
            {"alert_type": "STOCKOUT", "notification_count": 1},
            {"alert_type": "LOW_STOCK", "notification_count": 0},
            {"alert_type": "REORDER", "notification_count": 0, "resolved_reason": "recovered"},
        ],
        reading="both steps of a change of condition carry its reason; without a cooldown it is never told",
    ),
    Case(
        # A mute of 07:02 resolves; the unmute of 07:03 finds 45 < 50 inside the hour.
        "muting resolves and unmuting re-opens",
        (21, 26, 28),
        [
            [RULE_50_50, level(45, "07:01")],
            [
                rule(
                    "SKU",
                    "S1",
                    50,
                    50,
                    updated_at=moment("07:02"),
                    alert_settings={"enabled": False},
                )
            ],
            [rule("SKU", "S1", 50, 50, updated_at=moment("07:03"))],
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved muted 07:02",
                "LOW_STOCK reopened breach 07:03",
            ]
        },
    ),
    Case(
        # min 50: 10 x 54 = 540 < 550 holds; 10 x 55 = 550 >= 550 resolves.
        "hysteresis holds to eleven tenths",
        (27,),
        [[RULE_50_50, level(49, "07:01")], *moves(("07:02", 54)), *moves(("07:03", 55))],
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
    ),
    Case(
        # 55 clears min 50 (550 >= 550) but the days breached: 8 x 7 = 56; 1.1 x 56 = 61.6.
        # 61: 610 < 616 holds; 62: 620 >= 616 resolves.
        "days that breached must clear too",
        (23, 27),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7)],
            *moves(("07:01", 45), ("07:02", 61), ("07:03", 62)),
        ],
        velocity={K: 8.0},
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
        alerts=[{"threshold": 50}],
    ),
    Case(
        # At 52 the alert holds under min 50 (520 < 550). The new min 40: 520 >= 440.
        "the rule in force now decides the clearing",
        (27,),
        [
            [RULE_50_50, level(49, "07:01")],
            [level(52, "07:02")],
            [rule("SKU", "S1", 40, 40, updated_at=moment("07:30"))],
        ],
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:30"]},
    ),
    Case(
        # STOCKOUT has no band: 1 > 0 resolves it. Min 0: nothing milder.
        "stockout resolves above zero",
        (24, 27),
        [[level(0, "07:00")], [level(1, "07:01")]],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved recovered 07:01",
            ]
        },
        # sha256 of ["W1","S1","STOCKOUT","level:W1:S1:2022-04-20T07%3A00%3A00.000000Z"]
        alerts=[{"alert_id": "alt-20220420-W1-S1-STOCKOUT-da33489a"}],
    ),
    Case(
        # After 54 (540 < 550, held) a PENDING order of 5: 49. Still one alert, no transition.
        "a pending order lowers available",
        (15, 24, 27),
        [
            [RULE_50_50, level(49, "07:01", reserved_stock=0)],
            [level(54, "07:02", reserved_stock=0)],
            [txn("T1", "ORDER", -5, "07:03", status="PENDING")],
        ],
        states={K: stock(54, 5, 49)},
        transitions={K: OPENED_LOW},
    ),
    Case(
        # LOW_STOCK holds at 52 of min 50 (520 < 550) although 52 < 100 is REORDER too.
        "the worse condition holds over the milder",
        (26, 27),
        [[RULE_50_100, level(49, "07:01")], [level(52, "07:02")]],
        transitions={K: OPENED_LOW},
    ),
    Case(
        # 18 units in 28 days: 42 days are 27 units exactly, so 27 is no breach (floats say
        # 27.000000000000004) and 26 is. 1.1 x 27 = 29.7: 29 holds, 30 resolves.
        "days of cover are exact",
        (23, 24, 27),
        [
            [rule("SKU", "S1", None, None, min_threshold_days=42)],
            *moves(("07:00", 27), ("07:01", 26), ("07:02", 29), ("07:03", 30)),
        ],
        velocity={K: 18 / 28},
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
    ),
    Case(
        # 10 a day, 7 days: 70 units; 1.1 x 70 = 77. 76: 760 < 770 holds; 77: 770 >= 770 resolves.
        "days clear at eleven tenths exactly",
        (23, 27),
        [
            [rule("SKU", "S1", None, None, min_threshold_days=7)],
            *moves(("07:01", 69), ("07:02", 76), ("07:03", 77)),
        ],
        velocity={K: 10.0},
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved recovered 07:03"]},
    ),
]
