"""What was accepted is listed after the next plan, too, and says what the plan counts of it (RULES 36, 42)."""

from datetime import date

import pytest

from inventory_assets.control.issue import issue
from inventory_assets.domain.values import to_microseconds
from inventory_assets.replenish.decided import read_unlanded
from inventory_assets.replenish.ordered import COLUMNS, OrderedWanted, choose_ordered, read_ordered
from tests.builders import transaction
from tests.domain.histories import LATER
from tests.facts import rows
from tests.replenish.shop import fill_and_plan, plan, take

LINE = "pln-20220520-W1-S1"
NOW = to_microseconds(LATER)


@pytest.fixture
def engine(open_filled):
    return open_filled(fill_and_plan)


def decide(engine, name, line_id=LINE, at=NOW, **more):
    body = {"command": f"plan-{name}", "plan_line_id": line_id, "reason": "PO 7", "issued_by": "ann", **more}
    return issue(engine, [body], now=at)


def test_a_line_of_an_older_plan_is_listed_with_what_came_of_it(engine):
    decide(engine, "accept")
    take(engine, transaction("R1", "RESTOCK", 50, "2022-05-20T07:00:00Z", status="PENDING"))
    plan(engine, date(2022, 5, 21))
    [row] = read_ordered(engine.lake).rows

    assert list(row) == list(COLUMNS)
    assert (LINE, "Lamp", "ACME", 84, "ann", "PO 7", "on_order", 0, 50, 34, date(2022, 5, 25)) == tuple(
        row[name] for name in ("line_id", "product_name", "supplier_id", "accepted_quantity", "accepted_by", "reason",
                               "state", "arrived", "announced", "unheard", "expected_on")
    )  # fmt: skip
    assert [(34,)] == rows(engine.lake, "SELECT accepted FROM out.plans WHERE line_id = 'pln-20220521-W1-S1'")

    take(engine, transaction("R1", "RESTOCK", 50, "2022-05-24T07:00:00Z", status="COMPLETED"))
    plan(engine, date(2022, 5, 26))
    [row] = read_ordered(engine.lake).rows
    assert ("overdue", 50, date(2022, 5, 24), 34) == tuple(
        row[name] for name in ("state", "arrived", "arrived_on", "overdue")
    )


def test_what_is_taken_back_is_not_ordered_and_what_has_not_landed_is(engine):
    assert [] == read_ordered(engine.lake).rows
    before = engine.state.version
    decide(engine, "accept")
    engine.land()
    assert 1 == len(read_ordered(engine.lake, unlanded=read_unlanded(engine.settings, before)).rows)

    decide(engine, "dismiss", at=NOW + 1)

    assert [] == read_ordered(engine.lake).rows


def test_a_choice_chooses(engine):
    decide(engine, "accept")
    decide(engine, "accept", "pln-20220520-W2-S1", quantity=5, at=NOW + 1)
    found = read_ordered(engine.lake).rows

    def chosen(**wanted):
        return [row["warehouse_id"] for row in choose_ordered(found, OrderedWanted(**wanted))]

    assert ["W2", "W1"] == chosen() == chosen(supplier_id="ACME", text="LAM") == chosen(is_to_come=True)
    assert ["W1"] == chosen(warehouse_id="W1")
    assert [] == chosen(since=date(2099, 1, 1)) == chosen(is_unsupplied=True) == chosen(category_id="C2")
