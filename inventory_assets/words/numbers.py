"""Numbers as people read them: thousands apart, counts with their noun, one beside another. Pure."""

UNKNOWN = "–"


def number(value: float, *, digits: int = 2) -> str:
    """A number as people write it: thousands apart, at most so many digits after the point."""
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"


def count(value: float | None) -> str:
    """A number, or a dash."""
    return UNKNOWN if value is None else number(value)


def figure(value: object) -> str:
    """A figure of a page: one digit after the point, a dash for what is unknown, a text as it is."""
    if value is None:
        return UNKNOWN
    return number(value, digits=1) if isinstance(value, int | float) else str(value)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 shelf`, `2 shelves`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def has(count: int) -> str:
    """What goes on after `1 shelf`, `2 shelves`."""
    return "has" if count == 1 else "have"


def are(count: int) -> str:
    """The same of being."""
    return "is" if count == 1 else "are"


def shelves(count: int) -> str:
    """A key is a shelf to who plans: one SKU in one warehouse."""
    return counted(count, "shelf", "shelves")


def amount(value: float | None) -> str:
    """Money, whole: a planner weighs it, nobody books it."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Units a day, two digits at most."""
    return UNKNOWN if value is None else number(round(float(value), 2 if value < 1 else 1))


def short(value: float) -> str:
    """A number where there is no room: `12k`, `1.5M`."""
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:.1f}M"
    if abs(value) >= 10_000:
        return f"{value / 1_000:.0f}k"
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10 else f"{value:.1f}"


def change(now: float | None, before: float | None, *, same: str = "the same") -> str:
    """`12 more`, `3 fewer`, `the same`; empty where either is unknown."""
    if now is None or before is None:
        return ""
    if now == before:
        return same
    return f"{number(abs(now - before))} {'more' if now > before else 'fewer'}"


def percent(now: float | None, before: float | None) -> str:
    """`+12 %`; empty where there is nothing to compare with."""
    if now is None or not before:
        return ""
    share = _share(now, before)
    return f"{'+' if share > 0 else '−' if share < 0 else '±'}{abs(share):,} %"


def against_before(now: float | None, before: float | None, weekday: str) -> str:
    """`12 % more than on the Tuesday before`; empty where there is nothing to compare with."""
    if now is None or not before:
        return ""
    share = _share(now, before)
    if not share:
        return f"as many as on the {weekday} before"
    return f"{abs(share)} % {'more' if share > 0 else 'fewer'} than on the {weekday} before"


def _share(now: float, before: float) -> int:
    return round(100 * (now - before) / before)
