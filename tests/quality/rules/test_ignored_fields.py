"""An optional field that does not fit is null, counted with its version, and named (RULES 5)."""

import json

from inventory_assets.domain.values import to_microseconds
from inventory_assets.quality.judge import judge_rules
from inventory_assets.quality.rules import RULES
from tests.builders import PUBLISHED_AT, level, messages, transaction
from tests.facts import differences, rows


def test_fields_that_do_not_fit_are_counted_with_their_version_and_named_by_warehouse(engine, open_engine):
    """A repeat counts nothing again, and what merely looks so is none."""
    other = open_engine()
    other.refresh()
    dear = level(10, unit_price="dear", lead_time_days=-1)
    strange = '"ignored_fields":["x"]'
    engine.commit_burst(messages(level(9, sku="S2"), transaction("T1")))
    engine.commit_burst(
        messages(
            dear, dear, level(10, sku="S2", at="07:30", unit_price=[1]),
            level(3, warehouse_id="W2", sku=strange, min_threshold=5, reorder_threshold=4),
        )
    )  # fmt: skip
    engine.commit_burst(messages(dear))
    other.refresh()

    counts = [json.loads(each) for (each,) in rows(engine.lake, "SELECT counts FROM meta.versions ORDER BY version")]
    assert [None, 5, None] == [each.get("ignored_fields") for each in counts]
    [judged] = judge_rules(
        engine.lake, engine.settings, [each for each in RULES if each.name == "optional_fields_fit"],
        now=to_microseconds(PUBLISHED_AT),
    )  # fmt: skip
    assert [
        ("W1", "lead_time_days", 1, 1, "S1"), ("W1", "unit_price", 2, 2, "S2"),
        ("W2", "min_threshold", 1, 1, strange), ("W2", "reorder_threshold", 1, 1, strange),
    ] == [tuple(row.values())[:5] for row in judged.result.rows]  # fmt: skip
    assert "level:W1:S2:2022-04-20T07%3A30%3A00.000000Z" == judged.result.rows[1]["event_id"]
    assert [] == differences(engine)
    assert other.state.version == engine.state.version
