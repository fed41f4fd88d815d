"""When a rule steps the keys it touches (RULES 25)."""

from tests.rules.case import RULE_50_50, WAITED, WAITING, Case, K, level, moment, rule

CASES = [
    Case(
        # The rule of 08:00 comes after the stock of 07:00 (45 < 50): cause and time are its own.
        "a rule change re-evaluates at once",
        (25,),
        [
            [level(45, "07:00")],
            [rule("SKU", "S1", 50, 50, updated_at=moment("08:00"))],
        ],
        transitions={K: ["LOW_STOCK opened breach 08:00", "LOW_STOCK notified breach 08:00"]},
        alerts=[{"opening_event_id": "rule:SKU:S1::2022-04-20T08%3A00%3A00.000000Z", "is_late": False}],
        reading="a rule's step is never late",
    ),
    Case(
        # The rule is of 2022-04-15, the frontier 07:00 of the 20th: the later of the two.
        # It applies before the burst's level of 200, so LOW_STOCK opens and then resolves.
        "rules of a burst apply before its stock",
        (25,),
        [[level(45, "07:00")], [level(200, "07:02"), RULE_50_50]],
        transitions={
            K: [
                "LOW_STOCK opened breach 07:00",
                "LOW_STOCK notified breach 07:00",
                "LOW_STOCK resolved recovered 07:02",
            ]
        },
    ),
    Case(
        "the same numbers sent again are a new rule",
        (25, 28),
        [*WAITING, [rule("SKU", "S1", 50, 50, updated_at=moment("08:30"))]],
        transitions={K: [*WAITED, "LOW_STOCK notified cooldown_ended 08:01"]},
        reading="a rule steps its keys where it is in force, whether or not its numbers differ",
    ),
    Case(
        # 45 < 50 would breach, but the rule of 07:30 came after that of 08:00 (45 >= 40).
        "a superseded rule steps nothing",
        (9, 25),
        [
            [level(45, "07:00")],
            [
                rule("SKU", "S1", 40, 40, updated_at=moment("08:00")),
                rule("SKU", "S1", 50, 50, updated_at=moment("07:30")),
            ],
        ],
        outcomes=["applied", "applied", "superseded"],
        alerts=[],
        reading="superseded rules are no points either",
    ),
]
