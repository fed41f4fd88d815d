"""`inventory alerts notifications`, and ids in short: who was told what, without a query."""

import pytest

from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.builders import level, messages, rule
from tests.conftest import copy_home

POLICY = """
[channels.terminal]
kind = "console"
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9/"
secret_env = "HOOK_SECRET"
allow_hosts = ["127.0.0.0/8"]
[[routes]]
channels = ["terminal", "hook"]
"""
JSON = ("--format", "json")


@pytest.fixture(scope="module")
def told(empty_home, tmp_path_factory):
    """A home with two alerts and an incident; nothing was sent yet."""
    home = copy_home(empty_home, tmp_path_factory.mktemp("told") / "home")
    engine = Engine(Settings(home=home))
    engine.commit_burst(messages(rule(10, 20), *(level(0, sku=f"S{n}", category_id="C1") for n in range(3))))
    engine.close()
    (home / "alerting.toml").write_text(POLICY)
    return home


@pytest.fixture
def delivered(run, told, monkeypatch):
    """The same home after one try of everything; the hook does not answer."""
    monkeypatch.setenv("HOOK_SECRET", "secret")
    if run("alerts", "notifications", *JSON, at=told).rows == []:
        run("deliver", "--once", at=told)
        run("incidents", "find", "--as-of", "2022-04-20T12:00:00Z", at=told)
    return told


def test_before_anything_is_told_it_says_so(run, engine):
    engine.commit_burst(messages(rule(10, 20), level(5)))
    engine.close()

    found = run("alerts", "notifications")

    assert (found.code, found.out) == (0, "")
    assert "nobody was notified yet" in found.err


def test_each_telling_has_its_channel_time_tries_and_error(run, delivered):
    found = run("alerts", "notifications", *JSON, at=delivered).rows

    by_channel = {channel: [row for row in found if row["channel"] == channel] for channel in ("terminal", "hook")}
    assert {row["status"] for row in by_channel["terminal"]} == {"sent"}
    # A channel that did not answer is left alone for a while: the others are not tried yet.
    assert {row["status"] for row in by_channel["hook"]} <= {"failed", "owed"}
    for row in by_channel["hook"]:
        assert (row["status"] == "failed") is (row["tries"] > 0) is bool(row["error"])
    assert any(row["tries"] for row in by_channel["hook"])


def test_one_alert_has_its_own_tellings_only(run, delivered):
    [alert, *_] = run("alerts", *JSON, at=delivered).rows

    found = run("alerts", "notifications", alert["alert_id"][-8:], *JSON, at=delivered).rows

    assert {row["channel"] for row in found} == {"terminal", "hook"}
    assert all(alert["alert_id"] in row["members"] for row in found)
    shown = run("alerts", "notifications", alert["alert_id"], at=delivered)
    assert "terminal" in shown.out and "sent" in shown.out
    assert "inventory explain" in shown.err


@pytest.mark.parametrize("what", [pytest.param("alert_id FROM out.alerts", marks=pytest.mark.big),
                                  pytest.param("incident_id FROM out.incidents", marks=pytest.mark.big),
                                  "notification_id FROM out.notifications"])  # fmt: skip
def test_explain_takes_the_end_and_the_beginning_of_an_id(run, delivered, what):
    [[id_], *_] = [list(row.values()) for row in run("sql", f"SELECT {what} ORDER BY 1", *JSON, at=delivered).rows]

    for text in (id_[-8:], id_[:-1], id_):
        found = run("explain", text, *JSON, at=delivered)

        assert found.code == 0, found.err
        assert id_ in found.out


@pytest.mark.parametrize("words", [("explain", "alt-"), ("explain", "ntf-"), ("alerts", "notifications", "alt-")])
def test_what_several_ids_begin_with_is_refused_with_the_candidates(run, delivered, words):
    found = run(*words, at=delivered)

    assert (found.code, found.out) == (1, "")
    assert "give more of it" in found.err and found.err.count("\n  ") >= 3


@pytest.mark.parametrize(("text", "says"), [("inc-x", "inventory incidents"), ("ntf-x", "alerts notifications"),
                                            ("zzz", "inventory alerts list"), ("", "inventory alerts")])  # fmt: skip
def test_an_unknown_id_says_where_they_are_listed(run, delivered, text, says):
    found = run("explain", text, at=delivered)

    assert (found.code, found.out) == (1, "")
    assert says in found.err
