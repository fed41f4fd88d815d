"""What the rules found, kept and read back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory_assets.domain.quality.results import ResultStatus, Severity
from inventory_assets.domain.values import to_datetime, to_microseconds
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.quality.judge import (
    MAX_HELD_KEYS,
    hold_judged,
    judge_rules,
    latest_results,
    places_to_hold,
    read_history,
    record,
    with_trends,
)
from inventory_assets.quality.rules import RULES
from tests.builders import PUBLISHED_AT, level, messages, transaction
from tests.facts import differences, value

NOW = to_microseconds(PUBLISHED_AT)
HOUR = 3_600_000_000
NEGATIVE = next(rule for rule in RULES if rule.name == "no_stock_is_negative")


def pass_over(engine, rules=(NEGATIVE,), now=NOW):
    judged = judge_rules(engine.lake, engine.settings, rules, now=now, run_id="run")
    return [result.rule for result in record(engine.lake, judged)], judged


def test_what_was_found_is_kept_and_read_back_with_its_trend(engine):
    engine.commit_burst(messages(level(-3), level(5, sku="S2")))
    pass_over(engine)
    engine.commit_burst(messages(level(-1, "08:00", sku="S2")))
    pass_over(engine, now=NOW + HOUR)

    [result] = latest_results(engine.lake)

    assert ("no_stock_is_negative", "core.sku_state") == (result.rule, result.table)
    assert (Severity.WARN, ResultStatus.FAIL, 2, 2) == (
        result.severity, result.status, result.failing_count, result.checked_count,
    )  # fmt: skip
    assert ("W1:S1", "W1:S2") == result.sample_ids
    assert [-3, -1] == [row["on_hand"] for row in result.rows]
    assert [1, 2] == [point.failing_count for point in result.trend]
    assert to_datetime(NOW + HOUR) == result.checked_at == result.trend[-1].checked_at
    assert (NEGATIVE.text, NEGATIVE.what_to_do, "run") == (result.text, result.what_to_do, result.run_id)
    assert 3 == result.as_of_version
    assert [] == differences(engine)


def test_the_same_result_adds_no_version_until_the_next_day(engine):
    engine.commit_burst(messages(level(-3)))
    assert ["no_stock_is_negative"] == pass_over(engine)[0]
    version = engine.lake.watermark().version

    assert [] == pass_over(engine, now=NOW + HOUR)[0]
    assert version == engine.lake.watermark().version
    assert ["no_stock_is_negative"] == pass_over(engine, now=NOW + 24 * HOUR)[0]
    assert [1, 1] == [result.failing_count for result in read_history(engine.lake, rule="no_stock_is_negative")]


def test_another_row_is_another_result_though_the_count_stays(engine):
    engine.commit_burst(messages(level(-3), level(5, sku="S2")))
    pass_over(engine)
    engine.commit_burst(messages(level(3, "08:00"), level(-5, "08:00", sku="S2")))

    assert ["no_stock_is_negative"] == pass_over(engine, now=NOW + HOUR)[0]


def test_a_pass_is_no_news_to_other_processes(open_engine):
    """Their warm state stays, as nothing in it has changed."""
    one, other = open_engine(), open_engine()
    one.commit_burst(messages(level(-3)))
    other.refresh()
    kept = other.state
    pass_over(one)

    other.commit_burst(messages(transaction("T1")))

    assert kept is other.state
    assert [] == differences(other)


def test_a_lake_that_was_never_judged_has_no_results(engine):
    assert ([], []) == (latest_results(engine.lake), read_history(engine.lake))
    engine.lake.connection.execute("DROP TABLE lake.out.quality_results")

    reader = LakeReader(engine.settings)
    assert [] == latest_results(reader)
    reader.connection.close()


def test_an_empty_lake_passes_what_can_be_judged(engine):
    _, judged = pass_over(engine, RULES)

    assert {ResultStatus.PASS, ResultStatus.NOT_JUDGED} == {each.result.status for each in judged}
    assert len(RULES) == value(engine.lake, "SELECT count(*) FROM out.quality_results")


def test_ids_of_any_kind_come_back_as_they_were(engine):
    odd = "=1+1|<b>`'\"/ä\u202e"
    engine.commit_burst(messages(level(-3, sku=odd), level(-3, sku="a:b", warehouse_id="c")))
    pass_over(engine)

    [result] = latest_results(engine.lake)

    assert (f"W1:{odd}", "c:a%3Ab") == result.sample_ids
    assert odd == result.rows[0]["sku"]


def test_the_trend_of_a_result_judged_now_ends_with_it(engine):
    engine.commit_burst(messages(level(-3)))
    pass_over(engine)
    _, judged = pass_over(engine, now=NOW + HOUR)

    [result] = with_trends(engine.lake, [replace(judged[0].result, failing_count=7)])

    assert [1, 7] == [point.failing_count for point in result.trend]
    assert timedelta(hours=1) == result.trend[1].checked_at - result.trend[0].checked_at


def test_rules_are_named_once_and_say_what_to_do():
    assert len(RULES) == len({rule.name for rule in RULES})
    assert all(rule.text.endswith((".", ").")) and rule.what_to_do for rule in RULES)
    assert all(bool(rule.query) != bool(rule.judge) for rule in RULES)


def test_a_pass_that_holds_nothing_loads_no_warm_state(open_engine):
    """In a process that runs nothing else it would take longer than the rules."""
    open_engine().commit_burst(messages(level(-3)))
    fresh = open_engine()
    _, judged = pass_over(fresh, RULES)
    hold_judged(fresh, judged, now=NOW)

    assert fresh._state is None


def test_two_passes_at_once_both_end(open_engine):
    """A scheduled pass and somebody's `--record`; a burst goes on beside them."""
    engines = [open_engine() for _ in range(3)]
    engines[0].commit_burst(messages(level(-3)))
    rules = [rule for rule in RULES if rule.query]

    with ThreadPoolExecutor(3) as pool:
        passes = [pool.submit(pass_over, engine, rules[number::2]) for number, engine in enumerate(engines[:2])]
        burst = pool.submit(engines[2].commit_burst, messages(level(4, "08:00", sku="S2")))
        found = sorted(name for each in passes for name in each.result()[0])
        burst.result()

    assert sorted(rule.name for rule in rules) == found
    assert [] == differences(engines[2])


@pytest.mark.big
def test_a_rebuild_keeps_the_history_and_breaks_no_rule(engine):
    engine.commit_burst(messages(level(-3), level(5, sku="S2"), b"{}"))
    pass_over(engine)
    replay = Replay(meaning=engine.meaning)
    rebuild_lake(engine, replay)

    _, judged = pass_over(engine, RULES, now=NOW + HOUR)

    wrong = {each.rule.name for each in judged if each.result.status is ResultStatus.FAIL}
    assert {"no_stock_is_negative", "parents_are_known"} == wrong
    assert 1 == len(read_history(engine.lake, rule="no_stock_is_negative"))


def test_many_wrong_keys_hold_their_warehouse(engine):
    """A key each would be a message each, for ever."""
    few = [("W1", f"S{number}") for number in range(MAX_HELD_KEYS)]

    assert sorted(few) == places_to_hold([*few, *few])
    assert [("W1", None), ("W2", "S1")] == places_to_hold([*few, ("W1", "X"), ("W2", "S1")])
    assert [("W1", None)] == places_to_hold([("W1", None)])
