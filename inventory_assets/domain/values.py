"""Read single JSON values strictly: ids, integers, times (RULES 1, 4-6).

Every reader returns the value or raises `InvalidValue`; `parse` turns that into
a dead letter. Nothing is coerced that the rules do not name.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from inventory_assets.ranges import MAX_DAYS, MAX_QUANTITY

MAX_EXACT_FLOAT = 2**53
MAX_ID_BYTES = 256
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Spans in microseconds, as times are.
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(?P<fraction>\d+))?(?P<zone>[Zz]|[+-]\d\d:\d\d)?", re.ASCII)
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MAX_REMARK = 1024
# Beside those the ends of lines and paragraphs, and half characters. Direction marks belong to some languages.
_NOT_IN_REMARKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER_WRAPPERS = ("$numberLong", "$numberInt", "$numberDouble", "$numberDecimal")


class InvalidValue(ValueError):
    """A field's value breaks a rule.

    Attributes:
        reason: The dead letter's reason.
        detail: What was wrong.
        position: Where: the field's path, or the line, column and byte; null where it is the whole.
    """

    def __init__(self, reason: str, detail: str, position: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.position = position

    def inside(self, path: str) -> "InvalidValue":
        """The same, found in what stands at a path."""
        # A field of its, or a place in its text.
        link = ": " if (self.position or "").startswith("line ") else "."
        self.position = path if self.position is None else f"{path}{link}{self.position}"
        return self


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def read_remark(field: str, value: Any) -> str:
    """Read who or why, as a person gave it: one line of 1 to 1024 characters, and nothing that commands a terminal."""
    if type(value) is not str or not 0 < len(value) <= MAX_REMARK:
        raise InvalidValue("invalid_text", f"{field} was no text of 1 to {MAX_REMARK} characters", field)
    if found := _NOT_IN_REMARKS.search(value):
        raise InvalidValue(
            "invalid_text",
            f"{field} held the control character U+{ord(found[0]):04X} at {found.start()}; expected one line of "
            "plain text. Leave out line breaks and escapes.",
            field,
        )
    return value


def read_id(field: str, value: Any) -> str:
    """Read an id: 1-256 bytes, no control characters, no outer white space (RULES 4)."""
    if type(value) is dict and len(value) == 1 and "$oid" in value:
        value = value["$oid"]
    if type(value) is not str:
        raise InvalidValue("invalid_id", f"{field} was {_shown(value)}, expected a string", field)
    if value.isascii() and value.isprintable() and 0 < len(value) <= MAX_ID_BYTES and " " not in value:
        return value
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidValue("invalid_id", f"{field} was {_shown(value)}, not valid Unicode", field) from error
    if not 1 <= size <= MAX_ID_BYTES:
        raise InvalidValue("invalid_id", f"{field} had {size} bytes, expected 1 to {MAX_ID_BYTES}", field)
    if CONTROL_CHARACTERS.search(value) or value != value.strip():
        raise InvalidValue("invalid_id", f"{field} was {_shown(value)}: control characters or outer white space", field)
    return value


def read_integer(field: str, value: Any) -> int:
    """Read an integer of at most 10^12 either way (RULES 5)."""
    number = _read_whole(field, value)
    if not -MAX_QUANTITY <= number <= MAX_QUANTITY:
        raise InvalidValue("invalid_value", f"{field} was {number}, expected at most 10^12 either way", field)
    return number


def _read_whole(field: str, value: Any) -> int:
    if type(value) is dict and len(value) == 1:
        wrapper = next(iter(value))
        if wrapper in _NUMBER_WRAPPERS and type(value[wrapper]) is str:
            value = value[wrapper]
            if wrapper in ("$numberDouble", "$numberDecimal"):
                value = _read_wrapped_float(field, value)
    if type(value) is float:
        if not value.is_integer() or abs(value) >= MAX_EXACT_FLOAT:
            raise InvalidValue("invalid_value", f"{field} was {_shown(value)}, expected an integer", field)
        value = int(value)
    elif type(value) is str:
        if not _INTEGER.fullmatch(value):
            raise InvalidValue("invalid_value", f"{field} was {_shown(value)}, expected an integer", field)
        value = int(value)
    elif type(value) is not int:  # bool is not int here: a flag is no quantity
        raise InvalidValue("invalid_value", f"{field} was {_shown(value)}, expected an integer", field)
    return value


def _read_wrapped_float(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidValue("invalid_value", f"{field} was {_shown(text)}, expected a number", field) from error


def read_within(field: str, value: Any, low: int, high: int) -> int:
    """Read an integer with bounds of its own."""
    number = _read_whole(field, value)
    if not low <= number <= high:
        raise InvalidValue("invalid_value", f"{field} was {number}, expected {low:,} to {high:,}", field)
    return number


def read_number(field: str, value: Any, low: int, high: int) -> float:
    """Read a number that may have a fraction, as JSON or MongoDB's Extended JSON writes it."""
    number = value
    if type(value) is dict and len(value) == 1 and (wrapper := next(iter(value))) in _NUMBER_WRAPPERS:
        number = value[wrapper]
        number = float(number) if type(number) is str and _NUMBER.fullmatch(number) else None
    elif type(number) is str and _INTEGER.fullmatch(number):
        number = int(number)
    if type(number) not in (int, float) or not low <= number <= high:
        raise InvalidValue(
            "invalid_value", f"{field} was {_shown(value)}, expected a number from {low:,} to {high:,}", field
        )
    return float(number)


def read_days(field: str, value: Any) -> float:
    """Read a number of days, from 0 to ten years (RULES 22)."""
    try:
        return read_number(field, value, 0, MAX_DAYS)
    except InvalidValue as error:
        raise InvalidValue("invalid_threshold", error.detail, error.position) from error


def read_boolean(field: str, value: Any) -> bool:
    """Read a JSON boolean."""
    if type(value) is not bool:
        raise InvalidValue("invalid_value", f"{field} was {_shown(value)}, expected true or false", field)
    return value


def read_time(field: str, value: Any) -> int:
    """Read RFC 3339 or `$date` as microseconds since the epoch; no zone means UTC (RULES 6)."""
    if type(value) is dict and len(value) == 1 and "$date" in value:
        inner = value["$date"]
        if type(inner) is int:  # milliseconds; the bound of 10^12 is for quantities
            return inner * 1000
        if type(inner) is dict:
            return _read_long_ms(field, inner)
        value = inner
    if type(value) is str and (match := _TIME.fullmatch(value)):
        try:
            moment = datetime.fromisoformat(_microseconds(value, match))
        except ValueError as error:
            raise InvalidValue("invalid_value", f"{field} was {_shown(value)}: {error}", field) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return to_microseconds(moment)
    raise InvalidValue("invalid_value", f"{field} was {_shown(value)}, expected an RFC 3339 time", field)


def _microseconds(text: str, match: re.Match[str]) -> str:
    # fromisoformat takes at most six digits from 3.11 on by truncation, but
    # only upper-case T and Z reliably; nanoseconds are cut, not rounded.
    fraction = match["fraction"]
    if fraction and len(fraction) > 6:
        text = text.replace(f".{fraction}", f".{fraction[:6]}", 1)
    return text if text.endswith("Z") else text.upper()


def _read_long_ms(field: str, wrapped: dict) -> int:
    text = wrapped.get("$numberLong")
    if len(wrapped) == 1 and type(text) is str and _INTEGER.fullmatch(text):
        return int(text) * 1000
    raise InvalidValue("invalid_value", f"{field} was {_shown(wrapped)}, expected $date milliseconds", field)


def to_microseconds(moment: datetime) -> int:
    """Convert an aware datetime to microseconds since the epoch."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def to_datetime(microseconds: int) -> datetime:
    """Convert microseconds since the epoch to an aware UTC datetime."""
    return EPOCH + timedelta(microseconds=microseconds)


def midnight(day: str) -> int:
    """When a UTC day begins, in microseconds; the day as YYYY-MM-DD."""
    return to_microseconds(datetime.fromisoformat(day).replace(tzinfo=UTC))


def format_time(microseconds: int, *, digits: int = 6) -> str:
    """Write microseconds since the epoch as RFC 3339 with Z; 3 or 6 fractional digits.

    What is beyond the calendar, as an older lake may hold, is said as a number: one such ends nobody's list.
    """
    try:
        moment = to_datetime(microseconds)
    except OverflowError:
        return f"{microseconds} us"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}"[:digits] + "Z"


def to_microseconds_naive(moment: Any) -> int:
    """Microseconds of a naive UTC datetime, as the lake returns them."""
    return to_microseconds(moment.replace(tzinfo=UTC))


def span(microseconds: int) -> str:
    """A duration in the greatest units that say enough: `40 min`, `5 h`, `3 days`. The lake keeps sentences with it."""
    seconds = max(0, microseconds) // 1_000_000
    minutes = seconds // 60
    if minutes < 1:
        return f"{seconds} s"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60):,} days"
