"""What a cooldown holds back, and when it is told (RULES 28)."""

from tests.rules.case import (
    OPENED_LOW,
    RULE_50_50,
    WAITED,
    WAITING,
    Case,
    Committed,
    K,
    Sweep,
    cooldown,
    level,
    moment,
    moves,
    rule,
    txn,
)

LATER = "2022-04-25T00:00:00+00:00"
EARLIER_DAY = [
    RULE_50_50,
    level(60, "08:00"),
    txn("A", "ORDER", -11, "09:00"),
    txn("B", "RESTOCK", 10, "09:10"),
    txn("C", "ORDER", -10, "09:20"),
    txn("D", "RESTOCK", 10, "09:30"),
    txn("E", "ORDER", -1, "12:00"),
]
AT_0730 = [document for burst in WAITING for document in burst]

CASES = [
    Case(
        # RULE 28's own: 51 holds the alert (510 < 550), so it never even resolves; then 0.
        "51 49 51 49 is one alert, then 0 a stockout",
        (26, 28),
        [
            [RULE_50_50, level(51, "07:00")],
            *moves(("07:01", 49), ("07:10", 51), ("07:20", 49), ("07:30", 0)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved escalated 07:30",
                "STOCKOUT opened escalated 07:30",
                "STOCKOUT notified escalated 07:30",
            ]
        },
    ),
    Case(
        # Notified 07:01, hour ends 08:01. Re-opened 07:30, still open: told once by 08:05's
        # event, at 08:01, with the 40 of before it. 08:05 itself is no transition.
        "a re-breach inside the cooldown is notified at its end by an event",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40), ("08:05", 39), ("08:06", 38)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK notified cooldown_ended 08:01",
            ]
        },
        alerts=[
            {
                "notification_count": 2,
                "current_stock": 40,
                "first_breach_time": "2022-04-20T07:01:00.000000Z",
                "opening_event_id": "level:W1:S1:2022-04-20T07%3A01%3A00.000000Z",
            }
        ],
        reading="told at the cooldown's end, before the event steps",
    ),
    Case(
        # The sweep of 08:00:59 is too early; that of 09:00 finds it, at 08:01; 09:30's is silent.
        # The next cooldown runs 08:01-09:01, so 49 at 08:59 after 60 re-opens.
        "a re-breach inside the cooldown is notified by the sweep",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40)),
            Sweep("2022-04-20T08:00:59+00:00"),
            Sweep("2022-04-20T09:00:00+00:00"),
            Sweep("2022-04-20T09:30:00+00:00"),
            *moves(("08:40", 60), ("08:59", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK notified cooldown_ended 08:01",
                "LOW_STOCK resolved recovered 08:40",
                "LOW_STOCK reopened breach 08:59",
            ]
        },
        reading="told at the cooldown's end, whenever the sweep runs",
    ),
    Case(
        # 07:01 + 60 min = 08:01: the cooldown has ended, so a new alert, told at once.
        "a breach at the end of the cooldown is a new alert",
        (28, 29),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("08:01", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK opened breach 08:01",
                "LOW_STOCK notified breach 08:01",
            ]
        },
        alerts=[
            {"opening_event_id": "level:W1:S1:2022-04-20T07%3A01%3A00.000000Z"},
            {"opening_event_id": "level:W1:S1:2022-04-20T08%3A01%3A00.000000Z"},
        ],
        reading="the end is outside",
    ),
    Case(
        # Cooldown 0: never inside it.
        "a cooldown of zero always opens anew",
        (22, 28),
        [
            [RULE_50_50 | cooldown(0), level(49, "07:01")],
            *moves(("07:02", 60), ("07:03", 49)),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:02",
                "LOW_STOCK opened breach 07:03",
                "LOW_STOCK notified breach 07:03",
            ]
        },
    ),
    Case(
        # LOW_STOCK told 07:01; STOCKOUT 07:05; back to 20 inside LOW_STOCK's hour: the same
        # LOW_STOCK alert again, still open at 08:01, so then it is told.
        "improvement into a running cooldown re-opens and is told at its end",
        (26, 28),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:05", 0), ("07:10", 20)),
            Sweep("2022-04-20T10:00:00+00:00"),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved escalated 07:05",
                "STOCKOUT opened escalated 07:05",
                "STOCKOUT notified escalated 07:05",
                "STOCKOUT resolved improved 07:10",
                "LOW_STOCK reopened improved 07:10",
                "LOW_STOCK notified cooldown_ended 08:01",
            ]
        },
    ),
    Case(
        # Resolved at 07:50, before its cooldown ends at 08:01: nobody is told.
        "what is resolved when the cooldown ends stays silent",
        (28,),
        [
            [RULE_50_50, level(49, "07:01")],
            *moves(("07:10", 60), ("07:30", 40), ("07:50", 70)),
            Sweep("2022-04-20T10:00:00+00:00"),
        ],
        transitions={
            K: [
                *OPENED_LOW,
                "LOW_STOCK resolved recovered 07:10",
                "LOW_STOCK reopened breach 07:30",
                "LOW_STOCK resolved recovered 07:50",
            ]
        },
    ),
    Case(
        # STOCKOUT told 07:00. 60 at 07:10, 0 at 07:20: inside STOCKOUT's own hour.
        "a stockout has a cooldown of its own",
        (28,),
        [[RULE_50_50, level(0, "07:00")], *moves(("07:10", 60), ("07:20", 0))],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved recovered 07:10",
                "STOCKOUT reopened breach 07:20",
            ]
        },
        reading="worse conditions do not wait for a milder one's cooldown, only for their own",
    ),
    Case(
        # 20 at 07:10 is LOW_STOCK, never told; 0 again at 07:20 is worse than what fires, but
        # inside STOCKOUT's own hour, so the same alert, untold.
        "an escalation into its own cooldown re-opens",
        (26, 28),
        [[RULE_50_50, level(0, "07:00")], *moves(("07:10", 20), ("07:20", 0))],
        transitions={
            K: [
                "STOCKOUT opened breach 07:00",
                "STOCKOUT notified breach 07:00",
                "STOCKOUT resolved improved 07:10",
                "LOW_STOCK opened improved 07:10",
                "LOW_STOCK resolved escalated 07:20",
                "STOCKOUT reopened escalated 07:20",
            ]
        },
        reading="worse conditions do not wait for a milder one's cooldown, only for their own",
    ),
    Case(
        # Open at 08:01, and due then; the first to look is the mute of 08:30, which acts on what
        # comes after it. A sweep between them would have told it, and must not make a difference.
        "what fell due before a mute is told before it",
        (21, 25, 28),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("08:30"), alert_settings={"enabled": False})]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01", "LOW_STOCK resolved muted 08:30"]},
        reading="who finds what is due leaves no trace: it is as it was before the rule, as before an event",
    ),
    Case(
        "a mute is not announced by the alert it mutes",
        (21, 28),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("07:50"), alert_settings={"enabled": False})]],
        transitions={K: [*WAITED, "LOW_STOCK resolved muted 07:50"]},
    ),
    Case(
        # 40 at 07:30 waits; 52 at 07:50 holds it (520 < 550): told with 52, not 40.
        "what a cooldown held back is told with the stock of its end",
        (28, 30),
        [*WAITING, *moves(("07:50", 52), ("08:05", 53))],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        alerts=[{"current_stock": 52, "threshold": 50, "timestamp": "2022-04-20T08:01:00.000000Z"}],
        reading="stock, rule and comparison of a notification are those of its moment",
    ),
    Case(
        # The rule of 07:40 ends the cooldown at 07:11, before the alert re-opened: 07:30.
        "a cooldown cut short is not told before its breach",
        (28,),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("07:40")) | cooldown(10)]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 07:30"]},
        reading="the cooldown's length is that of the rule in force now",
    ),
    Case(
        # LOW_STOCK told 07:00. At 07:25 its 10 minutes are over: a second one, untold. The rule of
        # 07:26 makes them 60: 07:40 is inside again, and nobody is told before 08:00.
        "an alert that opens untold does not end the cooldown",
        (26, 28),
        [
            [RULE_50_50 | cooldown(10), level(40, "07:00")],
            *moves(("07:20", 0), ("07:25", 20)),
            [rule("SKU", "S1", 50, 50, updated_at=moment("07:26"))],
            *moves(("07:30", 120), ("07:40", 40)),
            Sweep("2022-04-20T09:00:00+00:00"),
        ],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:00",
                "LOW_STOCK notified breach 07:00",
                "LOW_STOCK resolved escalated 07:20",
                "STOCKOUT opened escalated 07:20",
                "STOCKOUT notified escalated 07:20",
                "STOCKOUT resolved improved 07:25",
                "LOW_STOCK opened improved 07:25",
                "LOW_STOCK resolved recovered 07:30",
                "LOW_STOCK reopened breach 07:40",
                "LOW_STOCK notified cooldown_ended 08:00",
            ]
        },
        reading="inside the cooldown the latest alert of the condition re-opens, told or not",
    ),
    *(
        Case(
            # 60, 49: told. 59 clears (590 >= 550), 49 re-opens inside the hour, 59 clears before it
            # ends at 10:00, 58 is no breach. The clock stands, so each sweep's moment is the time
            # of the newest event: nothing is ever due.
            f"a cut does not decide what is told: {' '.join(str(len(burst)) for burst in cut)}",
            (25, 28),
            [step for burst in cut for step in (Committed(LATER, burst), Sweep(LATER))],
            transitions={
                K: [
                    "LOW_STOCK opened breach 09:00",
                    "LOW_STOCK notified breach 09:00",
                    "LOW_STOCK resolved recovered 09:10",
                    "LOW_STOCK reopened breach 09:20",
                    "LOW_STOCK resolved recovered 09:30",
                ]
            },
            alerts=[{"notification_count": 1, "state": "resolved"}],
        )
        for cut in (
            [EARLIER_DAY],
            [EARLIER_DAY[:4], EARLIER_DAY[4:]],
            [EARLIER_DAY[:5], EARLIER_DAY[5:]],
            [[document] for document in EARLIER_DAY],
        )
    ),
    Case(
        # Told 00:01, hour ends 01:01. Between 00:06 and 00:07 the sweep runs, days later by the
        # clock; at this warehouse it is 00:06.
        "a backlog is judged as of its own time",
        (28,),
        [
            Committed(LATER, [RULE_50_50, level(49, "00:01"), level(60, "00:03"), level(40, "00:06")]),
            Sweep(LATER),
            Committed(LATER, [level(70, "00:07")]),
            Sweep(LATER),
        ],
        transitions={
            K: [
                "LOW_STOCK opened breach 00:01",
                "LOW_STOCK notified breach 00:01",
                "LOW_STOCK resolved recovered 00:03",
                "LOW_STOCK reopened breach 00:06",
                "LOW_STOCK resolved recovered 00:07",
            ]
        },
    ),
    Case(
        # Due at 08:01, 31 minutes after 07:30. 30:59 after the commit it is 08:00:59 there.
        "a quiet warehouse's time goes on from its last event",
        (28,),
        [Committed("2022-04-25T00:00:00+00:00", AT_0730), Sweep("2022-04-25T00:30:59+00:00")],
        transitions={K: WAITED},
    ),
    Case(
        "what is due when a quiet warehouse's time has come is told",
        (28,),
        [Committed("2022-04-25T00:00:00+00:00", AT_0730), Sweep("2022-04-25T00:31:00+00:00")],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
    ),
    Case(
        # Events of 07:30 committed at 07:20. At 07:55 it is not 08:05; at 08:01 it is 08:01.
        "a sweep's moment is never later than the clock",
        (28,),
        [
            Committed("2022-04-20T07:20:00+00:00", AT_0730),
            Sweep("2022-04-20T07:55:00+00:00"),
            [level(41, "07:56")],
            Sweep("2022-04-20T08:00:59+00:00"),
        ],
        transitions={K: WAITED},
    ),
    Case(
        # W1's newest event is of 07:30, W2's of 09:00, committed at one time: at W1 it is 07:30.
        "each warehouse has a time of its own",
        (28,),
        [
            Committed(LATER, [*AT_0730, level(60, "09:00", warehouse_id="W2")]),
            Sweep(LATER),
        ],
        transitions={K: WAITED},
    ),
    Case(
        # The transfer of 08:05 from W2 is an event of W1 too: there it is 08:05.
        "a transfer is news of its receiver's time",
        (16, 28),
        [
            Committed(LATER, AT_0730),
            Committed(LATER, [txn("T1", "TRANSFER", 1, "08:05", sku="S2", warehouse_id="W2", to_warehouse_id="W1")]),
            Sweep(LATER),
        ],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
    ),
    Case(
        # A level of 06:00 committed 40 minutes later is not the newest: 07:30 and 41 minutes.
        # Nor is the repeat of 07:30's.
        "an older event does not set a warehouse's time back",
        (28,),
        [
            Committed("2022-04-25T00:00:00+00:00", AT_0730),
            Committed("2022-04-25T00:40:00+00:00", [level(90, "06:00"), level(40, "07:30")]),
            Sweep("2022-04-25T00:41:00+00:00"),
        ],
        outcomes=["applied"] * 4 + ["superseded", "duplicate"],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
    ),
    Case(
        # Another SKU's level of 07:30 is as new, and 40 minutes later: 07:30 and 41 minutes, not 1.
        "an event as new as the newest does not set a warehouse's time back",
        (28,),
        [
            Committed("2022-04-25T00:00:00+00:00", AT_0730),
            Committed("2022-04-25T00:40:00+00:00", [level(90, "07:30", sku="S2")]),
            Sweep("2022-04-25T00:41:00+00:00"),
        ],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        reading="of several newest the one that was committed first",
    ),
    Case(
        # 08:01 came first; what follows it in the burst is of 06:00.
        "a warehouse's newest event need not be its burst's last",
        (28,),
        [
            Committed(LATER, [*AT_0730, level(90, "08:01", sku="S2"), level(90, "06:00", sku="S3")]),
            Sweep(LATER),
        ],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
    ),
    Case(
        # W2's LOW_STOCK is due at 08:01. W1's level of 08:30 takes the SKU, there too, to a brand whose
        # rule mutes it: what was due before is told before, whether or not a sweep looked between.
        "what fell due at another warehouse before a SKU moved is told before it",
        (19, 25, 28),
        [
            [rule("BRAND", "B1", 50, 50), rule("BRAND", "B2", 50, 50, alert_settings={"enabled": False})],
            [level(49, "07:01", warehouse_id="W2", brand_id="B1")],
            *([level(units, at, warehouse_id="W2", brand_id="B1")] for at, units in (("07:10", 60), ("07:30", 40))),
            [level(90, "08:30", brand_id="B2")],
        ],
        transitions={
            ("W2", "S1"): [*WAITED, "LOW_STOCK notified cooldown_ended 08:01", "LOW_STOCK resolved muted 08:30"]
        },
    ),
]
