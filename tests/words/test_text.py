"""A text from outside is seen as it is, and commands no terminal."""

import json

import pytest

from inventory_assets.words.text import clean, visible, visible_json, visible_lines


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (r"\u001b[31mred", "\x1b[31mred"), (r"\u009b31m", "\x9b31m"), (r"a\u202eb", "a\u202eb"),
        (r"a\u200bb", "a\u200bb"), (r"a\u2028b", "a\u2028b"), (r"a\u000ab", "a\nb"), (r"\u0000", "\0"),
        (r"\U000e0041", "\U000e0041"), (r"\ud800", "\ud800"), (r"\u3164", "\u3164"), (r"\ufeff", "\ufeff"),
        (r"\u00ad", "\xad"), (r"\u2066", "\u2066"), ("ü 日本 é ❤️ 😀 a\\b", "ü 日本 é ❤️ 😀 a\\b"), ("", ""),
    ],
)  # fmt: skip
def test_what_is_not_drawn_is_an_escape(expected, text):
    assert expected == visible(text)


def test_two_names_that_differ_look_different():
    assert clean("S1") != clean("S\u200b1") and clean("S 1") != clean("S\n1")
    assert clean("x" * 200).endswith("…") and len(clean("\0" * 200)) == 120


def test_lines_of_ours_stay_lines():
    assert "a\n  b\\u001b" == visible_lines("a\n  b\x1b")


@pytest.mark.parametrize("text", ["\x9b31m", "\u202e", "\u2028", "\U000e0041", "ü\x7f", "\ud800"])
def test_json_keeps_its_values(text):
    shown = visible_json(json.dumps([text], ensure_ascii=False))

    assert [text] == json.loads(shown)
    assert shown.isprintable()
