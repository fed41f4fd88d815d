"""Which threshold documents are rules, and of what scope (RULES 22)."""

from tests.rules.case import Case, K, cooldown, level, rule

CASES = [
    Case(
        "an invalid rule leaves the earlier version in force",
        (22,),
        [
            [rule("SKU", "S1", 50, 100)],
            [
                rule("SKU", "S1", 101, 100, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", -1, 100, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", None, None, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", "S1", 1, 2, updated_at="2022-04-16T00:00:00Z") | cooldown(-1),
                rule("SKU", "S1", 1.5, 2, updated_at="2022-04-16T00:00:00Z"),
                rule("SKU", None, 1, 2),
                rule("SHELF", "S1", 1, 2),
                level(200, "07:00"),
            ],
        ],
        resolved={K: {"min_threshold_qty": 50}},
        outcomes=["applied"] + ["invalid_threshold"] * 5 + ["missing_field", "invalid_value", "applied"],
        reading="a non-integer threshold is invalid_threshold; level_type outside the list invalid_value",
    ),
    Case(
        "GLOBAL ignores level_id",
        (22,),
        [
            [
                rule("GLOBAL", "whatever", 5, 6),
                rule("GLOBAL", None, 7, 8, updated_at="2022-04-16T00:00:00Z"),
                rule("GLOBAL", "ignored", 5, 6),
                level(9, "07:00"),
            ]
        ],
        resolved={K: {"level_type": "GLOBAL", "min_threshold_qty": 7}},
        outcomes=["applied", "applied", "duplicate", "applied"],
    ),
    Case(
        "a rule may mute and set nothing",
        (21, 22),
        [[rule("SKU", "S1", None, None, alert_settings={"enabled": False}), level(0, "07:01")]],
        outcomes=["applied", "applied"],
        resolved={K: {"level_type": "SKU", "enabled": False}},
        alerts=[],
        reading="enabled false is something set",
    ),
]
