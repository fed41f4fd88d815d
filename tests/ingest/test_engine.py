"""Catching up gives the state that loading anew gives."""

import pytest

from inventory_assets.domain.ingest.process import BurstInputs
from inventory_assets.domain.values import read_time
from inventory_assets.ingest import engine as module
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from tests.builders import command, cut, level, messages, moment, received, rule, simulated, transaction
from tests.facts import differences, remembered, warm


@pytest.fixture
def pair(open_engine):
    """Two engines on one lake, both warm."""
    first, second = open_engine(), open_engine()
    first.commit_burst(messages(rule(10, 20), level(100, category_id="C1"), transaction("T1", quantity=-95)))
    assert second.state.version == 1
    return first, second


def test_it_is_what_loading_gives_after_bursts_commands_and_sweeps(pair, open_engine, monkeypatch):
    first, second = pair
    _, sent = simulated(600, seed=2, skus=20, warehouses=2)
    for burst in cut(received(sent), 200):
        first.commit_burst(burst)
    alert_id = next(a.alert_id for alerts in first.state.alerts.values() for a in alerts.values())
    later = {"timestamp": moment("09:00")}
    first.commit_burst(messages(command("silence", category_id="C1", minutes=60, **later), command("pause", sku="S9")))
    first.commit_burst(messages(command("ack", alert_id=alert_id, **later), b"broken"))
    first.commit_burst([], inputs=BurstInputs(sweep_at=read_time("t", moment("12:00"))), stage="sweep")
    first.commit_burst([], inputs=BurstInputs(velocity_date="2022-04-21", velocities=(("W1", "S1", 3.5),)))
    first.commit_note("note", lambda transaction: None)
    # What is dropped is loaded anew by the next use, and would hide a catching up that did nothing.
    monkeypatch.setattr(second, "drop_state", lambda: pytest.fail("loaded anew"))

    second.refresh()

    fresh = open_engine()
    assert warm(second.state) == warm(first.state) == warm(fresh.state)
    assert remembered(second.state) == remembered(first.state)
    assert second.state.silences == fresh.state.silences
    monkeypatch.undo()
    second.commit_burst(messages(transaction("T9", quantity=-5, at="13:00")))
    assert differences(second) == []


def test_a_rebuild_or_many_versions_load_anew(pair, monkeypatch):
    first, second = pair
    monkeypatch.setattr(module, "MAX_CATCH_UP_VERSIONS", 2)
    for number in range(3):
        first.commit_burst(messages(transaction(f"O{number}", quantity=-1, at="09:00", sku="S2")))
    old = second.state
    second.refresh()
    assert second.state is not old and second.state.version == 4

    rebuild_lake(first, Replay(defaults=first.defaults, settings=first.parse_settings))
    old = second.state
    second.refresh()
    assert second.state is not old and warm(second.state) == warm(first.state)
