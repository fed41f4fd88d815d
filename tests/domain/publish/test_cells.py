"""Cells of people's files: read as they are meant, or refused (RULES 5, 6, 40)."""

from zoneinfo import ZoneInfo

import pytest

from inventory_assets.domain.publish.cells import CellFormat, read_flag, read_moment, read_quantity
from inventory_assets.domain.values import InvalidValue

PLAIN = CellFormat()
GERMAN = CellFormat(thousands=".", decimal=",", zone=ZoneInfo("Europe/Berlin"))
SWISS = CellFormat(thousands="'")
FRENCH = CellFormat(thousands="\u202f", decimal=",")


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("5", PLAIN, 5),
        ("-5", PLAIN, -5),
        ("007", PLAIN, 7),
        ("1.234", GERMAN, 1234),
        ("-1.234.567,00", GERMAN, -1_234_567),
        ("12,0", GERMAN, 12),
        ("1234", GERMAN, 1234),
        ("12'345", SWISS, 12_345),
        ("12\u202f345", FRENCH, 12_345),
    ],
)
def test_a_quantity_is_read_as_its_file_writes_it(text, format_, expected):
    assert expected == read_quantity("quantity", text, format_)


@pytest.mark.parametrize(
    ("text", "format_", "said"),
    [
        ("1,234", PLAIN, "--thousands"),
        ("1.000", PLAIN, "--thousands"),
        ("5.0", PLAIN, "--decimal"),
        ("1e3", PLAIN, "expected a whole number"),
        ("+5", PLAIN, "with - before"),
        ("−5", PLAIN, "with - before"),
        ("(5)", PLAIN, "with - before"),
        ("5-", PLAIN, "with - before"),
        (" 5", PLAIN, "without spaces"),
        ("٥", PLAIN, "expected a whole number"),
        ("1_000", PLAIN, "expected a whole number"),
        ("five", PLAIN, "'five'"),
        ("1,5", GERMAN, "as was said"),
        ("1.23", GERMAN, "as was said"),
        ("1.2345", GERMAN, "as was said"),
        ("12.34.567", GERMAN, "as was said"),
        ("1,234", GERMAN, "as was said"),
        ("12,345", SWISS, "as was said"),
        ("0.500", GERMAN, "as was said"),  # half a unit, to whoever wrote it
        ("-007.500", GERMAN, "as was said"),
    ],
)
def test_a_quantity_that_may_be_another_is_refused(text, format_, said):
    with pytest.raises(InvalidValue, match=said):
        read_quantity("quantity", text, format_)


@pytest.mark.parametrize(
    ("text", "format_", "expected"),
    [
        ("2022-04-20T07:00:00Z", PLAIN, "2022-04-20T07:00:00Z"),
        ("2022-04-20 07:00:00", PLAIN, "2022-04-20 07:00:00"),  # UTC, by whoever takes it in
        ("2022-04-20T07:00:00", GERMAN, "2022-04-20T05:00:00.000000Z"),
        ("2022-01-20 07:00:00.5", GERMAN, "2022-01-20T06:00:00.500000Z"),
        ("2022-04-20T07:00:00Z", GERMAN, "2022-04-20T07:00:00Z"),
        ("2022-04-20T07:00:00-03:00", GERMAN, "2022-04-20T07:00:00-03:00"),
        ("20.04.2022 07:00", CellFormat(time_format="%d.%m.%Y %H:%M"), "2022-04-20T07:00:00.000000Z"),
        (
            "20.04.2022 07:00",
            CellFormat(time_format="%d.%m.%Y %H:%M", zone=ZoneInfo("Europe/Berlin")),
            "2022-04-20T05:00:00.000000Z",
        ),
    ],
)
def test_a_time_without_a_zone_is_of_its_files(text, format_, expected):
    assert expected == read_moment("timestamp", text, format_)


@pytest.mark.parametrize(
    ("text", "format_", "said"),
    [
        ("2022-10-30T02:30:00", GERMAN, "is twice in Europe/Berlin"),
        ("2022-03-27T02:30:00", GERMAN, "is not in Europe/Berlin"),
        ("2022-04-20", GERMAN, "RFC 3339"),
        ("20.04.2022", GERMAN, "RFC 3339"),
        ("2022-04-20", CellFormat(time_format="%d.%m.%Y %H:%M"), "expected a time as"),
        ("0001-01-01 00:00:00", GERMAN, "beyond the calendar"),
        ("9999-12-31 23:59:59", CellFormat(zone=ZoneInfo("America/New_York")), "beyond the calendar"),
        ("31.02.2022 07:00", CellFormat(time_format="%d.%m.%Y %H:%M"), "expected a time as"),
    ],
)
def test_a_time_that_may_be_another_is_refused(text, format_, said):
    with pytest.raises(InvalidValue, match=said):
        read_moment("timestamp", text, format_)


def test_a_flag_is_true_or_false():
    assert [True, False] == [read_flag("restock_in_progress", text) for text in ("TRUE", "false")]
    with pytest.raises(InvalidValue, match="true or false"):
        read_flag("restock_in_progress", "1")
