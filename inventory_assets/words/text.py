"""Values as people read them: names from outside made safe, numbers, times; pure."""

import unicodedata
from collections.abc import Sequence

from inventory_assets.domain.values import to_datetime

SPARKS = "▁▂▃▄▅▆▇█"
MAX_NAME = 120


def clean(value: object, limit: int = MAX_NAME) -> str:
    """One line of a value from outside: no line breaks, control or direction characters, at most `limit` long.

    Names come from other people's systems: a line break in one must not start a
    mail header, nor a right-to-left mark turn a sentence around.
    """
    text = "".join(
        " " if character in "\r\n\t\v\f\u2028\u2029" else character
        for character in str(value)
        if character in "\r\n\t\v\f\u2028\u2029" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def sparkline(values: Sequence[int]) -> str:
    """A one-line picture of a series."""
    if not values:
        return ""
    low, span = min(values), max(max(values) - min(values), 1)
    return "".join(SPARKS[(value - low) * (len(SPARKS) - 1) // span] for value in values)


def number(value: float) -> str:
    """A number as people write it: thousands apart, at most two digits after the point."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def moment(text: str) -> str:
    """A wire time as people write it."""
    return f"{clean(text)[:16].replace('T', ' ')} UTC"


def moment_of(at: int) -> str:
    """A time in microseconds as people write it."""
    return f"{to_datetime(at):%Y-%m-%d %H:%M} UTC"


# What a spreadsheet begins a formula with, also in full width; a tab or line end before one is skipped by some.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def formula_safe(text: str) -> str:
    """A text as a CSV cell that no spreadsheet takes for a formula: an apostrophe goes before one that begins so."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
