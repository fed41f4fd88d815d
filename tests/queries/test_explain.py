"""Every alert and every absence of one has a reason that can be checked."""

import pytest

from inventory_assets.domain.ingest.meaning import Meaning
from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.replay import RecordedBurst, Replay
from inventory_assets.queries.explain import explain_alert, why_not
from inventory_assets.queries.ids import UnknownAlertError
from inventory_assets.settings import Settings
from tests.builders import command, envelope, level, messages, rule, transaction
from tests.conftest import copy_home
from tests.facts import value

KEY = ("W1", "S1")


@pytest.fixture(scope="module")
def engine(empty_home, tmp_path_factory):
    """One LOW_STOCK alert on S1, a redelivery of its order, and another SKU's trade."""
    engine = Engine(Settings(home=copy_home(empty_home, tmp_path_factory.mktemp("explain"))))
    engine.commit_burst(messages(rule(10, 20), level(15, "07:00"), level(500, "07:00", sku="S2")))
    engine.commit_burst(messages(transaction("T1", quantity=-10, at="08:00")))
    engine.commit_burst(messages(*(transaction(f"O{i}", sku="S2", at=f"09:0{i}") for i in range(5))))
    engine.commit_burst(messages(transaction("T1", quantity=-10, at="08:00")))
    engine.commit_burst(messages(transaction("T2", quantity=-1, at="10:00")))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def alert_id(engine):
    return value(engine.lake, "SELECT alert_id FROM out.alerts WHERE alert_type = 'LOW_STOCK'")


def explain(engine, alert_id):
    return explain_alert(engine.lake, alert_id, meaning=engine.meaning)


def state_after(*documents):
    """The state that one burst of documents leaves; no lake is needed to ask it."""
    burst = RecordedBurst(1, messages(*documents), [], {}, BurstInputs())
    replay = Replay(meaning=Meaning())
    replay.apply(burst)
    return replay.state


def test_unknown_alert_says_what_to_do(engine):
    with pytest.raises(UnknownAlertError, match="inventory alerts"):
        explain(engine, "alt-none")


def test_explaining_reads_only_what_can_matter_to_the_sku(engine, alert_id):
    """Other SKUs' messages and redeliveries are there, and it still comes out the same."""
    explanation = explain(engine, alert_id)

    assert explanation.differences == []
    assert [line.available for line in explanation.events] == [15, 5]


def test_an_alert_of_a_receiver_is_explained_with_the_transfer(open_engine):
    """RULES 16: W2's 30 and the 5 that W1 sent, less 28."""
    engine = open_engine()
    engine.commit_burst(messages(rule(10, 20), level(100), level(30, warehouse_id="W2")))
    engine.commit_burst(messages(transaction("T1", "TRANSFER", 5, to_warehouse_id="W2")))
    engine.commit_burst(messages(transaction("O1", quantity=-28, at="09:00", warehouse_id="W2")))

    explanation = explain(engine, value(engine.lake, "SELECT alert_id FROM out.alerts"))

    assert explanation.differences == []
    assert [line.available for line in explanation.events] == [30, 35, 7]


@pytest.mark.parametrize(
    ("tampering", "difference"),
    [
        ("record = replace(record, '\"on_hand\":5', '\"on_hand\":6')", "on_hand: 6 stored, 5 re-derived"),
        ("record = replace(record, '\"threshold\":10', '\"threshold\":11')", "threshold: 11 stored"),
        ("record = replace(record, '\"is_firing\":true', '\"is_firing\":false')", "is_firing: False stored"),
        ("body = replace(body, '\"current_stock\":5', '\"current_stock\":6')", "body.current_stock: 6 stored"),
        ("available = 6", "available: 6 stored, 5 re-derived"),
        ("state = 'resolved'", "state: 'resolved' stored, 'firing' re-derived"),
    ],
)
def test_a_tampered_alert_is_found_out(engine, alert_id, undone, tampering, difference):
    """Not only what it was computed from: what a reader sees must be what was derived."""
    with undone(engine, f"UPDATE out.alerts_changes SET {tampering} WHERE alert_id = '{alert_id}'"):
        [found] = explain(engine, alert_id).differences

    assert difference in found


def test_an_alert_without_its_events_is_found_out(engine, alert_id, undone):
    with undone(engine, "DELETE FROM raw.messages WHERE event_id LIKE 'transaction:%:T1:%'"):
        found = explain(engine, alert_id).differences

    assert found == ["the replay of its events raises no such alert"]


def test_a_removed_transition_is_found_out(engine, alert_id, undone):
    with undone(engine, "DELETE FROM out.alert_transitions WHERE transition = 'notified'"):
        [found] = explain(engine, alert_id).differences

    assert found.startswith("transitions: ")


WHY_NOT = {
    "no_breach": [level(100)],
    "muted": [rule(10, 20, alert_settings={"enabled": False}), level(0)],
    "restock": [rule(10, 20), level(15, restock_in_progress=True)],
    "firing": [rule(10, 20), level(5)],
    "hysteresis": [rule(10, 10), level(5), transaction("T1", "RESTOCK", 5, "08:00")],
    "improved": [rule(10, 20), level(5), transaction("T1", "RESTOCK", 7, "08:00")],
    "cooldown": [
        rule(10, 10), level(5), transaction("T1", "RESTOCK", 20, "07:10"), transaction("T2", quantity=-20, at="07:20"),
    ],
    "inactive": [
        level(5), envelope(None, 8 * 3600, operation="delete", document_key={"warehouse_id": "W1", "sku": "S1"}),
    ],
}  # fmt: skip


@pytest.mark.parametrize("reason", WHY_NOT)
def test_why_not_names_the_reason(reason):
    state = state_after(*WHY_NOT[reason])

    found = why_not(state, KEY)

    assert found.reason == reason, found.sentence
    assert found.facts["available"] == state.keys[KEY].available


def test_why_not_of_a_paused_key_says_who_paused_it():
    """A withheld notification is no cooldown: the operator would wait for the wrong thing."""
    found = why_not(state_after(rule(10, 20), command("pause", issued_by="night shift"), level(5)), KEY)

    assert found.reason == "paused"
    assert "night shift" in found.sentence


def test_why_not_of_an_unknown_key_is_none():
    assert why_not(state_after(level(5)), ("W9", "S9")) is None


@pytest.mark.parametrize(
    ("orders", "reason", "says"),
    [
        ([command("inhibit", warehouse_id="W1", source="connector")], "inhibited", "warehouse:connector holds it"),
        ([command("silence", sku="S1", minutes=600, issued_by="dana")], "silenced", "dana silenced it until"),
    ],
)
def test_why_not_of_a_held_key_says_who_holds_it(orders, reason, says):
    found = why_not(state_after(rule(10, 20), *orders, level(5)), KEY)

    assert (found.reason, says in found.sentence) == (reason, True)


def test_why_not_of_a_key_closed_by_hand_says_when_it_opens_again():
    state = state_after(rule(10, 20), level(5))
    [alert] = state.alerts[KEY].values()

    closing = command("resolve", alert_id=alert.alert_id, timestamp="2022-04-20T09:00:00Z")
    found = why_not(state_after(rule(10, 20), level(5), closing), KEY)

    assert (found.reason, "recovered" in found.sentence) == ("closed", True)
