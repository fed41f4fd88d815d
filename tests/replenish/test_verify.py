"""Many lines are derived again in one pass over their version, and say what `explain` says of each."""

import tarfile
from datetime import date
from pathlib import Path

import pytest

from inventory_assets.domain.replenish.shelves import METHOD, PlanSettings
from inventory_assets.replenish.explain import MAX_NAMED_SKUS, explain_line
from inventory_assets.replenish.verify import verify_lines
from inventory_assets.settings import Settings
from tests.builders import transaction
from tests.facts import rows
from tests.replenish.shop import fill, plan, take

LINE = "pln-20220520-W1-S1"
# Two plans, made by a release whose lines have no method: of overdue goods, of what is below its target and can wait,
# of a transfer of one unit.
OLDER = Path(__file__).parents[1] / "ingest" / "older" / "lake-3.tar.gz"


@pytest.fixture
def engine(open_filled):
    return open_filled(fill)


@pytest.mark.parametrize(
    "most", [MAX_NAMED_SKUS, pytest.param(0, marks=pytest.mark.big)], ids=["SKUs by name", "all SKUs"]
)
def test_lines_of_now_and_of_the_past_are_derived_again(engine, monkeypatch, most):
    plan(engine)
    take(engine, transaction("R1", "RESTOCK", 50, "2022-05-18T08:00:00Z", status="PENDING"))
    plan(engine, date(2022, 5, 21))
    monkeypatch.setattr("inventory_assets.replenish.explain.MAX_NAMED_SKUS", most)

    assert (3, 1, []) == verify_lines(engine.settings)
    assert (6, 2, []) == verify_lines(engine.settings, is_past=True)

    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET available = 21, needed = 7 WHERE sku = 'S1'")
    found = verify_lines(engine.settings, is_past=True).differences
    assert {(f"pln-{day}-{place}-S1", version) for day, version in (("20220520", 2), ("20220521", 4))
            for place in ("W1", "W2")} == {(each.line, each.as_of_version) for each in found}  # fmt: skip
    assert explain_line(engine.settings, LINE).differences == tuple(
        each.difference for each in found if each.line == LINE
    )


def test_lines_of_releases_before_are_derived_by_their_own_reading(engine):
    """They have no method: what was overdue came on the plan's date, and transfers began at one unit."""
    take(engine, transaction("R1", "RESTOCK", 200, "2022-05-01T08:00:00Z", status="PENDING"))
    plan(engine, settings=PlanSettings(least_transfer=1, method=None))
    said = "SELECT method, reason, overdue, overdue_since, order_without_overdue, transferred_in FROM out.plans"
    before = rows(engine.lake, f"{said} WHERE sku = 'S1' AND warehouse_id = 'W1'")
    plan(engine)
    now = rows(engine.lake, f"{said} WHERE sku = 'S1' AND warehouse_id = 'W1'")

    assert [(None, "on_its_way", None, None, None, 0)] == before
    # It was to come after five days. Without it 132 are aimed at: less the 20 left and 30 moved here, in sixes.
    assert [(METHOD, "too_late", 200, date(2022, 5, 6), 84, 30)] == now
    assert (6, 2, []) == verify_lines(engine.settings, is_past=True)
    assert () == explain_line(engine.settings, LINE).differences

    # By the other reading they would be other lines.
    engine.lake.connection.execute(f"UPDATE lake.out.plans_changes SET method = {METHOD}")
    assert LINE in {each.line for each in verify_lines(engine.settings, is_past=True).differences}


def test_a_lake_that_a_release_before_made_is_verified_as_it_is(home):
    with tarfile.open(OLDER) as archive:
        archive.extractall(home.parent, filter="data")

    assert (12, 2, []) == verify_lines(Settings(home=home), is_past=True)
    found = explain_line(Settings(home=home), "pln-20220520-W1-S4")
    assert ((), None, 1) == (found.differences, found.line["method"], found.line["transferred_in"])


def test_a_draw_is_of_the_size_asked_and_the_same_for_a_seed(engine):
    plan(engine)
    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET needed = 7")

    drawn = [
        tuple(each.line for each in verify_lines(engine.settings, sample=1, seed=seed).differences) for seed in range(4)
    ]

    assert {1} == set(map(len, drawn)) and len(set(drawn)) > 1
    assert drawn[3] == tuple(each.line for each in verify_lines(engine.settings, sample=1, seed=3).differences)
    assert 3 == verify_lines(engine.settings, sample=9).lines
