"""What people accept counts in later plans, as commands that replay and rebuild carry out again (RULES 36, 42)."""

from datetime import date

import pytest

from inventory_assets.control.issue import CommandRefusedError, issue
from inventory_assets.domain.values import to_microseconds
from inventory_assets.ingest.rebuild import rebuild_lake
from inventory_assets.ingest.replay import Replay
from inventory_assets.replenish.explain import explain_line
from inventory_assets.replenish.lines import read_lines
from tests.builders import command, transaction
from tests.domain.histories import LATER
from tests.facts import differences, rows, warm
from tests.replenish.shop import fill_and_plan, plan, take

LINE = "pln-20220520-W1-S1"
NOW = to_microseconds(LATER)
OF_S1 = "SELECT accepted, lapsed, order_quantity, line_id FROM out.plans WHERE warehouse_id = 'W1' AND sku = 'S1'"


@pytest.fixture
def engine(open_filled):
    return open_filled(fill_and_plan)


def decide(engine, name, line_id=LINE, at=NOW, **more):
    body = {"command": f"plan-{name}", "plan_line_id": line_id, "reason": "ordered", "issued_by": "ann", **more}
    return issue(engine, [body], now=at)


def test_what_is_accepted_counts_until_its_restock_is_seen_and_then_lapses(engine):
    decide(engine, "accept")
    plan(engine)
    # Of 132, 20 are there, 84 are ordered and 30 are to be moved.
    assert (84, 0, 0) == rows(engine.lake, OF_S1)[0][:3]

    take(engine, transaction("R1", "RESTOCK", 50, "2022-05-20T07:00:00Z", status="PENDING"))
    plan(engine)
    assert [(34, 0, 50)] == rows(engine.lake, OF_S1.replace("order_quantity, line_id", "inbound"))
    plan(engine, date(2022, 5, 29))
    assert (34, 0) == rows(engine.lake, OF_S1)[0][:2]
    plan(engine, date(2022, 5, 30))
    assert (0, 34) == rows(engine.lake, OF_S1)[0][:2]
    line = rows(engine.lake, OF_S1)[0][3]
    assert () == explain_line(engine.settings, line).differences


def test_units_that_a_later_version_of_a_restock_adds_are_first_seen_with_it(engine):
    """Of 80 that came, 50 were known when 60 were accepted: the other 30 are of these, and fewer take none back."""
    take(engine, transaction("R1", "RESTOCK", 50, "2022-05-20T07:00:00Z", status="PENDING"))
    decide(engine, "accept", quantity=60)
    take(engine, transaction("R1", "RESTOCK", 80, "2022-05-20T08:00:00Z", status="COMPLETED"))
    take(engine, transaction("R1", "RESTOCK", 70, "2022-05-20T09:00:00Z", status="COMPLETED"))

    plan(engine)

    assert (30, 0) == rows(engine.lake, OF_S1)[0][:2]


def test_a_quantity_of_ones_own_and_a_dismissal_that_takes_it_back(engine):
    decide(engine, "accept", quantity=30)
    plan(engine)
    assert (30, 0) == rows(engine.lake, OF_S1)[0][:2]

    decide(engine, "accept", quantity=6, at=NOW + 1)
    plan(engine)
    assert (36, 0) == rows(engine.lake, OF_S1)[0][:2]

    decide(engine, "dismiss", at=NOW + 2)
    plan(engine)
    assert (0, 0) == rows(engine.lake, OF_S1)[0][:2]


@pytest.mark.big
def test_replay_reload_and_rebuild_are_exact(engine):
    """A refused decision is a dead letter of its moment, whatever lines came later."""
    take(
        engine,
        command("plan-accept", plan_line_id=LINE),
        command("plan-accept", plan_line_id="pln-20220519-W1-S1"),
        command("plan-dismiss", plan_line_id="pln-20220520-W9-S1"),
        command("plan-accept"),
        command("plan-accept", plan_line_id=LINE, quantity=0),
    )
    plan(engine, date(2022, 5, 21))
    before, lines = warm(engine.state), rows(engine.lake, "FROM out.plans ORDER BY ALL")

    assert ["invalid_command", "missing_field", "superseded_line", "unknown_line"] == sorted(
        row[0] for row in rows(engine.lake, "SELECT reason FROM core.dead_letters")
    )
    assert [] == differences(engine)
    engine.drop_state()
    assert before == warm(engine.state)
    found, _ = rebuild_lake(engine, Replay(meaning=engine.meaning))
    assert [] == found == differences(engine)
    assert lines == rows(engine.lake, "FROM out.plans ORDER BY ALL")
    assert [] == plan(engine, date(2022, 5, 21))


def test_at_the_keyboard_a_line_that_is_none_leaves_nothing_behind(engine):
    version = engine.state.version
    for line_id, says in (("pln-20220519-W1-S1", "decide on that"), ("pln-x", "inventory plan --all")):
        with pytest.raises(CommandRefusedError, match=says):
            decide(engine, "accept", line_id)

    assert version == engine.state.version


def test_the_list_hides_what_is_dismissed_until_another_line_and_a_snoozed_shelf_until_its_day(engine):
    def listed():
        return {line["line_id"]: line["state"] for line in read_lines(engine.lake)}

    decide(engine, "snooze", until="2022-06-03T00:00:00Z")
    assert LINE not in listed()
    plan(engine, date(2022, 6, 2))
    assert "pln-20220602-W1-S1" not in listed()
    plan(engine, date(2022, 6, 3))
    assert "open" == listed()["pln-20220603-W1-S1"]

    decide(engine, "dismiss", "pln-20220603-W1-S1", at=NOW + 5)
    assert "pln-20220603-W1-S1" not in listed()
    whole = {line["line_id"]: line for line in read_lines(engine.lake, is_all=True)}
    assert ("dismissed", "ann", "ordered") == tuple(
        whole["pln-20220603-W1-S1"][name] for name in ("state", "decided_by", "decision_reason")
    )
