"""Every rule change that took effect is recorded, chained, and the same on replay."""

import msgspec
import pytest

from inventory_assets.domain.thresholds.audit import GENESIS, RuleChange, find_breaks
from inventory_assets.ingest.engine import Engine
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.settings import Settings
from inventory_assets.thresholds.edits import read_changes, read_rules
from tests.builders import cut, envelope, level, message, messages, received, rule, simulated
from tests.facts import differences, rows
from tests.ingest.writer import SHOP

ENTRIES = "SELECT action, level_type, author, reason, version FROM core.threshold_audit ORDER BY version, seq"


def at(day, low=10, reorder=20, **more):
    return rule(low, reorder, updated_at=f"2022-04-{day:02d}T00:00:00Z", **more)


def breaks(engine, **more):
    in_force = {scope: stored.rule for scope, stored in read_rules(engine.lake).items()}
    return find_breaks(read_changes(engine.lake), in_force, **more)


def test_a_change_is_recorded_with_who_why_before_and_after(engine):
    engine.commit_burst(messages(at(10, updated_by="ann", reason="opening")))
    engine.commit_burst(messages(at(11, 15, author="bob", change_reason="spring"), at(12, deleted=True)))

    first, second, third = read_changes(engine.lake)
    assert [(c.action, c.author, c.reason, c.version, c.seq) for c in (first, second, third)] == [
        ("created", "ann", "opening", 1, 0), ("changed", "bob", "spring", 2, 0), ("deleted", None, None, 2, 1),
    ]  # fmt: skip
    assert (first.before, first.after, third.after) == (None, second.before, None)
    assert msgspec.json.decode(third.before)["min_threshold_qty"] == 15
    assert [c.previous_hash for c in (first, second, third)] == [GENESIS, first.hash, second.hash]
    assert breaks(engine) == differences(engine) == []


def test_what_took_no_effect_is_not_recorded(engine):
    """Repeats, late rules and refused ones (RULES 9, 22)."""
    newest = at(20)
    engine.commit_burst(messages(newest))

    engine.commit_burst(messages(newest, at(10, 1), at(21, 30, 20)))

    assert rows(engine.lake, ENTRIES) == [("created", "GLOBAL", None, None, 1)]


def test_without_an_author_the_connector_stands_for_it(engine):
    document = envelope(at(10), 0, connector_id="east-1", namespace="shop.thresholds")
    engine.commit_burst([message(document, topic="thresholds-topic")])

    assert rows(engine.lake, ENTRIES) == [("created", "GLOBAL", "east-1", None, 1)]


def test_who_and_why_and_where_to_are_no_conflict(engine):
    """RULES 11 compares thresholds; a repeat with another channel is a repeat."""
    engine.commit_burst(messages(at(10, updated_by="ann", alert_settings={"notification_channel": "SMS"})))

    [commit] = engine.commit_burst(messages(at(10, updated_by="bob")))

    assert commit.outcomes == {"duplicate": 1}
    [stored] = read_rules(engine.lake).values()
    assert (stored.rule.author, stored.rule.alert_settings) == ("ann", '{"notification_channel":"SMS"}')


@pytest.mark.parametrize("author", [5, "", "  ", ["x"], None])
def test_an_odd_author_costs_no_rule(engine, author):
    engine.commit_burst(messages(at(10, updated_by=author, reason="tab\tand\x1b[31mred")))

    assert rows(engine.lake, ENTRIES) == [("created", "GLOBAL", None, "tab and [31mred", 1)]


@pytest.fixture(scope="module")
def changed(filled, tmp_path_factory):
    """A lake whose rule changed three times, and which holds. Read it only."""
    engine = Engine(Settings(home=filled(_change, tmp_path_factory.mktemp("changed"))))
    assert breaks(engine) == differences(engine) == []
    yield engine
    engine.close()


def _change(engine):
    for number in range(3):
        engine.commit_burst(messages(at(10 + number, 10 + number)))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE core.threshold_audit SET author = 'eve' WHERE version = 2",
        "UPDATE core.threshold_audit SET after = replace(after, '10', '99') WHERE version = 1",
        "DELETE FROM core.threshold_audit WHERE version = 2",
        "DELETE FROM core.threshold_audit WHERE version = 3",
        "UPDATE core.threshold_rules_changes SET details = replace(details, '12', '99') WHERE version = 3",
    ],
)
def test_tampering_is_found_by_the_check_and_by_verify(changed, undone, tampering):
    with undone(changed, tampering):
        assert breaks(changed) != []
        assert differences(changed) != []


def test_a_chain_made_anew_lacks_the_noted_head(engine):
    engine.commit_burst(messages(at(10), at(11, 12)))
    noted = engine.state.audit_head
    changes = read_changes(engine.lake)

    assert find_breaks(changes, head=noted) == []
    assert len(find_breaks(changes, head="f" * 64)) == 1


def test_a_rebuild_makes_the_same_chain_and_a_new_process_goes_on_with_it(engine, open_engine):
    _, sent = simulated(60, seed=5, **SHOP)
    for burst in cut(received(sent), 40):
        engine.commit_burst(burst)
    before = read_changes(engine.lake)
    assert len(before) > 3

    rebuild_lake(engine, Replay(meaning=engine.meaning))
    other = open_engine()
    other.commit_burst(messages(at(20, 11, 22, level_type="SKU", level_id="S1"), level(5)))

    after = read_changes(other.lake)
    assert after[:-1] == before
    assert after[-1].previous_hash == before[-1].hash
    assert all(isinstance(change, RuleChange) for change in after)
    assert breaks(other) == differences(other) == []


def test_an_older_lake_gets_the_table_and_a_rebuild_fills_it(engine, open_engine):
    engine.commit_burst(messages(at(10)))
    engine.lake.connection.execute("DROP TABLE core.threshold_audit")
    engine.close()

    newer = open_engine()

    assert [found.table for found in differences(newer)] == ["core.threshold_audit"]
    rebuild_lake(newer, Replay(meaning=newer.meaning))
    assert breaks(newer) == differences(newer) == []
