"""`out/plans` in Dagster: what a run shows of it, and the check that derives a line again."""

import dagster as dg
import pytest

from inventory_assets.assets.checks import most_urgent_line_is_explained
from inventory_assets.assets.metadata import table_metadata
from inventory_assets.assets.specs import SPEC_OF
from inventory_assets.domain.replenish.shelves import PLAN_DEFAULTS
from inventory_assets.session import SESSIONS
from resources import InventoryResource
from tests.replenish.shop import fill, plan


@pytest.fixture
def home(filled, tmp_path):
    def planned(engine):
        fill(engine)
        plan(engine)

    return filled(planned, tmp_path / "home")


def test_a_run_shows_the_most_urgent_lines_and_the_check_derives_one_again(home):
    inventory = InventoryResource(home=str(home))
    with inventory.session().engine() as engine:
        shown = table_metadata(engine.lake, SPEC_OF["out.plans"], PLAN_DEFAULTS)
        checked = most_urgent_line_is_explained(inventory)
        engine.lake.connection.execute("UPDATE lake.out.plans_changes SET needed = 1 WHERE sku = 'S1'")
        wrong = most_urgent_line_is_explained(inventory)
    SESSIONS.close()

    assert "2 lines to see to before the next review, 0 can wait" == shown["summary"]
    [record, *_] = shown["most_urgent"].records
    assert ("pln-20220520-W1-S1", "move 30 here from W2, order 84 from ACME now") == (
        record.data["line"], record.data["what to do"]
    )  # fmt: skip
    assert (True, False) == (checked.passed, wrong.passed)
    assert isinstance(checked, dg.AssetCheckResult)
