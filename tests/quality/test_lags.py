"""What is behind is said with since when and what to do, the cause first; and no more once it has caught up."""

import pytest

from inventory_assets.domain.quality.pipeline import FindingKind, PipelineFinding, Severity
from inventory_assets.domain.values import MINUTE_US
from inventory_assets.ingest.loop import LoopLock
from inventory_assets.lake.journal.behind import Behind
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.lags import (
    LANDING,
    LANDING_MILLISECONDS,
    LOOP,
    Facts,
    find_lags,
    is_taking_in,
    judge_lags,
)
from tests.builders import level, messages

NOW = 1_700_000_000_000_000


def behind(milliseconds: int = 0, *, is_full: bool = False, is_being_landed: bool = True) -> Behind:
    return Behind(2, milliseconds, 100, is_being_landed, 9, is_full)


def finding(kind: FindingKind, subject: str = "c1") -> PipelineFinding:
    return PipelineFinding(
        kind=kind, subject=subject, severity=Severity.WARNING, text=f"{kind}.", what_to_do="Look.", since=NOW
    )  # fmt: skip


def names(facts: Facts) -> list[str]:
    return [each.name for each in judge_lags(facts, now=NOW)]


@pytest.mark.parametrize(("minutes", "is_taking_in", "expected"), [(6, False, [LOOP]), (5, False, []), (600, True, [])])
def test_numbers_are_stale_six_minutes_after_nobody_takes_in(minutes, is_taking_in, expected):
    """A quiet shop's numbers are old and right: somebody waits for its messages."""
    assert expected == names(Facts(NOW - minutes * MINUTE_US, is_taking_in, None))


def test_it_says_since_when_and_what_to_do():
    [lag] = judge_lags(Facts(NOW - 6 * MINUTE_US, False, None), now=NOW)

    assert "of 22:07 UTC (6 min ago)" in lag.text and "make run" in lag.what_to_do
    assert NOW - 6 * MINUTE_US == lag.since


@pytest.mark.parametrize(
    ("found", "expected", "words"),
    [
        (behind(LANDING_MILLISECONDS - 1), [], ""),
        (behind(LANDING_MILLISECONDS), [LANDING], "versions stay in the journal"),
        (behind(LANDING_MILLISECONDS, is_being_landed=False), [LANDING], "inventory drain"),
        (behind(1, is_full=True), [LANDING], "versions stay"),
    ],
)
def test_a_landing_that_takes_long_is_said(found, expected, words):
    lags = judge_lags(Facts(NOW, True, found), now=NOW)

    assert expected == [each.name for each in lags]
    assert all(words in each.what_to_do for each in lags)


def test_a_cause_goes_before_its_consequences_and_hides_them():
    old = NOW - 10 * MINUTE_US
    every = [finding(FindingKind.SILENT), finding(FindingKind.FAILED, "c2"), finding(FindingKind.STALLED, "pipeline")]

    assert [LOOP, "connector_failed c2"] == names(Facts(old, False, None, every))
    assert ["pipeline_stalled pipeline", "connector_failed c2"] == names(Facts(old, True, None, every))
    assert ["connector_silent c1"] == names(Facts(NOW, True, None, every[:1]))


def test_what_is_wrong_but_not_late_is_not_stale():
    others = [finding(each) for each in (FindingKind.COPYING, FindingKind.ERRORS, FindingKind.MOVED)]

    assert [] == names(Facts(NOW, True, None, others))


def test_before_the_first_version_nothing_is_late():
    assert [] == names(Facts(None, False, None))


def test_it_is_gone_when_somebody_takes_in_again(settings, engine):
    """By a clock that is moved: six minutes without a burst loop, then one that waits for messages."""
    engine.commit_burst(messages(level(5)))
    engine.close()
    reader = LakeReader(settings)
    at = reader.query("SELECT epoch_us(max(committed_at)) FROM meta.versions").item()
    lock = LoopLock(settings.home / "loop.lock")
    lock.release()

    def found(minutes: int) -> list[str]:
        return [each.name for each in find_lags(reader, settings, now=at + minutes * MINUTE_US)]

    assert ([], [LOOP]) == (found(4), found(6))
    lock = LoopLock(settings.home / "loop.lock")
    assert [] == found(6) and is_taking_in(settings)
    lock.release()
    assert [LOOP] == found(6)
