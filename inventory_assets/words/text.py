"""Texts: names from outside made safe, and what makes a phrase a sentence. Pure."""

import json
import re
import unicodedata

MAX_NAME = 120
# Of a name in a table; the CSV has all of it.
MAX_SHOWN = 90

# Control, format (which turns the direction of writing), private, surrogate, line and paragraph ends.
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
# Letters and marks that fonts draw as nothing: with them, two ids that differ would look the same.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
# Selects another form of the letter before it: only those of emoji stand in names.
_SELECTORS = frozenset(map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))))
_ODD = re.compile(r"[^ -~]")


def is_unseen(character: str) -> bool:
    """Whether a character is not drawn, or changes how others are."""
    return unicodedata.category(character) in _UNSEEN or character in _BLANK or character in _SELECTORS


def visible(text: str) -> str:
    """A text from outside on one line, with its invisible characters as escapes: `\\u001b`, `\\u202e`.

    Names come from other people's systems: an escape sequence in one must not
    command a terminal, a line break not forge a line, a right-to-left mark not
    turn a sentence around, and two that differ must not look the same.
    """
    return _ODD.sub(_escape, text)


def visible_lines(text: str) -> str:
    """The same of a text of ours over several lines, in which something of outside may stand."""
    return "\n".join(map(visible, text.split("\n")))


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if not is_unseen(character):
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def visible_json(text: str) -> str:
    """A JSON text with its invisible characters in JSON's own escapes: the same values, and nothing for a terminal."""
    return _ODD.sub(_escape_json, text)


def _escape_json(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1] if found[0] != "\n" and is_unseen(found[0]) else found[0]


def clean(value: object, limit: int = MAX_NAME) -> str:
    """A value from outside as one line of visible characters, at most `limit` long."""
    text = " ".join(visible(str(value)).split())
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
