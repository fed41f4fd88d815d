"""Which points of a burst step a key's alerts, and in which order (RULES 25)."""

from tests.rules.case import (
    OPENED_LOW,
    PARENTS,
    RULE_50_50,
    SECOND,
    WAITED,
    WAITING,
    Case,
    K,
    Sweep,
    Velocities,
    command,
    envelope,
    level,
    moment,
    moves,
    rule,
    stock,
    txn,
)

BETWEEN = [
    txn("T1", "ORDER", -55, "07:01"),
    rule("SKU", "S1", 50, 50, updated_at=moment("07:02")),
    txn("T2", "ORDER", -10, "07:03"),
]
OPENED_AT_FRONTIER = ["LOW_STOCK opened breach 07:00", "LOW_STOCK notified breach 07:00"]


def at_minute(minute: int, document: dict) -> dict:
    """An envelope whose cluster time is so many minutes after 07:00."""
    return envelope(document, SECOND + 60 * minute)


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
    *(
        Case(
            # 100 - 55 = 45 at 07:01; the rule of 07:02 finds 45 < 50; 35 at 07:03. So in any cut, and
            # in any order within a burst.
            f"a rule takes its place among events: {name}",
            (25,),
            [[level(100, "07:00")], *steps],
            transitions={K: ["LOW_STOCK opened breach 07:02", "LOW_STOCK notified breach 07:02"]},
            alerts=[{"opening_event_id": "rule:SKU:S1::2022-04-20T07%3A02%3A00.000000Z", "current_stock": 45}],
        )
        for name, steps in (
            ("one burst", [[*BETWEEN]]),
            ("one burst, reversed", [BETWEEN[::-1]]),
            ("the rule apart", [[document] for document in BETWEEN]),
            ("the rule with what comes after it", [BETWEEN[:1], BETWEEN[1:]]),
        )
    ),
    Case(
        # 45 at 07:00, 60 at 07:02; the rule of 07:05 finds 60 >= 50.
        "a rule does not act on what comes before it",
        (25,),
        [[rule("SKU", "S1", 50, 50, updated_at=moment("07:05")), level(45, "07:00"), level(60, "07:02")]],
        alerts=[],
    ),
    Case(
        # The rule of 07:01 comes when 07:05 has been stepped: it acts there, and is not late.
        "a rule behind the frontier acts at the frontier",
        (25,),
        [[level(45, "07:00")], [level(44, "07:05")], [rule("SKU", "S1", 50, 50, updated_at=moment("07:01"))]],
        transitions={K: ["LOW_STOCK opened breach 07:05", "LOW_STOCK notified breach 07:05"]},
        alerts=[{"current_stock": 44, "is_late": False}],
    ),
    Case(
        # A deletion of a rule by the change stream: its cluster time of 07:00 is when it acts,
        # though its updated_at is of the 15th: behind 06:30's 60, before 07:30's 60.
        "a rule's place is its position's instant",
        (12, 25),
        [
            [rule("SKU", "S1", 10, 10), rule("GLOBAL", None, 70, 70), level(60, "06:30")],
            [
                envelope(rule("SKU", "S1", 10, 10), SECOND, operation="delete", namespace="inventory.thresholds"),
                level(60, "07:30"),
            ],
        ],
        transitions={K: ["LOW_STOCK opened breach 07:00", "LOW_STOCK notified breach 07:00"]},
    ),
    Case(
        # Both of 07:01: as they arrive. The level's 45 is judged by 0, then by 50: the rule opens.
        "at one instant what arrives first acts first: the level",
        (25,),
        [[level(45, "07:01"), rule("SKU", "S1", 50, 50, updated_at=moment("07:01"))]],
        alerts=[{"opening_event_id": "rule:SKU:S1::2022-04-20T07%3A01%3A00.000000Z"}],
    ),
    Case(
        "at one instant what arrives first acts first: the rule",
        (25,),
        [[rule("SKU", "S1", 50, 50, updated_at=moment("07:01")), level(45, "07:01")]],
        alerts=[{"opening_event_id": "level:W1:S1:2022-04-20T07%3A01%3A00.000000Z"}],
    ),
    Case(
        # 55 / 8 = 6.875 < 7, from the midnight of the velocity's date on.
        # sha256 of ["W1","S1","LOW_STOCK","velocity:2022-04-21"]
        "a velocity acts from its date on",
        (23, 25, 29),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7), level(55, "07:00")],
            Velocities("2022-04-21", {K: 8.0}),
        ],
        transitions={K: ["LOW_STOCK opened breach 00:00", "LOW_STOCK notified breach 00:00"]},
        alerts=[
            {
                "alert_id": "alt-20220421-W1-S1-LOW_STOCK-26268f0d",
                "first_breach_time": "2022-04-21T00:00:00.000000Z",
                "opening_event_id": "velocity:2022-04-21",
            }
        ],
        reading="a velocity's own time is the midnight of its date, and that is the date of the id",
    ),
    Case(
        # The midnight of the 20th is behind 07:00.
        "a velocity behind the frontier acts at the frontier",
        (23, 25),
        [
            [rule("SKU", "S1", 50, None, min_threshold_days=7), level(55, "07:00")],
            Velocities("2022-04-20", {K: 8.0}),
        ],
        transitions={K: OPENED_AT_FRONTIER},
        alerts=[{"first_breach_time": "2022-04-20T07:00:00.000000Z"}],
    ),
    Case(
        # 100, 0: STOCKOUT; 40: improved; 100: clears. The order of 09:00 by its cluster time says
        # 07:50, but a step's time never goes back: 40 < 50 at 08:20, the frontier's. LOW_STOCK was
        # never told, so a new alert. 39 holds; 539 clears it: nothing fires.
        "a time behind the frontier's is the frontier's",
        (25, 28),
        [
            [RULE_50_50, at_minute(60, level(100, "08:00"))],
            [at_minute(65, txn("A", "ORDER", -100, "08:05"))],
            [at_minute(70, txn("B", "RESTOCK", 40, "08:10"))],
            [at_minute(80, txn("C", "RESTOCK", 60, "08:20"))],
            [at_minute(120, txn("D", "ORDER", -60, "07:50"))],
            [at_minute(125, txn("E", "ORDER", -1, "09:05"))],
            [at_minute(130, txn("F", "RESTOCK", 500, "09:10"))],
        ],
        states={K: stock(539, 0, 539)},
        transitions={
            K: [
                "STOCKOUT opened breach 08:05",
                "STOCKOUT notified breach 08:05",
                "STOCKOUT resolved improved 08:10",
                "LOW_STOCK opened improved 08:10",
                "LOW_STOCK resolved recovered 08:20",
                "LOW_STOCK opened breach 08:20",
                "LOW_STOCK notified breach 08:20",
                "LOW_STOCK resolved recovered 09:10",
            ]
        },
        alerts=[{"state": "resolved"}, {"state": "resolved"}, {"state": "resolved", "is_late": False}],
    ),
    Case(
        # The sweep of 09:00 tells at 08:01. The level of 07:50 is ahead of the frontier (07:30), not
        # late, but the alert's history goes on from 08:01.
        "transitions are in order of time",
        (25, 28),
        [*WAITING, Sweep("2022-04-20T09:00:00+00:00"), [level(70, "07:50")]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01", "LOW_STOCK resolved recovered 08:01"]},
    ),
    Case(
        # Paused from 06:50 on: 49 opens untold, and is told when that ends. In one burst the pause
        # takes its place too, though it arrives last.
        "a pause holds a telling until it is lifted",
        (25, 36),
        [[RULE_50_50, level(49, "07:01"), command("pause", "06:50")], [command("resume", "07:05")]],
        transitions={K: ["LOW_STOCK opened breach 07:01", "LOW_STOCK notified resumed 07:05"]},
        alerts=[{"notification_count": 1, "timestamp": "2022-04-20T07:05:00.000000Z"}],
        reading="told as `resumed`, at the resume's time, with the resume as its event",
    ),
    Case(
        # A pause of 07:02 comes after what was told at 07:01.
        "a pause does not act on what comes before it",
        (25, 36),
        [[command("pause", "07:02"), RULE_50_50, level(49, "07:01"), level(0, "07:03")]],
        transitions={K: [*OPENED_LOW, "LOW_STOCK resolved escalated 07:03", "STOCKOUT opened escalated 07:03"]},
    ),
    Case(
        # 49 is over before the resume; what improved is never told; what worsened is, once.
        "the end of a pause tells only what still fires",
        (26, 36),
        [
            [rule("GLOBAL", None, 50, 50), command("pause", "06:50")],
            [level(49, "07:01"), level(60, "07:02")],
            [level(0, "07:01", sku="S2"), level(20, "07:02", sku="S2")],
            [level(49, "07:01", sku="S3"), level(0, "07:02", sku="S3")],
            [command("resume", "07:05")],
        ],
        transitions={
            K: ["LOW_STOCK opened breach 07:01", "LOW_STOCK resolved recovered 07:02"],
            ("W1", "S2"): [
                "STOCKOUT opened breach 07:01",
                "STOCKOUT resolved improved 07:02",
                "LOW_STOCK opened improved 07:02",
            ],
            ("W1", "S3"): [
                "LOW_STOCK opened breach 07:01",
                "LOW_STOCK resolved escalated 07:02",
                "STOCKOUT opened escalated 07:02",
                "STOCKOUT notified resumed 07:05",
            ],
        },
    ),
    Case(
        # The resume of 07:00:50 was first to come; the pause of 07:00:30 is older, so not in force.
        "an older pause does not undo a resume that came before it",
        (9, 36),
        [[RULE_50_50, command("resume", "07:00:50")], [command("pause", "07:00:30")], [level(49, "07:01")]],
        outcomes=["applied", "applied", "superseded", "applied"],
        transitions={K: OPENED_LOW},
        reading="a release that comes first is applied and remembered; what it has outdated is superseded",
    ),
    Case(
        # The pause of 07:00:30 is newer than the resume of 07:00:10, whatever the arrival.
        "an older resume does not undo a pause",
        (9, 36),
        [[RULE_50_50, command("pause", "07:00:30")], [command("resume", "07:00:10")], [level(49, "07:01")]],
        outcomes=["applied", "applied", "superseded", "applied"],
        transitions={K: ["LOW_STOCK opened breach 07:01"]},
    ),
    Case(
        # All is resumed, but W1's own pause is of another scope. W2 was never paused for long.
        "a resume lifts the pause of its own scope",
        (36,),
        [
            [rule("GLOBAL", None, 50, 50), command("pause", "06:50"), command("pause", "06:51", warehouse_id="W1")],
            [command("resume", "06:55")],
            [level(49, "07:01"), level(49, "07:01", warehouse_id="W2")],
        ],
        transitions={K: ["LOW_STOCK opened breach 07:01"], ("W2", "S1"): OPENED_LOW},
    ),
    Case(
        # W1's 49 is withheld as S1 is of C1. W2's level of 07:05 moves S1 to C2, which nobody paused:
        # what was withheld is told then. At once for what opens after it.
        "a paused category is that of now",
        (19, 36),
        [
            [rule("GLOBAL", None, 50, 50), command("pause", "06:50", category_id="C1")],
            [level(49, "07:01", category_id="C1")],
            [level(49, "07:05", category_id="C2", warehouse_id="W2")],
        ],
        transitions={
            K: ["LOW_STOCK opened breach 07:01", "LOW_STOCK notified resumed 07:05"],
            ("W2", "S1"): ["LOW_STOCK opened breach 07:05", "LOW_STOCK notified breach 07:05"],
        },
        reading="a SKU that leaves a paused scope is told as at a resume",
    ),
    Case(
        # Due at 08:01, paused from 07:40 on: 08:05 tells nothing, the resume of 08:10 does.
        "a pause outlasts a cooldown",
        (28, 36),
        [*WAITING, [command("pause", "07:40")], *moves(("08:05", 39)), [command("resume", "08:10")]],
        transitions={K: [*WAITED, "LOW_STOCK notified resumed 08:10"]},
        alerts=[{"current_stock": 39, "notification_count": 2}],
    ),
    Case(
        # The resume of 07:50 leaves the cooldown to end at 08:01.
        "a cooldown outlasts a pause",
        (28, 36),
        [*WAITING, [command("pause", "07:40")], [command("resume", "07:50")], *moves(("08:05", 39))],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        alerts=[{"current_stock": 40}],
    ),
    Case(
        # Due at 08:01; the pause of 08:30 comes after it.
        "what fell due before a pause is told before it",
        (25, 28, 36),
        [*WAITING, [command("pause", "08:30", sku="S1")]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
    ),
    Case(
        # The resume of 07:30 comes when the frontier is 08:00.
        "a command behind the frontier acts at the frontier",
        (25, 36),
        [[RULE_50_50, command("pause", "06:50")], *moves(("07:01", 49), ("08:00", 48)), [command("resume", "07:30")]],
        transitions={K: ["LOW_STOCK opened breach 07:01", "LOW_STOCK notified resumed 08:00"]},
        alerts=[{"current_stock": 48}],
    ),
    Case(
        # Nothing has changed since 07:01, so judging again says nothing anew.
        "a key judged again as it is has no news",
        (36,),
        [[RULE_50_50, level(49, "07:01")], [command("re-evaluate", "07:05")]],
        outcomes=["applied"] * 3,
        transitions={K: OPENED_LOW},
    ),
    Case(
        # W1's frontier is 07:05, W2's 07:02: the transfer of 07:03 is late at W1 alone. There 61 - 21 =
        # 40; W2, low since 30 at 07:02, holds at 51 (510 < 550).
        "a transfer may be late at one end alone",
        (16, 25),
        [
            [rule("GLOBAL", None, 50, 50), level(60, "07:00"), txn("T1", "RETURN", 1, "07:05")],
            [level(70, "07:01", warehouse_id="W2"), txn("T2", "ORDER", -40, "07:02", warehouse_id="W2")],
            [txn("T3", "TRANSFER", 21, "07:03", to_warehouse_id="W2")],
        ],
        states={K: stock(40, 0, 40), ("W2", "S1"): stock(51, 0, 51)},
        transitions={
            K: ["LOW_STOCK opened breach 07:05 late", "LOW_STOCK notified breach 07:05 late"],
            ("W2", "S1"): ["LOW_STOCK opened breach 07:02", "LOW_STOCK notified breach 07:02"],
        },
    ),
    Case(
        # The other way round: the receiver's frontier is 07:05, and the 10 that come there bring
        # 45 to 55 (550 >= 550), late; the sender goes to 45 at 07:03.
        "a transfer may be late at its receiver alone",
        (16, 25),
        [
            [rule("GLOBAL", None, 50, 50), level(55, "07:00"), level(45, "07:05", warehouse_id="W2")],
            [txn("T1", "ORDER", -1, "07:06", warehouse_id="W2"), txn("T2", "RETURN", 1, "07:06", warehouse_id="W2")],
            [txn("T3", "TRANSFER", 10, "07:05:30", to_warehouse_id="W2")],
        ],
        states={K: stock(45, 0, 45), ("W2", "S1"): stock(55, 0, 55)},
        transitions={
            K: ["LOW_STOCK opened breach 07:05", "LOW_STOCK notified breach 07:05"],
            ("W2", "S1"): [
                "LOW_STOCK opened breach 07:05",
                "LOW_STOCK notified breach 07:05",
                "LOW_STOCK resolved recovered 07:06 late",
            ],
        },
    ),
]
