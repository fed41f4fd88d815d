"""Names of rows, and days that are unlike the others."""

from datetime import UTC, datetime

from inventory_assets.domain.quality.results import (
    row_id,
)

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_no_two_rows_have_one_name():
    names = ("warehouse_id", "sku")
    one, other = {"warehouse_id": "a:b", "sku": "c"}, {"warehouse_id": "a", "sku": "b:c"}

    assert ("a%3Ab:c", "a:b%3Ac") == (row_id(one, names), row_id(other, names))
    assert "a:b" == row_id(one, names[:1])
    assert "a:" == row_id({"warehouse_id": "a", "sku": None}, names)
