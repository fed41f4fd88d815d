"""A row's values are JSON that any reader takes."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from inventory_assets.domain.json_values import to_json

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2022, 4, 20, 7), "2022-04-20T07:00:00.000000Z"),
        (datetime(2022, 4, 20, 7, tzinfo=UTC), "2022-04-20T07:00:00.000000Z"),
        (datetime(2022, 4, 20, 9, tzinfo=EAST), "2022-04-20T07:00:00.000000Z"),
        (date(2022, 4, 20), "2022-04-20"),
        (Decimal("5.00"), 5),
        (Decimal("2.5"), 2.5),
        (b"ok \xff", "ok \\xff"),
        (float("nan"), None),
        (float("-inf"), None),
        (True, True),
        ({1: (Decimal(1), [None, float("inf")])}, {"1": [1, [None, None]]}),
    ],
)
def test_each_value_has_one_spelling(value, expected):
    found = to_json(value)

    assert (type(expected), expected) == (type(found), found)
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
