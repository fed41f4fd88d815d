"""Which points of a burst step a key's alerts, and in which order (RULES 25)."""

from tests.rules.case import OPENED_LOW, PARENTS, RULE_50_50, Case, K, level, rule, stock, txn

CASES = [
    Case(
        # 48 of 07:03 arrived first, so 49 and 60 are superseded: they are no points. In order,
        # in one burst, they are: opened 07:01, resolved 07:02 (600 >= 550), re-opened 07:03.
        "superseded events are no points",
        (25,),
        [[RULE_50_50], [level(48, "07:03"), level(49, "07:01"), level(60, "07:02")]],
        transitions={
            K: ["LOW_STOCK opened breach 07:03", "LOW_STOCK notified breach 07:03"],
        },
        outcomes=["applied", "applied", "superseded", "superseded"],
        reading="superseded events join the set in position order without a step",
    ),
    Case(
        # Orders arrive out of order inside one burst: 100 -45 = 55, -10 = 45 < 50 at 07:02,
        # then +60 = 105: 1050 >= 550.
        "applied events of a burst step in position order",
        (25, 27),
        [
            [RULE_50_50, level(100, "07:00")],
            [
                txn("T3", "RESTOCK", 60, "07:03"),
                txn("T2", "ORDER", -10, "07:02"),
                txn("T1", "ORDER", -45, "07:01"),
            ],
        ],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:02",
                "LOW_STOCK notified breach 07:02",
                "LOW_STOCK resolved recovered 07:03",
            ]
        },
        states={K: stock(105, 0, 105)},
    ),
    Case(
        # The frontier is 07:05 with 60. An order of 07:01 arrives: 60 - 20 = 40 today.
        # It acts at 07:05, late; the id carries its own event.
        "a late event acts at the frontier",
        (25, 29),
        [
            [RULE_50_50, level(100, "07:00")],
            [txn("T9", "ORDER", -40, "07:05")],
            [txn("T1", "ORDER", -20, "07:01")],
        ],
        states={K: stock(40, 0, 40)},
        transitions={K: ["LOW_STOCK opened breach 07:05 late", "LOW_STOCK notified breach 07:05 late"]},
        alerts=[
            {
                "is_late": True,
                "opening_event_id": "transaction:W1:T1:COMPLETED",
                "first_breach_time": "2022-04-20T07:05:00.000000Z",
                # sha256 of ["W1","S1","LOW_STOCK","transaction:W1:T1:COMPLETED"]
                "alert_id": "alt-20220420-W1-S1-LOW_STOCK-d24e5c7b",
            }
        ],
        reading="times are the frontier's, the date in the id the event's own",
    ),
    Case(
        # In order and in one burst every level is a point: 49 opens, 60 clears (600 >= 550),
        # 48 re-opens inside the hour.
        "a burst is evaluated point by point",
        (25, 27, 28),
        [[RULE_50_50, level(49, "07:01"), level(60, "07:02"), level(48, "07:03")]],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:02",
                "LOW_STOCK reopened breach 07:03",
            ]
        },
    ),
    Case(
        # Frontier 07:05 with 45; a return of 07:01 brings 20: 65, 650 >= 550.
        "a late event may resolve",
        (25,),
        [
            [RULE_50_50, level(100, "07:00"), txn("T1", "ORDER", -55, "07:05")],
            [txn("T2", "RETURN", 20, "07:01")],
        ],
        states={K: stock(65, 0, 65)},
        transitions={
            K: [
                "LOW_STOCK opened breach 07:05",
                "LOW_STOCK notified breach 07:05",
                "LOW_STOCK resolved recovered 07:05 late",
            ]
        },
        alerts=[{"is_late": False}],
    ),
    Case(
        # W1 has 20 under category C (min 1). W2's level moves S1 to C2, where 20 < 50.
        "another warehouse's level re-evaluates the key at once",
        (19, 21, 25),
        [
            [rule("CATEGORY", "C", 1, 2), rule("CATEGORY", "C2", 50, 60)],
            [level(20, "07:00", **PARENTS)],
            [level(70, "07:05", warehouse_id="W2", category_id="C2")],
        ],
        transitions={K: ["LOW_STOCK opened breach 07:05", "LOW_STOCK notified breach 07:05"]},
        alerts=[{"opening_event_id": "level:W2:S1:2022-04-20T07%3A05%3A00.000000Z"}],
        reading="a level that moves its SKU steps the other warehouses' keys at once, as their cause",
    ),
    Case(
        # T1's PENDING of 07:05 arrived before its COMPLETED of 07:02, so it is applied and is the
        # frontier: T2 of 07:03 is late. 100 - 5 - 60 = 35.
        "the frontier is the greatest applied event",
        (9, 25),
        [
            [
                RULE_50_50,
                level(100, "07:00", reserved_stock=0),
                txn("T1", "ORDER", -5, "07:05", status="PENDING"),
                txn("T1", "ORDER", -5, "07:02"),
            ],
            [txn("T2", "ORDER", -60, "07:03")],
        ],
        states={K: stock(35, 0, 35)},
        outcomes=["applied"] * 5,
        transitions={K: ["LOW_STOCK opened breach 07:05 late", "LOW_STOCK notified breach 07:05 late"]},
    ),
]
