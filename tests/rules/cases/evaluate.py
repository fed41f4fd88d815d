"""When an alert opens, holds, worsens, improves and resolves (RULES 23-27)."""

from tests.rules.case import (
    OPENED_LOW,
    RULE_50_50,
    RULE_50_100,
    Case,
    Committed,
    K,
    Sweep,
    command,
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
    Case(
        # -5 on a key that no level has stated; the 24 hours are not over.
        "an unstated key is flagged and not judged",
        (24,),
        [[RULE_50_50, txn("T1", "ORDER", -5, "07:01")], [txn("T2", "ORDER", -1, "23:00")]],
        states={K: {**stock(-6, 0, -6), "is_unstated": True, "is_negative": True}},
        alerts=[],
    ),
    Case(
        # The order overtook the opening 100: 95 are stated, and nobody is told of a -5.
        "an opening stock within the grace was never missing",
        (24, 25),
        [[RULE_50_50], [txn("T1", "ORDER", -5, "07:01")], [level(100, "07:00")]],
        states={K: {**stock(95, 0, 95), "is_unstated": False}},
        alerts=[],
    ),
    Case(
        # 100 - 60 = 40 < 50, judged with the level, which comes behind the order: at 07:01, late.
        "a level judges its key at once",
        (24, 25),
        [[RULE_50_50], [txn("T1", "ORDER", -60, "07:01")], [level(100, "07:00")]],
        transitions={K: ["LOW_STOCK opened breach 07:01 late", "LOW_STOCK notified breach 07:01 late"]},
    ),
    Case(
        # 07:01 and 24 hours. The order of 09:00 finds it, with the -5 of before it.
        # sha256 of ["W1","S1","STOCKOUT","transaction:W1:T1:COMPLETED"]
        "the grace's end judges, by whichever event finds it",
        (24, 25, 29),
        [[txn("T1", "ORDER", -5, "07:01")], [txn("T2", "ORDER", -1, "2022-04-21T09:00:00Z")]],
        transitions={K: ["STOCKOUT opened breach 07:01", "STOCKOUT notified breach 07:01"]},
        alerts=[
            {
                "alert_id": "alt-20220420-W1-S1-STOCKOUT-4d6b8328",
                "opening_event_id": "transaction:W1:T1:COMPLETED",
                "first_breach_time": "2022-04-21T07:01:00.000000Z",
                "current_stock": -5,
                "is_late": False,
            }
        ],
        reading="who finds the end leaves no trace: what opens is the key's last event before it, its stock and id",
    ),
    Case(
        # The sweep of 07:00:59 on the next day is too early; that of 09:00 finds it, at 07:01.
        "the grace's end judges, by the sweep",
        (24, 28),
        [
            [txn("T1", "ORDER", -5, "07:01")],
            Sweep("2022-04-21T07:00:59+00:00"),
            Sweep("2022-04-21T09:00:00+00:00"),
            Sweep("2022-04-21T09:30:00+00:00"),
        ],
        transitions={K: ["STOCKOUT opened breach 07:01", "STOCKOUT notified breach 07:01"]},
        alerts=[
            {"opening_event_id": "transaction:W1:T1:COMPLETED", "first_breach_time": "2022-04-21T07:01:00.000000Z"}
        ],
    ),
    Case(
        "the grace's end is outside: a sweep at it judges",
        (24, 28),
        [[txn("T1", "ORDER", -5, "07:01")], Sweep("2022-04-21T07:01:00+00:00")],
        transitions={K: ["STOCKOUT opened breach 07:01", "STOCKOUT notified breach 07:01"]},
    ),
    Case(
        "the sweep before the grace's end judges nothing",
        (24, 28),
        [[txn("T1", "ORDER", -5, "07:01")], Sweep("2022-04-21T07:00:59+00:00")],
        alerts=[],
    ),
    Case(
        # By the clock it is days later; at W1 it is 09:00 of the next day, by S2's level.
        "the grace is of the warehouse's own time",
        (24, 28),
        [
            Committed("2022-04-27T00:00:00+00:00", [txn("T1", "ORDER", -5, "07:01")]),
            Sweep("2022-04-27T00:00:00+00:00"),
            Committed("2022-04-27T00:00:00+00:00", [txn("T2", "ORDER", -5, "07:02", sku="S3")]),
            Committed("2022-04-27T00:00:00+00:00", [level(9, "2022-04-21T07:01:30Z", sku="S2")]),
            Sweep("2022-04-27T00:00:00+00:00"),
        ],
        transitions={
            K: ["STOCKOUT opened breach 07:01", "STOCKOUT notified breach 07:01"],
            ("W1", "S3"): [],
        },
    ),
    Case(
        "a grace of zero judges at once",
        (24,),
        [[txn("T1", "ORDER", -5, "07:01")]],
        transitions={K: ["STOCKOUT opened breach 07:01", "STOCKOUT notified breach 07:01"]},
        grace_minutes=0,
    ),
    Case(
        # The first to arrive is of 09:00. With the order of 07:00 the hour ended at 08:00, so that
        # order, which acts at the frontier of 09:00, is judged: -2.
        "the grace begins with the first event, whichever arrives first",
        (24, 25),
        [[txn("T1", "ORDER", -1, "09:00")], [txn("T2", "ORDER", -1, "07:00")]],
        transitions={K: ["STOCKOUT opened breach 09:00 late", "STOCKOUT notified breach 09:00 late"]},
        grace_minutes=60,
    ),
    Case(
        # 5 < 50 at 08:00, whether or not somebody looks; the level of 09:00 is 100: 1000 >= 550.
        "what the grace's end opened is resolved by the level that comes after it",
        (24, 25),
        [[RULE_50_50, txn("T1", "RESTOCK", 5, "07:00"), level(100, "09:00")]],
        transitions={
            K: [
                "LOW_STOCK opened breach 08:00",
                "LOW_STOCK notified breach 08:00",
                "LOW_STOCK resolved recovered 09:00",
            ]
        },
        grace_minutes=60,
    ),
    Case(
        # The mute of 07:30 finds nothing judged; its lifting of 08:30 finds the hour over, at 08:00,
        # when the key was muted, and judges its -5 itself.
        "a rule after the grace judges",
        (24, 25),
        [
            [txn("T1", "ORDER", -5, "07:00")],
            [rule("SKU", "S1", 50, 50, updated_at=moment("07:30"), alert_settings={"enabled": False})],
            [rule("SKU", "S1", 50, 50, updated_at=moment("08:30"))],
        ],
        transitions={K: ["STOCKOUT opened breach 08:30", "STOCKOUT notified breach 08:30"]},
        grace_minutes=60,
    ),
    Case(
        "a command before the grace's end judges nothing",
        (24, 36),
        [[txn("T1", "ORDER", -5, "07:00")], [command("re-evaluate", "07:59")]],
        alerts=[],
        grace_minutes=60,
    ),
    Case(
        "a command after the grace finds its end",
        (24, 36),
        [[txn("T1", "ORDER", -5, "07:00")], [command("re-evaluate", "08:30", warehouse_id="W1")]],
        transitions={K: ["STOCKOUT opened breach 08:00", "STOCKOUT notified breach 08:00"]},
        grace_minutes=60,
    ),
    Case(
        # W1 ships 7 that nobody has stated; W2 has them, and has stated nothing either.
        "both ends of a transfer may be unstated",
        (16, 24),
        [[txn("T1", "TRANSFER", 7, "07:00", to_warehouse_id="W2")]],
        states={
            K: {**stock(-7, 0, -7), "is_unstated": True},
            ("W2", "S1"): {**stock(7, 0, 7), "is_unstated": True},
        },
        alerts=[],
    ),
]
