"""What is loaded is what was live."""

from inventory_assets.lake.transaction import Lake
from inventory_assets.settings import Settings
from tests.builders import ROUGH, command, cut, level, messages, moment, received, rule, simulated, transaction
from tests.facts import (
    ALERTS,
    ROLLUPS,
    STATE,
    STOCK,
    differences,
    remembered,
    rows,
    value,
    warm,
)


def test_a_state_is_loaded_as_of_one_version(open_engine, monkeypatch):
    """Loading takes seconds on a large lake; a burst committed meanwhile must not be in it by half."""
    writer, reader = open_engine(), open_engine()
    writer.commit_burst(messages(level(100)))
    landed = Lake.landed

    def landed_and_then_a_burst(lake):
        found = landed(lake)
        if lake is reader.lake:
            monkeypatch.setattr(Lake, "landed", landed)
            writer.commit_burst(messages(transaction("T1", quantity=-10)))
        return found

    monkeypatch.setattr(Lake, "landed", landed_and_then_a_burst)

    assert (1, 100) == (reader.state.version, reader.state.keys[("W1", "S1")].on_hand)
    [commit] = reader.commit_burst(messages(transaction("T2", quantity=-1)))
    assert commit.outcomes == {"applied": 1}
    assert rows(writer.lake, STOCK) == [("W1", "S1", 89, 0, 89, 0)]


def test_restart_after_every_burst_changes_nothing(engine, open_engine, tmp_path):
    """What is loaded is what was live, and what follows from it is the same, in the same order."""
    _, sent = simulated(500, seed=13, **ROUGH)
    steady = open_engine(chosen=Settings(home=tmp_path / "steady"))
    for burst in cut(received(sent), 110):
        steady.commit_burst(burst)
        engine.commit_burst(burst)
        engine.drop_state()

        assert warm(engine.state) == warm(steady.state)
        assert remembered(engine.state) == remembered(steady.state)
    assert differences(engine) == []
    for query in (STATE, ROLLUPS, ALERTS, "SELECT * FROM out.alert_transitions ORDER BY version, seq"):
        assert rows(engine.lake, query) == rows(steady.lake, query)


def test_what_commands_left_is_the_same_after_a_restart(open_engine):
    first = open_engine()
    first.commit_burst(messages(rule(10, 20), level(100, category_id="C1"), transaction("T1", quantity=-95)))
    alert_id = value(first.lake, "SELECT alert_id FROM out.alerts")
    later = {"timestamp": moment("09:00")}
    first.commit_burst(
        messages(
            command("silence", category_id="C1", minutes=600, **later),
            command("silence", sku="S9", minutes=60, **later),
            command("unsilence", sku="S9", timestamp=moment("09:10")),
            command("inhibit", warehouse_id="W1", issued_by="connector", **later),
            command("inhibit", category_id="C1", alert_type="STOCKOUT", source="inc-1", **later),
            command("ack", alert_id=alert_id, **later), command("ack", alert_id="alt-none", **later),
        )
    )  # fmt: skip

    second = open_engine()
    assert warm(second.state) == warm(first.state)
    assert second.state.silences == first.state.silences
    assert second.state.inhibitions == first.state.inhibitions
    assert sorted(place[-1] for place in second.state.inhibitions) == ["inc-1", "warehouse:connector"]
    assert differences(second) == []
