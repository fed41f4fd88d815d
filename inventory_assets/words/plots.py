"""Small pictures as inline SVG, by hand: no script, no style attribute, no request. Texts from outside are escaped.

Colors are classes of the page's style sheet, so that print and screen each have their own.
"""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from inventory_assets.words.numbers import short

_BAR_WIDTH, _BAR_GAP, _BAR_HEIGHT = 34, 8, 96


def draw_bars(
    values: Sequence[float | None], labels: Sequence[str], *, title: str, marked: Sequence[int] = ()
) -> Markup:
    """A bar each, its number above, its label below; `marked` ones in the accent color. Unknown ones are left out."""
    width = len(values) * (_BAR_WIDTH + _BAR_GAP)
    top = max((value for value in values if value is not None), default=0) or 1
    parts = [_open(width, _BAR_HEIGHT + 44, title)]
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        left = place * (_BAR_WIDTH + _BAR_GAP)
        middle = left + _BAR_WIDTH / 2
        parts.append(f'<text x="{middle:g}" y="{_BAR_HEIGHT + 38}" class="t">{escape(label)}</text>')
        if value is None:
            parts.append(f'<text x="{middle:g}" y="{_BAR_HEIGHT + 16}" class="t">?</text>')
            continue
        height = max(1, round(_BAR_HEIGHT * max(value, 0) / top))
        kind = "a" if place in marked else "b"
        parts.append(
            f'<rect x="{left}" y="{20 + _BAR_HEIGHT - height}" width="{_BAR_WIDTH}" height="{height}" rx="2" '
            f'class="{kind}"/><text x="{middle:g}" y="{16 + _BAR_HEIGHT - height}" class="t">{short(value)}</text>'
        )
    return _close(parts)


def draw_pairs(values: Sequence[tuple[float | None, float | None]], labels: Sequence[str], *, title: str) -> Markup:
    """For each label two bars, the one before in grey and the present one in the accent color."""
    half, gap = 24, 16
    step = 2 * half + gap
    width = len(values) * step
    top = max((each for pair in values for each in pair if each is not None), default=0) or 1
    parts = [_open(width, _BAR_HEIGHT + 44, title)]
    for place, (pair, label) in enumerate(zip(values, labels, strict=True)):
        left = place * step
        parts.append(f'<text x="{left + half}" y="{_BAR_HEIGHT + 38}" class="t">{escape(label)}</text>')
        for number, (value, kind) in enumerate(zip(pair, "ba", strict=True)):
            if value is None:
                continue
            height = max(1, round(_BAR_HEIGHT * max(value, 0) / top))
            x = left + number * half
            parts.append(
                f'<rect x="{x}" y="{20 + _BAR_HEIGHT - height}" width="{half - 2}" height="{height}" class="{kind}"/>'
            )
            if kind == "a":
                parts.append(
                    f'<text x="{x + half / 2:g}" y="{16 + _BAR_HEIGHT - height}" class="t">{short(value)}</text>'
                )
    return _close(parts)


def draw_cover(days: float, lead_days: float, *, scale_days: float) -> Markup:
    """How long stock lasts against its lead time: a dot, and a line for the lead time."""
    width, height = 120, 18

    def x(value: float) -> float:
        return round(5 + min(value, scale_days) / scale_days * (width - 10), 1)

    title = f"lasts {days:g} days, lead time {lead_days:g} days"
    parts = [_open(width, height, title), f'<line x1="5" y1="9" x2="{width - 5}" y2="9" class="g"/>']
    parts.append(f'<circle cx="{x(days):g}" cy="9" r="4" class="{"w" if days < lead_days else "a"}"/>')
    parts.append(f'<line x1="{x(lead_days):g}" y1="1" x2="{x(lead_days):g}" y2="17" class="l"/>')
    return _close(parts)


def draw_share(share: float, *, title: str) -> Markup:
    """A share between 0 and 1 as a bar in its frame."""
    width, height = 90, 10
    full = round(max(0.0, min(1.0, share)) * width, 1)
    return _close(
        [
            _open(width, height, title),
            f'<rect width="{width}" height="{height}" rx="3" class="i"/>',
            f'<rect width="{full:g}" height="{height}" rx="3" class="a"/>',
        ]
    )


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-label="{escape(title)}">'
    )


def _close(parts: list[str]) -> Markup:
    return Markup("".join([*parts, "</svg>"]))  # every text in it is escaped above
