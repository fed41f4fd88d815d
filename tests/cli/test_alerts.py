"""Handling alerts at the command line: what it says, what it leaves, what it refuses (ADR 0004)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory_assets.settings import Settings
from inventory_assets.stages.engine import Engine
from tests.builders import level, messages, rule, transaction
from tests.cli.conftest import run_process
from tests.facts import differences, rows, value

ID = "SELECT alert_id FROM out.alerts WHERE state = 'firing' ORDER BY alert_id"


@pytest.fixture
def alert_id(home):
    """The id of one LOW_STOCK alert in the home's lake."""
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20), level(100)))
    engine.commit_burst(messages(transaction("T1", quantity=-95)))
    found = value(engine.lake, ID)
    engine.close()
    return found


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
        "inhibited_by", "is_untrusted", "age_minutes",
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


def test_the_beginning_of_several_ids_is_refused_with_the_candidates(run, home, alert_id):
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(level(3, sku="S2")))
    engine.close()

    found = run("alerts", "ack", "alt-2022")

    assert found.code == 1
    assert alert_id in found.err and "S2" in found.err
    both = lake(home, ID)
    assert run("alerts", "ack", *[name for (name,) in both]).code == 0


@pytest.mark.slow
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

    first, second = (run("alerts", "sweep", "--format", "json") for _ in range(2))

    assert [(row["transition"], row["reason"], row["actor"]) for row in first.rows] == [
        ("notified", "repeat", "policy")
    ]
    assert second.rows == []
    assert json.loads(run("sql", "SELECT inputs FROM meta.versions ORDER BY version DESC LIMIT 1", "--format", "json")
                      .rows[0]["inputs"])["policy"] == {"repeat": {"HIGH": 60}}  # fmt: skip


def test_an_incident_is_found_listed_and_explained(run, home):
    engine = Engine(Settings(home=home))
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
