"""The plan's lines: of the newest plan from memory, pages of one plan."""

from inventory_assets.domain.picture.rows import PlanLine
from tests.api.asking import get


def _line(sku, version=1, **more):
    base = dict.fromkeys(PlanLine.__struct_fields__) | {
        "line_id": f"pln-20220423-W1-{sku}", "warehouse_id": "W1", "sku": sku, "plan_day": 19_105, "order_quantity": 5,
        "supplier_id": "U", "version": version,
    }  # fmt: skip
    return PlanLine(**(base | more))


def test_lines_are_given_by_page_and_by_id(served):
    app = served.start(lines=[_line("b", is_urgent=True), _line("a"), _line("c", transfers='[{"quantity": 3}]')]).app
    first = get(app, "/v1/plan?limit=2").json

    rest = get(app, f"/v1/plan?limit=2&cursor={first['next_cursor']}").json

    assert ["a", "b", "c"] == [each["sku"] for each in first["items"] + rest["items"]]
    assert ["b"] == [each["sku"] for each in get(app, "/v1/plan?urgent=true").json["items"]]
    assert ("2022-04-23", [{"quantity": 3}]) == (
        get(app, "/v1/plan/pln-20220423-W1-a").json["plan_date"],
        get(app, "/v1/plan/pln-20220423-W1-c").json["transfers"],
    )
    assert 422 == get(app, "/v1/plan/pln-20220423-W1-a?x=1").status


def test_a_page_of_a_plan_that_was_made_anew_is_gone(served):
    app = served.start(lines=[_line("a"), _line("b")]).app
    cursor = get(app, "/v1/plan?limit=1").json["next_cursor"]

    served.step(lines=[_line("a", 2)])

    assert 410 == get(app, f"/v1/plan?limit=1&cursor={cursor}").status
