"""`inventory plan accepted`: what was ordered is still found when the next plan has been made."""

import pytest

from tests.conftest import copy_home
from tests.replenish.shop import fill_and_plan

LINE = "pln-20220520-W1-S1"


@pytest.fixture(scope="module")
def home(filled, tmp_path_factory):
    return filled(fill_and_plan, tmp_path_factory.mktemp("accepted"))


def test_what_is_accepted_is_listed_after_the_next_plan(run, home, tmp_path):
    at = copy_home(home, tmp_path / "other")
    none = run("plan", "accepted", at=at)
    assert (0, "") == (none.code, none.out) and "nothing is accepted; inventory plan accept LINE" in none.err
    assert (0, []) == (none.code, run("plan", "accepted", "--format", "json", at=at).rows)
    assert 0 == run("plan", "accept", LINE, "--by", "ann", "--reason", "PO 7", at=at).code
    assert (
        0
        == run("plan", "accept", "pln-20220520-W2-S1", "--quantity", "5", "--by", "bo", "--reason", "PO 8", at=at).code
    )
    assert 0 == run("plan", "--refresh", "--date", "2022-05-21", at=at).code

    shown = run("plan", "accepted", at=at)
    rows = run("plan", "accepted", "--warehouse", "W1", "--format", "json", at=at).rows

    assert "2 lines accepted; as of 2022-05-21 89 units to come, 0 overdue" in shown.out
    for part in (LINE, "Lamp", "ACME", "ann", "PO 7", "2022-05-25", "on order"):
        assert part in shown.out
    assert [("PO 7", 84, 84, "on_order", "84 ordered, no restock seen yet; expected on 2022-05-25")] == [
        tuple(row[name] for name in ("reason", "accepted_quantity", "unheard", "state", "words")) for row in rows
    ]
    assert "1 more: --limit 2" in run("plan", "accepted", "--limit", "1", at=at).err
    late = run("plan", "accepted", "--since", "2022-05-20", "--supplier", "none", "--open", at=at)
    assert (0, "") == (late.code, late.out) and "nothing that was accepted is of that choice" in late.err
    assert 2 == run("plan", "accepted", "--since", "2999-01-01", at=at).code
