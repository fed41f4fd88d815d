"""The filter language of Pub/Sub.

Belongs here: `compile_filter`. Does not belong: that subscriptions apply it.
"""

import pytest

from inventory_assets.emulator.filters import FilterError, compile_filter

MESSAGE = {"kind": "level", "iana.org/lang": "en", "quote": 'a"b', "empty": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attributes:kind", True),
        ("attributes:other", False),
        ("attributes:empty", True),
        ("NOT attributes:other", True),
        ('attributes.kind = "level"', True),
        ('attributes.kind="Level"', False),
        ('attributes.kind != "level"', False),
        ('attributes.other != "level"', True),
        ('hasPrefix(attributes.kind, "lev")', True),
        ('hasPrefix(attributes.other, "")', False),
        ('NOT hasPrefix(attributes.kind, "x")', True),
        ("attributes:kind AND attributes:other", False),
        ("attributes:kind OR attributes:other", True),
        ("attributes:kind AND (attributes:other OR attributes:empty)", True),
        ("NOT (attributes:kind OR attributes:other)", False),
        ('attributes."kind" = "level"', True),
        ('attributes.iana.org/lang = "en"', True),
        ('attributes."iana.org/lang" = "en"', True),
        (r'attributes.quote = "a\"b"', True),
    ],
)
def test_a_filter_decides(text, expected):
    matcher = compile_filter(text)

    assert matcher is not None
    assert matcher(MESSAGE) is expected


def test_the_empty_filter_matches_all():
    assert compile_filter("  ") is None


@pytest.mark.parametrize(
    "text",
    [
        "kind",
        "attributes",
        "attributes.kind",
        "attributes.kind = level",
        "attributes.kind == 'level'",
        'attributes.kind > "a"',
        "attributes:a AND",
        "attributes:a attributes:b",
        "attributes:a and attributes:b",
        "attributes:a AND attributes:b OR attributes:c",
        "(attributes:a",
        "attributes:a)",
        'hasPrefix(attributes:a, "x")',
        'attributes.a = "unclosed',
        "attributes:" + "a" * 256,
    ],
)
def test_what_is_not_a_filter_is_refused(text):
    with pytest.raises(FilterError):
        compile_filter(text)
