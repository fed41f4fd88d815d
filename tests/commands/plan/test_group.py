"""`inventory plan` as a planner uses it."""

import pytest

from inventory_assets.commands.plan.group import SORTS
from inventory_assets.ingest.engine import Engine
from inventory_assets.settings import Settings
from tests.conftest import copy_home
from tests.replenish.shop import fill, fill_and_plan

DAY = ("--refresh", "--date", "2022-05-20")


@pytest.fixture(scope="module")
def home(filled, tmp_path_factory):
    return filled(fill_and_plan, tmp_path_factory.mktemp("plan"))


def test_before_there_is_one_it_says_how(run, filled, tmp_path):
    found = run("plan", at=filled(fill, tmp_path))

    assert 0 == found.code and "inventory plan --refresh" in found.err


def test_lines_come_by_supplier_with_what_to_do_and_why(run):
    found = run("plan", *DAY)

    assert 0 == found.code and "planned as of 2022-05-20: 0 lines changed" in found.err
    assert "Plan of 2022-05-20, of lake version 2, made 20" in found.out
    assert "2 lines urgent, 84 units to order now; 0 lines can wait, 0 units to order later" in found.out
    assert "ACME: 2 lines, 84 units to order" in found.out
    for part in ("2022-05-16", "pln-20220520-W1-S1", "Lamp", "move 30 here from W2, order 84 from ACME", "100 %",
                 "the rule GLOBAL is too low: a reorder of 69 would have seen it", "move 30 to W1"):  # fmt: skip
        assert part in found.out
    assert "pln-20220520-W1-S2" not in found.out and "inventory plan explain pln-20220520-W1-S1" in found.err


def test_rows_have_every_column_and_the_sums_in_words(run):
    rows = run("plan", "--all", "--format", "json").rows
    first, last = rows[0], rows[-1]

    assert 3 == len(rows)
    assert ("pln-20220520-W1-S1", 84, "2022-05-16", 100) == tuple(
        first[name] for name in ("line_id", "order_quantity", "order_by", "risk_percent")
    )
    assert (
        "target 132 = demand 120 over 12 days (lead time 5 + review 7) + safety stock 12 for 0.95 service, rounded up; "
        "needed 82 = target 132 − available 20 − moved here 30; order 84 = needed 82 → in packs of 6"
    ) == first["sums"]
    assert ("what it needs is not known", "lead time, price, supplier and pack", None) == (
        last["why"], last["unknown"], last["order_quantity"]
    )  # fmt: skip
    header = run("plan", "--format", "csv").out.splitlines()[0].split(",")
    assert list(first) == header


@pytest.mark.parametrize(
    ("asked", "count"),
    [(("--supplier", "ACME"), 2), (("--supplier", "none"), 0), (("--warehouse", "W2"), 1), (("--category", "C1"), 2),
     (("--category", "C1", "--all"), 3), (("--category", "'; DROP"), 0)],
)  # fmt: skip
def test_a_choice_chooses(run, asked, count):
    found = run("plan", *asked, "--format", "json")

    assert count == len(found.rows)
    assert count or "of that asks for anything" in found.err


def test_a_past_days_plan_is_shown_and_a_day_without_one_says_how(run, home, tmp_path):
    at = copy_home(home, tmp_path / "other")
    before = run("plan", "--format", "json", at=at).rows
    assert 0 == run("plan", "--refresh", "--date", "2022-05-21", at=at).code

    assert "pln-20220521-W1-S1" in run("plan", at=at).out
    assert before == run("plan", "--date", "2022-05-20", "--format", "json", at=at).rows
    found = run("plan", "--date", "2022-05-20", at=at)
    assert "Plan of 2022-05-20, of lake version 2" in found.out and "pln-20220520-W1-S1" in found.out
    none = run("plan", "--date", "2022-05-19", at=at)
    assert (0, "") == (none.code, none.out) and "there is no plan of 2022-05-19: inventory plan --refresh" in none.err
    none = run("plan", "--date", "2022-05-19", "--format", "json", at=at)
    assert (0, []) == (none.code, none.rows) and "there is no plan of 2022-05-19" in none.err


def test_a_line_explains_itself_and_a_change_in_the_lake_is_found(run, home, tmp_path):
    at = copy_home(home, tmp_path / "other")
    found = run("plan", "explain", "pln-20220520-W1-S1", at=at)

    assert 0 == found.code and "the same line" in found.out
    for part in ("31 events", "on hand 20 − reserved 0 = available 20", "10 a day, deviation 2", "from 300 sold",
                 "order 84 = needed 82 → in packs of 6", "30 from W2 to W1: leaves W2 470, it keeps at least 62"):  # fmt: skip
        assert part in found.out
    assert "3 lines of 1 lake version, no difference" in run("plan", "verify", at=at).err
    (shown,) = run("plan", "explain", "pln-20220520-W1-S1", "--format", "json", at=at).rows
    assert [] == shown["differences"] and 30 == shown["sold"]["days_with_sales"]

    engine = Engine(Settings(home=at))
    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET order_quantity = 83 WHERE sku = 'S1'")
    engine.close()
    found = run("plan", "explain", "pln-20220520-W1-S1", at=at)
    assert 1 == found.code and "order_quantity was 83, derived again 84" in found.out
    found = run("plan", "verify", "--sample", "3", "--format", "json", at=at)
    assert 1 == found.code and "2 of 3 lines differ" in found.err
    assert {"line": "pln-20220520-W1-S1", "difference": "order_quantity was 83, derived again 84"}.items() <= (
        found.rows[0].items()
    )


def test_what_can_wait_is_left_out_where_that_is_asked(run, home, tmp_path):
    at = copy_home(home, tmp_path / "other")
    engine = Engine(Settings(home=at))
    engine.lake.connection.execute("UPDATE lake.out.plans_changes SET order_quantity = 9 WHERE sku = 'S2'")
    engine.close()

    listed = run("plan", "--format", "json", at=at).rows
    urgent = run("plan", "--urgent", "--format", "json", at=at).rows

    assert {"S1", "S2"} == {row["sku"] for row in listed}
    assert [row for row in listed if row["is_urgent"]] == urgent
    shown = run("plan", at=at)
    assert "1 line can wait, 9 units to order later" in shown.out and "pln-20220520-W1-S2" not in shown.out
    assert "1 line left out that can wait or are decided: --all" in shown.err
    assert "pln-20220520-W1-S2" in run("plan", "--all", at=at).out
    assert 2 == run("plan", "--urgent", "--all", at=at).code


def test_lines_are_sorted_as_the_console_sorts_them(run, home, tmp_path):
    at = copy_home(home, tmp_path / "other")
    engine = Engine(Settings(home=at))
    engine.lake.connection.execute(
        "UPDATE lake.out.plans_changes SET revenue_at_risk = 1e6, runs_out_on = DATE '2022-05-01' WHERE warehouse_id = 'W2'"
    )
    engine.close()

    def first(sort):
        return run("plan", "--sort", sort, "--format", "json", at=at).rows[0]["warehouse_id"]

    assert {"urgency": "W1", "money": "W2", "date": "W2", "sku": "W1", "value": "W1", "warehouse": "W1"} == {
        sort: first(sort) for sort in SORTS
    }


@pytest.mark.parametrize("line_id", ["pln-20220520-W9-S1", "nothing", "", "pln-'"])
def test_an_unknown_line_is_one_clear_sentence(run, line_id):
    found = run("plan", "explain", line_id)

    assert 1 == found.code and repr(line_id) in found.err and "inventory plan --all" in found.err


def test_lines_are_decided_one_by_one(run, home, tmp_path):
    """A refused line keeps none of the others from being decided, and the exit says that there was one."""
    at = copy_home(home, tmp_path / "other")
    found = run(
        "plan", "accept", "pln-20220520-W1-S1", "pln-20220519-W1-S1", "nothing", "--by", "ann", "--reason", "PO 7",
        "--format", "json", at=at,
    )  # fmt: skip

    assert 1 == found.code and [("pln-20220520-W1-S1", "accept")] == [(r["line"], r["decision"]) for r in found.rows]
    assert "decide on that" in found.err and "no plan of now has a line 'nothing'" in found.err
    assert "accepted 84 by ann: PO 7" in run("plan", at=at).out
    # Where somebody looks next: the line itself.
    assert "accepted 84 by ann: PO 7" in run("plan", "explain", "pln-20220520-W1-S1", at=at).out
    more = run("plan", "snooze", "pln-20220520-W2-S1", "--until", "2099-01-01", "--reason", "r", at=at)
    assert 1 == more.code and "longer than a year" in more.err
    assert 0 == run("plan", "dismiss", "pln-20220520-W2-S1", "--reason", "keeps", at=at).code
    shown = run("plan", at=at).out
    assert "pln-20220520-W2-S1" not in shown and "1 dismissed" in shown
    assert 2 == run("plan", "accept", "a", "b", "--quantity", "5", "--reason", "r", at=at).code
    assert 0 == run("verify", at=at).code
