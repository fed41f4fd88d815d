"""How far the data can be believed, in one clause: the worst doubt first, and none invented."""

from datetime import datetime

import pytest

from inventory_assets.domain.values import to_microseconds
from inventory_assets.quality.judge import judge_rules, record
from inventory_assets.quality.rules import RULES
from inventory_assets.reports.page.trust_sections import trust_verdict
from inventory_assets.reports.read.model import FailedCheck, Refused, Trust, WarehouseFeed
from tests.builders import DAY, messages, transaction


def feed(state: str, name: str = "W1") -> WarehouseFeed:
    return WarehouseFeed(
        warehouse_id=name, shelves=1, empty=0, on_hand=1, reserved=0, available=1, inbound=0, last_event_at=None,
        lag_hours=None, state=state,
    )  # fmt: skip


def check(severity: str) -> FailedCheck:
    return FailedCheck(
        rule="r", severity=severity, text="It holds.", failures=1, example="", what_to_do="",
        checked_at=datetime(2022, 4, 20),
    )  # fmt: skip


def trust(**known) -> Trust:
    base = {
        "feeds": (feed("fresh"),), "refused": (), "late": (), "checks": (), "checks_run": 9, "messages": 1,
        "coverage_date": None, "untrusted_alerts": 0,
    }  # fmt: skip
    return Trust(**{**base, **known})


@pytest.mark.parametrize(
    ("known", "tone", "words"),
    [
        ({}, "good", "are fresh and passed what was checked"),
        ({"checks": None}, "good", "are fresh"),
        ({"checks": (check("WARN"),)}, "warn", "are usable with care: 1 failed check"),
        ({"checks": (check("WARN"), check("ERROR"))}, "bad", "failed a critical check: count before you order"),
        (
            {"refused": (Refused(reason="x", messages=3, example=""),)},
            "warn",
            "are usable with care: 3 refused messages",
        ),
        ({"feeds": (feed("quiet"),)}, "warn", "are usable with care: 1 quiet warehouse"),
        ({"untrusted_alerts": 2}, "warn", "are usable with care: 2 alerts in doubt"),
        (
            {"feeds": (feed("silent", "A"), feed("silent", "B")), "checks": (check("ERROR"),)},
            "bad",
            "have nothing from A and B for over a day: closed, or a feed is down",
        ),
    ],
)
def test_the_worst_doubt_is_told(known, tone, words):
    assert (tone, words) == trust_verdict(trust(**known))


def test_recorded_checks_are_in_the_report(shop, settings, build):
    """Negative stock is a rule of data quality; the report repeats what was recorded and judges nothing itself."""
    shop.commit_burst(messages(transaction("T9", quantity=-500, at="11:00", sku="S2")))
    assert "no data quality checks were run yet" in build().page.text
    now = to_microseconds(DAY.replace(hour=23))
    record(shop.lake, judge_rules(shop.lake, settings, RULES, now=now))

    report = build()

    failed = {row["rule"]: row for row in report.rows("checks")}
    assert failed
    [negative] = [row for row in failed.values() if "S2" in row["example"] and "W1" in row["example"]][:1]
    assert negative["text"] in report.page.sections["trust"].text
    assert negative["what_to_do"][:40] in report.page.sections["trust"].text
    assert "no data quality checks were run yet" not in report.page.text
