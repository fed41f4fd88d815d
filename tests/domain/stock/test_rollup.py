"""Sums over the hierarchy are those of their leaves; the law for every stream is in `tests/rules/test_laws.py`."""

import pytest

from inventory_assets.domain.events.parse import ParseSettings
from inventory_assets.domain.ingest.process import parse_burst, process_burst
from inventory_assets.domain.ingest.state import InventoryState
from tests.builders import envelope, level, messages
from tests.rules.cases import rollup
from tests.rules.playing import facts, hand_computed
from tests.rules.product import ProductEngine


@hand_computed(rollup.CASES)
def test_it_agrees_with_the_hand_computed_case(case):
    assert case.facts() == facts(ProductEngine, case)


def placed(sku, category, at="07:00"):
    return level(5, at, sku=sku, brand_id="B", category_id=category)


@pytest.mark.parametrize(
    ("bursts", "expected"),
    [
        ([[placed("S1", "C1")]], "C1"),
        ([[placed("S1", "C1"), placed("S2", "C1")]], "C1"),
        ([[placed("S1", "C1"), placed("S2", "C2")]], None),
        ([[placed("S1", "C1")], [placed("S2", "C2")]], None),
        # The second goes to the first's category, or the first to the second's.
        ([[placed("S1", "C1"), placed("S2", "C2")], [placed("S2", "C1", "08:00")]], "C1"),
        ([[placed("S1", "C1")], [placed("S1", "C2", "08:00")]], "C2"),
    ],
    ids=["one", "two of one", "of two", "of two, later", "of one again", "moved"],
)
def test_a_brands_parent_is_its_only_category_of_now(bursts, expected):
    """RULES 19-20: a brand in two categories has no one parent."""
    state = InventoryState()
    for version, documents in enumerate(bursts, start=1):
        result = process_burst(state, parse_burst(messages(*documents), ParseSettings()), version=version)
        result.draft.merge(version)

    assert {expected} == {parent for node, parent in state.rollups.parents().items() if node[1:] == ("BRAND", "B")}


def test_a_sku_is_counted_again_where_its_last_key_comes_back():
    """RULES 17, 20: 1, then none, then 1, over all warehouses as well."""
    gone = envelope({"warehouse_id": "W1", "sku": "S1"}, 9 * 3600, operation="delete")
    state, counts = InventoryState(), []
    for version, document in enumerate((level(5), gone, level(8, "10:00")), start=1):
        # By the source of the deletion, or its epoch would say nothing of the levels.
        sent = document if document is gone else {"source": "mongodb", "document": document}
        result = process_burst(state, parse_burst(messages(sent), ParseSettings()), version=version)
        result.draft.merge(version)
        counts.append([state.rollups.items().get((warehouse, "SKU", "S1"), (0,) * 5)[4] for warehouse in ("W1", None)])

    assert [[1, 1], [0, 0], [1, 1]] == counts
