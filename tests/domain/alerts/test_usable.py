"""Product data that cannot be meant count as unknown (RULES 19)."""

import pytest

from inventory_assets.domain.alerts.alert import Product, usable


@pytest.mark.parametrize(
    ("field", "last", "beyond"),
    [("lead_time_days", 3_650, 10**9), ("order_up_to", 10**12, 9 * 10**18), ("pack_multiple", 10**6, 0),
     ("unit_price", 1e9, float("inf")), ("unit_price", 0.0, float("nan")), ("lead_time_days", 0, -1)],
)  # fmt: skip
def test_a_number_that_cannot_be_meant_is_unknown(field, last, beyond):
    """A lake of before may hold it: one such spoilt the sums of all."""
    assert Product("S1", **{field: last}) == usable(Product("S1", **{field: last}))
    assert Product("S1") == usable(Product("S1", **{field: beyond}))
