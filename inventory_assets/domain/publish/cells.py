"""Read a cell of a file: a quantity as its file writes numbers, a time in its file's zone (RULES 5, 6, 40).

Here: text to a value, strictly: what two readers would read differently is refused. Not here: which cell is what
(`columns`), or what the values mean together (`facts`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

from inventory_assets.domain.values import InvalidValue, format_time, read_time, to_datetime, to_microseconds

_PLAIN = re.compile(r"-?[0-9]{1,18}")
_ZONE = re.compile(r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$")
# What somebody may have meant by a number: told from letters, to say what to do.
_NUMBERLIKE = re.compile(r"[-+−(]?[0-9][0-9.,'\u00a0\u202f ]*\)?-?")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFormat:
    """How a file writes its values; none of these is guessed.

    Attributes:
        thousands: The sign between groups of three digits.
        decimal: The sign before a fraction; a quantity's may hold zeros only.
        zone: Of times that have none of their own.
        time_format: As `strptime` has it; None is RFC 3339.
    """

    thousands: str = ""
    decimal: str = ""
    zone: tzinfo = UTC
    time_format: str | None = None


def read_quantity(name: str, text: str, format_: CellFormat) -> int:
    """Read a whole number of units.

    Raises:
        InvalidValue: It is none, or may be another than it looks.
    """
    if _PLAIN.fullmatch(text):
        return int(text)
    if (format_.thousands or format_.decimal) and (found := _pattern(format_).fullmatch(text)):
        return int(found["whole"].replace(format_.thousands, "") if format_.thousands else found["whole"])
    raise InvalidValue("invalid_value", f"{name} was {_short(text)}, expected a whole number{_hint(text, format_)}")


@cache
def _pattern(format_: CellFormat) -> re.Pattern[str]:
    thousands = re.escape(format_.thousands)
    # 0.500 is half a unit, whatever the sign between groups is said to be.
    grouped = rf"[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}}){{1,5}}|" if thousands else ""
    fraction = rf"(?:{re.escape(format_.decimal)}0{{1,18}})?" if format_.decimal else ""
    return re.compile(rf"(?P<whole>-?(?:{grouped}[0-9]{{1,18}})){fraction}")


def _hint(text: str, format_: CellFormat) -> str:
    if not _NUMBERLIKE.fullmatch(text.strip()):
        return ""
    if text != text.strip():
        return " without spaces around it"
    if text[0] in "+−(" or text[-1] in ")-":
        return ": digits, with - before them where units leave"
    if format_.thousands or format_.decimal:
        return (
            f" with {format_.thousands or 'nothing'!r} between groups of three digits and "
            f"{format_.decimal or 'nothing'!r} before a fraction of zeros, as was said"
        )
    return ": digits alone. If the file writes thousands or fractions, say how: --thousands, --decimal"


def read_moment(name: str, text: str, format_: CellFormat) -> str:
    """Read a time, and write it as RFC 3339.

    Raises:
        InvalidValue: It is none, or its zone has no such time, or has it twice.
    """
    if format_.time_format is None:
        if format_.zone is UTC or _ZONE.search(text):
            return text  # as it stands: whoever takes it in reads it
        naive = to_datetime(read_time(name, text)).replace(tzinfo=None)
    else:
        naive = _parsed(name, text, format_.time_format)
    try:
        placed = _placed(name, text, naive, format_.zone)
    except OverflowError:  # as 0001-01-01, which some write for none
        raise InvalidValue(
            "event_time_out_of_range", f"{name} was {_short(text)}, which is beyond the calendar in {format_.zone}"
        ) from None
    return format_time(to_microseconds(placed))


def _parsed(name: str, text: str, time_format: str) -> datetime:
    try:
        return datetime.strptime(text, time_format)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("invalid_value", f"{name} was {_short(text)}, expected a time as {time_format!r}") from error


def _placed(name: str, text: str, moment: datetime, zone: tzinfo) -> datetime:
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    early, late = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early != late:
        # Where clocks go forward the two are apart as well, but neither comes back as what was written.
        is_real = early.astimezone(zone).replace(tzinfo=None) == moment
        what = "is twice" if is_real else "is not"
        raise InvalidValue(
            "invalid_value",
            f"{name} was {_short(text)}, which {what} in {zone}, as its clocks change; write its offset",
        )
    return early


def read_flag(name: str, text: str) -> bool:
    """Read true or false."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise InvalidValue("invalid_value", f"{name} was {_short(text)}, expected true or false") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
