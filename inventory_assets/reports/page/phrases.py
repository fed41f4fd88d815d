"""Numbers, spans and conditions as a planner reads them; pure. Shared by the pages, the mail and the index."""

from datetime import date, datetime

from inventory_assets.reports.period import day_name
from inventory_assets.words.text import clean, number

CONDITIONS = {"STOCKOUT": "out of stock", "LOW_STOCK": "low", "REORDER": "reorder", None: "fine"}
UNKNOWN = "–"
# Of a name in a table; the CSV has all of it.
MAX_SHOWN = 90


def counted(count: int, one: str, many: str = "") -> str:
    """`1 shelf`, `2 shelves`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shelves(count: int) -> str:
    """A key is a shelf to who plans: one SKU in one warehouse."""
    return counted(count, "shelf", "shelves")


def span(hours: float | None) -> str:
    """`40 min`, `5 h`, `3 days`."""
    if hours is None:
        return UNKNOWN
    if hours < 1:
        return f"{round(hours * 60)} min"
    if hours < 48:
        return f"{round(hours)} h"
    return f"{hours / 24:,.0f} days"


def days(value: float | None) -> str:
    """`3.2 days`; whole from ten on, hours below one."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 24:.0f} h"
    return "over a year" if value > 365 else f"{value:.0f} days" if value >= 10 else f"{value:.1f} days"


def amount(value: float | None) -> str:
    """Money, whole: a planner weighs it, nobody books it."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def count(value: float | None) -> str:
    """A number, or a dash."""
    return UNKNOWN if value is None else number(value)


def rate(value: float | None) -> str:
    """Units a day, two digits at most."""
    return UNKNOWN if value is None else number(round(float(value), 2 if value < 1 else 1))


def day(value: date) -> str:
    """`Tue 4 Mar`."""
    return f"{value:%a} {value.day} {day_name(value).split()[1][:3]}"


def moment(value: datetime | None) -> str:
    """`4 Mar 22:33`; always UTC."""
    return UNKNOWN if value is None else f"{value.day} {day_name(value.date()).split()[1][:3]} {value:%H:%M}"


def full_moment(value: datetime) -> str:
    """`4 March 2025, 22:33 UTC`."""
    return f"{day_name(value.date())}, {value:%H:%M} UTC"


def change(now: float | None, before: float | None) -> str:
    """`12 more`, `3 fewer`, `the same`; empty where either is unknown."""
    if now is None or before is None:
        return ""
    difference = now - before
    if not difference:
        return "the same"
    return f"{number(abs(difference))} {'more' if difference > 0 else 'fewer'}"


def percent(now: float | None, before: float | None) -> str:
    """`+12 %`; empty where there is nothing to compare with."""
    if now is None or not before:
        return ""
    share = round(100 * (now - before) / before)
    return f"{'+' if share > 0 else '−' if share < 0 else '±'}{abs(share):,} %"


def against_before(now: float | None, before: float | None, weekday: str) -> str:
    """`12 % more than on Tuesday before`; empty where there is nothing to compare with."""
    if now is None or not before:
        return ""
    share = round(100 * (now - before) / before)
    if not share:
        return f"as many as on the {weekday} before"
    return f"{abs(share)} % {'more' if share > 0 else 'fewer'} than on the {weekday} before"


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def name(text: str) -> str:
    """A name from outside, in a table."""
    return clean(text, MAX_SHOWN)
