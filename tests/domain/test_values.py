"""Single values are read strictly and the same everywhere (RULES 4-6)."""

import os
import time
from collections.abc import Iterator

import pytest

from inventory_assets.domain.values import (
    InvalidValue,
    format_time,
    read_days,
    read_id,
    read_integer,
    read_number,
    read_remark,
    read_time,
    read_within,
)


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


@pytest.mark.parametrize("value", ["x", "x" * 256, "é" * 128, " ".join("x" * 128)[:-1] + "xx", "日" * 85 + "x"])
def test_an_id_has_one_to_256_bytes(value):
    """RULES 4. Bytes, not characters; one path for plain ids and one for all others."""
    assert value == read_id("sku", value)


@pytest.mark.parametrize("value", ["", "x" * 257, "é" * 129, "é" * 128 + "x", "x " * 128 + "x"])
def test_an_id_of_more_bytes_or_none_is_refused(value):
    with pytest.raises(InvalidValue, match=f"{len(value.encode())} bytes, expected 1 to 256"):
        read_id("sku", value)


@pytest.mark.parametrize(("low", "high"), [(0, 3_650), (1, 10**6)])
def test_both_ends_of_a_range_are_inside(low, high):
    """RULES 5, 22: "at least", "at most"."""
    assert [low, high] == [read_within("lead_time_days", value, low, high) for value in (low, high)]
    assert [low, high] == [read_number("unit_price", value, low, high) for value in (low, high)]
    for beyond in (low - 1, high + 1):
        with pytest.raises(InvalidValue, match="expected"):
            read_within("lead_time_days", beyond, low, high)
        with pytest.raises(InvalidValue, match="expected"):
            read_number("unit_price", beyond, low, high)


def test_days_are_from_none_to_ten_years():
    """RULES 22."""
    assert [0.0, 3_650.0] == [read_days("min_threshold_days", value) for value in (0, 3_650)]
    for beyond in (-0.001, 3_650.001):
        with pytest.raises(InvalidValue):
            read_days("min_threshold_days", beyond)


def test_a_remark_has_one_to_1024_characters():
    """RULES 36: who and why are one line."""
    assert "x" * 1024 == read_remark("reason", "x" * 1024)
    for beyond in ("", "x" * 1025):
        with pytest.raises(InvalidValue):
            read_remark("reason", beyond)


@pytest.mark.parametrize("at", [10**18, -(10**18), 2**63 - 1])
def test_a_time_beyond_the_calendar_is_said_as_a_number(at):
    """An older lake has positions there; one of them ended a list for everybody."""
    assert f"{at} us" == format_time(at)
