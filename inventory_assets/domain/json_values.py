"""Values of rows as JSON has them: the same for the command line and the console."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def to_json(value: Any) -> Any:
    """A JSON value: integers as integers, times RFC 3339 with Z, bytes as text where they are."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such number
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    return str(value)
