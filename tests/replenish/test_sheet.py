"""The plan as a planner works through it: what is chosen, in which order, how much; and that it is read once."""

from datetime import date

import pytest

from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.replenish import sheet
from inventory_assets.replenish.sheet import Sheets, Show, Sort, Wanted
from tests.console.planner import planned
from tests.replenish.shop import DAY, plan


def line(sku, supplier="ACME", **more):
    return {
        "line_id": f"pln-20220520-W1-{sku}", "warehouse_id": "W1", "sku": sku, "supplier_id": supplier,
        "category_id": "C1", "product_name": None, "unit_price": 2.0, "is_urgent": True, "is_order_urgent": True,
        "order_quantity": 10, "transfers": None, "runs_out_on": None, "revenue_at_risk": None, "risk_percent": None,
        "state": "open", "accepted_quantity": None, "lead_time_days": 5, "overdue": 0, "reason": "due",
        "order_without_overdue": 10,
    } | more  # fmt: skip


def test_sums_are_of_what_is_accepted_else_of_what_the_line_says_and_not_of_what_is_dismissed():
    lines = [
        line("A"), line("B", state="accepted", accepted_quantity=7), line("C", unit_price=None),
        line("D", state="dismissed"), line("E", order_quantity=None, is_urgent=False),
    ]  # fmt: skip

    assert sheet.sums(lines) == (5, 4, 27, 34.0, 1)


def test_the_head_says_what_cannot_wait_and_what_is_decided():
    lines = [
        line("A"), line("B", is_urgent=False, is_order_urgent=False, overdue=5), line("C", state="snoozed"),
        line("D", overdue=5, state="accepted", accepted_quantity=10),
        line("E", is_order_urgent=False), line("F", order_quantity=0),
    ]  # fmt: skip

    found = sheet.head(lines)

    assert (found.urgent.lines, found.urgent.units, found.waiting.lines, found.waiting.units) == (4, 10, 1, 20), (
        "what is accepted is on order"
    )
    assert (found.chased, found.chased_later, found.states) == (1, 1, {"snoozed": 1, "accepted": 1})


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.URGENCY, "B1 B2 A1"), (Sort.RUNS_OUT, "A1 B2 B1"), (Sort.RISK, "B2 B1 A1"), (Sort.VALUE, "B2 B1 A1"),
        (Sort.PRODUCT, "A1 B2 B1"), (Sort.SKU, "A1 B1 B2"), (Sort.WAREHOUSE, "A1 B1 B2"),
    ],
)  # fmt: skip
def test_suppliers_come_by_the_measure_of_their_lines(sort, expected):
    lines = [
        line("B1", "BOLT", product_name="zebra"),
        line("B2", "BOLT", product_name="Apple", order_quantity=50, revenue_at_risk=9.0, runs_out_on=date(2022, 6, 2)),
        line("A1", "ACME", runs_out_on=date(2022, 6, 1)),
    ]

    assert " ".join(each["sku"] for group in sheet.group(lines, sort, Show.URGENT) for each in group.lines) == expected


def test_a_supplier_is_asked_for_what_cannot_wait_and_nobody_has_decided_on():
    lines = [
        line("A"), line("gives to another shelf", is_order_urgent=False),
        line("D", state="accepted", accepted_quantity=7), line("of a release before", is_order_urgent=None),
    ]  # fmt: skip

    units = {show: sheet.group(lines, Sort.URGENCY, show)[0].sums.units for show in Show}

    assert units == {Show.URGENT: 20, Show.ALL: 30, Show.DECIDED: 7}
    assert 4 == sheet.group(lines, Sort.URGENCY, Show.URGENT)[0].sums.lines


def test_pages_together_are_the_whole_each_line_once():
    groups = sheet.group(
        [line(f"A{n}") for n in range(5)] + [line("B", None), line("C", "BOLT")], Sort.URGENCY, Show.ALL
    )

    pages = [sheet.cut(groups, offset, 3) for offset in (0, 3, 6)]

    assert [each["sku"] for parts in pages for part in parts for each in part.lines] == [
        "A0", "A1", "A2", "A3", "A4", "B", "C"]  # fmt: skip
    assert [(part.is_continued, part.goes_on) for parts in pages for part in parts] == [
        (False, True), (True, False), (False, False), (False, False)]  # fmt: skip
    assert sheet.cut(groups, 7, 3) == []


def test_a_choice_is_by_every_filter():
    lines = [line("A", product_name="Lamp"), line("B", None, state="snoozed"), line("C", category_id=None)]

    def chosen(show=Show.ALL, **more):
        return [each["sku"] for each in sheet.shown(sheet.choose(lines, Wanted(**more)), show)]

    assert (chosen(), chosen(Show.DECIDED), chosen(text="LAM"), chosen(category_id="C1")) == (
        ["A", "C"], ["B"], ["A"], ["A"])  # fmt: skip
    assert (chosen(Show.DECIDED, is_unsupplied=True), chosen(supplier_id="ACME", text="c")) == (["B"], ["C"])


def test_the_plan_is_read_once_until_something_changes(open_filled, settings):
    engine = open_filled(planned)
    sheets, reader = Sheets(), LakeReader(settings)
    first = sheets.read(reader)

    assert sheets.read(reader) is first
    assert first.made is not None and first.made.day == DAY
    plan(engine, DAY.replace(day=21))
    assert sheets.read(reader).made.day == DAY.replace(day=21)
    reader.connection.close()
