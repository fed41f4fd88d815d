"""Texts: names from outside made safe, and what makes a phrase a sentence. Pure."""

import unicodedata

MAX_NAME = 120
# Of a name in a table; the CSV has all of it.
MAX_SHOWN = 90


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


def name(text: str) -> str:
    """A name from outside, in a table."""
    return clean(text, MAX_SHOWN)


def spaced(text: str) -> str:
    """A name of ours in words: `late_messages` is `late messages`."""
    return text.replace("_", " ")


def capital(text: str) -> str:
    """With a capital letter."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """With a small letter, to go on after a colon."""
    return text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = capital(text)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


# What a spreadsheet begins a formula with, also in full width; a tab or line end before one is skipped by some.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def formula_safe(text: str) -> str:
    """A text as a CSV cell that no spreadsheet takes for a formula: an apostrophe goes before one that begins so."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
