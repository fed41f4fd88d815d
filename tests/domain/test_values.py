"""Single values are read strictly and the same everywhere (RULES 4-6)."""

import os
import time
from collections.abc import Iterator

import pytest

from inventory_assets.domain.values import InvalidValue, format_time, read_integer, read_time


@pytest.fixture(params=["America/New_York", "Asia/Kolkata"])
def local_zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """A machine that does not stand in UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("local_zone")
@pytest.mark.parametrize("text", ["2022-04-20T07:00:00", "2022-04-20 07:00:00", "2022-04-20t07:00:00z"])
@pytest.mark.parametrize("as_date", [False, True])
def test_a_time_without_a_zone_is_utc_wherever_it_is_read(text, as_date):
    """RULES 6. A planner's laptop and the server must agree."""
    at = read_time("timestamp", {"$date": text} if as_date else text)

    assert ("2022-04-20T07:00:00.000000Z", 1_650_438_000_000_000) == (format_time(at), at)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-04-20T09:00:00+02:00", "2022-04-20T07:00:00.000000Z"),
        ("2022-04-20T00:30:00-06:30", "2022-04-20T07:00:00.000000Z"),
        # Cut, not rounded: 999 ns more must not make it the next microsecond.
        ("2022-04-20T07:00:00.123456999Z", "2022-04-20T07:00:00.123456Z"),
        ("2022-04-20T07:00:00.5Z", "2022-04-20T07:00:00.500000Z"),
        ({"$date": 1_650_438_000_001}, "2022-04-20T07:00:00.001000Z"),
        ({"$date": {"$numberLong": "-1"}}, "1969-12-31T23:59:59.999000Z"),
    ],
)
def test_times_are_microseconds_in_utc(text, expected):
    assert expected == format_time(read_time("timestamp", text))


@pytest.mark.parametrize("value", [10**12, -(10**12), 1e12, "1000000000000", {"$numberDecimal": "1E+12"}])
def test_ten_to_the_twelfth_is_the_last_integer(value):
    """RULES 5."""
    last = read_integer("quantity", value)

    assert 10**12 == abs(last)
    for beyond in (10**12 + 1, -(10**12) - 1):
        with pytest.raises(InvalidValue, match=r"10\^12"):
            read_integer("quantity", beyond)
