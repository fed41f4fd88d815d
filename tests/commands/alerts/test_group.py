"""Handling alerts at the command line: what it says, what it leaves, what it refuses (ADR 0004)."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory_assets.ingest import sweep as sweeps
from inventory_assets.ingest.engine import Engine
from inventory_assets.queries.at_stake import FIELDS
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule, transaction
from tests.commands.conftest import run_process
from tests.facts import differences, rows, value

ID = "SELECT alert_id FROM out.alerts WHERE state = 'firing' ORDER BY alert_id"


@pytest.fixture
def alert_id(filled, home):
    """The id of one LOW_STOCK alert in the home's lake."""
    return lake(filled(_run_low, home), ID)[0][0]


def _run_low(engine):
    engine.commit_burst(messages(rule(10, 20), level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))


def lake(home, sql):
    engine = Engine(Settings(home=home))
    try:
        return rows(engine.lake, sql)
    finally:
        engine.close()


def test_bare_alerts_is_list_without_the_handling(run, alert_id):
    """DESIGN section 4: the wire format plus `state` and `notified`, and nothing else."""
    [bare] = run("alerts", "--state", "all", "--format", "json").rows
    [listed] = run("alerts", "list", "--state", "all", "--format", "json").rows

    assert bare == {name: listed[name] for name in bare}
    assert {"state", "notified"} <= set(bare)
    extra = {
        "resolved_reason", "acknowledged_by", "acknowledged_at", "silenced_until", "escalated_level",
        "inhibited_by", "is_untrusted", "age_minutes", "available_now", "transfers_now", "order_now",
        "order_by_now", "nothing_because_now", "what_to_do_now", "why_now", *FIELDS,
    }  # fmt: skip
    assert extra == set(listed) - set(bare)


def test_an_acknowledgement_is_shown_with_who_when_and_why(run, alert_id):
    done = run("alerts", "ack", alert_id[-8:], "--author", "dana", "--reason", "on it")

    assert done.code == 0, done.err
    [listed] = run("alerts", "list", "--format", "json").rows
    assert (listed["acknowledged_by"], listed["alert_id"]) == ("dana", alert_id)
    [shown] = run("alerts", "show", alert_id[:20], "--format", "json").rows
    last = shown["history"][-1]
    assert (last["transition"], last["actor"], last["reason"]) == ("acknowledged", "dana", "on it")
    assert run("alerts", "list", "--unacknowledged", "--format", "json").rows == []
    assert "dana" in run("alerts", "show", alert_id).out


@pytest.mark.big
def test_every_command_leaves_a_lake_that_verifies(run, home, alert_id):
    """They are messages like any other, so replaying them gives the same."""
    for words in (
        ("ack", alert_id), ("silence", alert_id, "--minutes", "5", "--reason", "r"), ("unsilence", alert_id),
        ("silence", "--warehouse", "W1", "--until", "2099-01-01T00:00:00Z", "--reason", "r"),
        ("escalate", alert_id, "--reason", "r"), ("note", alert_id, "[red]words[/] <b>"),
        ("inhibit", "W1", "--reason", "r"), ("uninhibit", "W1"), ("sweep",), ("resolve", alert_id, "--reason", "r"),
    ):  # fmt: skip
        expected = 1 if "2099-01-01T00:00:00Z" in words else 0
        assert run("alerts", *words).code == expected, words

    engine = Engine(Settings(home=home))
    assert differences(engine) == []
    assert value(engine.lake, "SELECT count(*) FROM core.dead_letters") == 0
    engine.close()
    assert run("explain", alert_id).code == 0
    assert "[red]words[/]" in run("alerts", "show", alert_id).out


@pytest.fixture
def moved_on(filled, home):
    """The id of an alert told at 49 available of which 44 were sold since; another warehouse has 160."""
    return lake(filled(_run_low_and_sell_on, home), ID)[0][0]


def _run_low_and_sell_on(engine):
    engine.commit_burst(messages(rule(50, 100), level(200), level(160, warehouse_id="W2")))
    engine.commit_burst(messages(transaction("T1", quantity=-151)))
    engine.commit_burst(messages(transaction("T2", quantity=-44, at="09:00")))


@pytest.mark.parametrize("words", [("alerts",), ("alerts", "show", "{id}"), ("explain", "{id}")], ids=" ".join)
def test_stock_and_what_to_do_are_those_of_now(run, moved_on, words):
    """As told it would be an order of 151 for a shelf that has 49: both are wrong by now.

    Twice the reorder threshold, as demand is not known, and so nothing is moved for it: 200 less 5.
    """
    found = run(*[word.replace("{id}", moved_on) for word in words])

    assert found.code == 0, found.err
    printed = " ".join(found.out.lower().replace("│", " ").split())
    assert "order 195" in printed
    assert "move" not in printed.partition("history")[0].replace("moved", "")
    assert "49" in printed  # what it was when notified
    assert re.search(r"\b5\b", printed)


def test_list_has_the_stock_of_now_beside_what_was_told(run, moved_on):
    [row] = run("alerts", "list", "--format", "json").rows

    assert (row["available_stock"], row["available_now"]) == (49, 5)
    assert (row["transfers_now"], row["order_now"]) == ([], 195)
    assert (["order 195"], None) == (row["what_to_do_now"], row["order_by_now"])
    assert "49 when notified" in run("alerts", "list").out


def test_explain_says_what_was_told_apart_from_what_to_do_now(run, moved_on):
    found = run("explain", moved_on)

    [now, notified] = re.split("What to do when it was notified", found.out.split("What to do, by the plan of")[1])
    assert "needed 195 = target 200 − available 5" in now
    assert "needed 151 = target 200 − available 49" in notified
    [row] = run("explain", moved_on, "--format", "json").rows
    assert (row["recommendation"]["needed"], row["now"]["recommendation"]["needed"]) == (151, 195)


def test_limits_that_changed_since_it_was_told_count(run, moved_on):
    assert run("thresholds", "set", "GLOBAL", "--reorder", "150").code == 0

    [row] = run("alerts", "list", "--format", "json").rows

    assert row["order_now"] == 2 * 150 - 5


def test_the_end_of_an_alert_leaves_nothing_to_do(run, moved_on):
    run("alerts", "resolve", moved_on, "--reason", "r")

    [row] = run("alerts", "list", "--state", "all", "--format", "json").rows
    assert (row["available_now"], row["transfers_now"], row["order_now"]) == (None, None, None)
    assert "Nothing to do: it is resolved" in run("explain", moved_on).out
    assert "order 195" not in run("alerts", "--state", "all").out


def test_what_was_done_about_an_alert_is_in_the_short_list_too(run, moved_on):
    for words in (("ack", "--author", "dana"), ("escalate",), ("silence", "--minutes", "9")):
        assert run("alerts", words[0], moved_on, *words[1:], *(["--reason", "r"] * (words[0] != "ack"))).code == 0
    assert run("alerts", "inhibit", "W1", "--reason", "r").code == 0

    shown = " ".join(run("alerts").out.replace("│", " ").split())

    for mark in ("acknowledged by dana", "level 1", "silenced until", "untrusted"):
        assert mark in shown, shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ack", "nonsense"), "inventory alerts list"),
        (("unsilence", "{id}"), "not silenced"),
        (("silence", "{id}", "--until", "2020-01-01T00:00:00Z", "--reason", "r"), "ended before it began"),
        (("silence", "{id}", "--until", "teatime", "--reason", "r"), "RFC 3339"),
        (("note", "{id}", ""), "1 to 1024"),
        (("unsilence", "--sku", "S1"), "no silence"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_exits_1_says_why_and_writes_nothing(run, home, alert_id, arguments, says):
    before = lake(home, "SELECT max(version) FROM meta.versions")

    found = run("alerts", *[word.replace("{id}", alert_id) for word in arguments])

    assert (found.code, found.out) == (1, "")
    assert says in found.err
    assert lake(home, "SELECT max(version) FROM meta.versions") == before


def test_acting_after_it_was_resolved_is_refused(run, alert_id):
    run("alerts", "resolve", alert_id, "--reason", "gone")

    found = run("alerts", "ack", alert_id)

    assert found.code == 1
    assert "resolved at" in found.err and "manual" in found.err


def test_acknowledging_twice_says_so(run, home, alert_id):
    run("alerts", "ack", alert_id, "--author", "dana")
    before = lake(home, "SELECT max(version) FROM meta.versions")

    found = run("alerts", "ack", alert_id, "--author", "dana")

    assert (found.code, found.out) == (0, "")
    assert "so already" in found.err
    assert lake(home, "SELECT max(version) FROM meta.versions") == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("silence", "--warehouse", "W9", "--minutes", "5"),
            "no stock is known of warehouse 'W9'. Is it the right id?",
        ),
        (("inhibit", "W9"), "no stock is known of warehouse 'W9'"),
        pytest.param(
            ("silence", "--sku", "S2", "--minutes", "5"), "no alert of SKU 'S2' fires now", marks=pytest.mark.big
        ),
        pytest.param(
            ("silence", "--warehouse", "W1", "--minutes", "5"),
            "silenced for longer already, until",
            marks=pytest.mark.big,
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_that_concerns_no_alert_says_why(run, home, alert_id, words, says):
    """A misspelt id, nothing that fires and a longer silence are three things to do next."""
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(300, sku="S2", warehouse_id="W2")))
    engine.close()
    assert run("alerts", "silence", alert_id, "--minutes", "500", "--reason", "r").code == 0

    found = run("alerts", *words, "--reason", "r")

    assert (found.code, found.out) == (0, "")
    assert says in " ".join(found.err.split())


def test_lifting_what_held_nothing_says_so(run, alert_id):
    run("alerts", "inhibit", "W9", "--reason", "r", "--author", "dana")

    assert "inhibited no alert" in run("alerts", "uninhibit", "W9", "--author", "dana").err


def test_incidents_of_a_time_to_come_are_refused(run, alert_id):
    found = run("incidents", "find", "--as-of", "2999-01-01T00:00:00Z")

    assert (found.code, found.out) == (2, "")
    assert "yet to come" in found.err


def test_thresholds_of_stock_documents_are_one_row_of_the_statistics(run, engine):
    engine.commit_burst(messages(*(level(5, sku=f"S{n}", min_threshold=10, reorder_threshold=20) for n in range(3))))
    engine.close()

    found = run("alerts", "stats", "--by", "rule", "--format", "json").rows

    assert [(row["rule"], row["alerts"]) for row in found] == [("EMBEDDED", 3)]


def test_the_beginning_of_several_ids_is_refused_with_the_candidates(run, home, alert_id):
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(3, sku="S2")))
    engine.close()

    found = run("alerts", "ack", "alt-2022")

    assert found.code == 1
    assert alert_id in found.err and "S2" in found.err
    both = lake(home, ID)
    assert run("alerts", "ack", *[name for (name,) in both]).code == 0


def test_two_people_at_once_are_both_heard(home, alert_id):
    """Two writers: one reloads, and nothing is lost."""
    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(lambda who: run_process("alerts", "note", alert_id, who, "--author", who, home=home), ("a", "b"))
        )

    assert [each.code for each in found] == [0, 0], [each.err for each in found]
    notes = lake(home, "SELECT actor, reason FROM out.alert_transitions WHERE transition = 'note' ORDER BY 1")
    assert notes == [("a", "a"), ("b", "b")]


def test_a_bad_policy_says_what_is_expected(run, alert_id, monkeypatch):
    monkeypatch.setenv("INVENTORY_REPEAT_EVERY", "SOMETIMES=1h")

    found = run("alerts", "sweep")

    assert found.code == 1
    assert "INVENTORY_REPEAT_EVERY" in found.err and "CRITICAL=30m" in found.err


def test_a_sweep_repeats_what_nobody_took_once(run, alert_id, monkeypatch):
    monkeypatch.setenv("INVENTORY_REPEAT_EVERY", "HIGH=1h")
    # As if it had been committed as it happened, long ago.
    monkeypatch.setattr(sweeps, "moments_of", lambda state, now, shown_at: dict.fromkeys(state.newest, now))

    first, second = (run("alerts", "sweep", "--format", "json") for _ in range(2))

    assert [(row["transition"], row["reason"], row["actor"]) for row in first.rows] == [
        ("notified", "repeat", "policy")
    ]
    assert second.rows == []
    assert json.loads(run("sql", "SELECT inputs FROM meta.versions ORDER BY version DESC LIMIT 1", "--format", "json")
                      .rows[0]["inputs"])["policy"] == {"repeat": {"HIGH": 60}}  # fmt: skip


def test_an_incident_is_found_listed_and_explained(run, engine):
    engine.commit_burst(messages(rule(10, 20), *(level(0, sku=f"S{n}", category_id="C1") for n in range(3))))
    engine.close()

    assert len(run("incidents", "find", "--as-of", "2022-04-20T12:00:00Z", "--format", "json").rows) == 1
    [found] = run("incidents", "--format", "json").rows
    assert (found["kind"], len(found["members"])) == ("CATEGORY_STOCKOUTS", 3)
    explained = run("explain", found["incident_id"])
    assert explained.code == 0, explained.err
    assert "3 SKUs out of stock within 24 h >= 3" in explained.out and "the same incident" in explained.out
    assert run("explain", "inc-nonsense").code == 1
    assert run("verify").code == 0


def test_a_link_in_a_note_is_a_post_mortem(run, alert_id):
    noted = run("alerts", "note", alert_id, "post-mortem: https://wiki.example.com/17. ftp://x", "--author", "dana")

    assert noted.code == 0, noted.err
    assert "Post-mortem  https://wiki.example.com/17  (dana," in run("alerts", "show", alert_id).out
    [shown] = run("alerts", "show", alert_id, "--format", "json").rows
    assert [(each["url"], each["by"]) for each in shown["post_mortems"]] == [("https://wiki.example.com/17", "dana")]
