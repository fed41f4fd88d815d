"""The decoder's fast path refuses what a plain one refuses (RULES 1, 7).

The list of bad bytes is `tests/ingest/test_hostile_input.py`.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_assets.domain.strict_json import MAX_DEPTH, decode_object
from inventory_assets.domain.values import InvalidValue
from tests.hunting import some

# What the fast path counts, inside strings too: quotes before colons, escapes, brackets.
KEYS = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"\\":"', '"a\\":"', '"[{"'])
SPACES = st.sampled_from(["", " ", "\n"])
SCALARS = st.sampled_from(["1", "null", "true", '"x"', '"\\":"', '"{\\"a\\":1}"', '"[["'])


@st.composite
def objects(draw, inner):
    """An object whose keys may repeat, with white space where JSON lets it be."""
    pairs = draw(st.lists(st.tuples(KEYS, SPACES, SPACES, inner), max_size=3))
    return "{" + ",".join(f"{key}{before}:{after}{value}" for key, before, after, value in pairs) + "}"


TEXTS = objects(
    st.recursive(SCALARS, lambda inner: objects(inner) | st.lists(inner, max_size=3).map(lambda v: f"[{','.join(v)}]"))
)


def plainly(text: str) -> dict | None:
    """The object, or null where a key repeats."""

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise KeyError
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except KeyError:
        return None


@settings(max_examples=some(400))
@given(TEXTS)
def test_a_key_that_repeats_is_found_wherever_it_is(text):
    expected = plainly(text)
    try:
        found = decode_object(text.encode())
    except InvalidValue:
        found = None

    assert expected == found


@pytest.mark.parametrize("opening", ['{"a":', '{"[[[[":'])
def test_depth_counts_what_is_open_at_once_and_not_in_strings(opening):
    """101 objects side by side, or brackets in text, are not deep."""
    at_most = opening * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    beside = '{"a":[' + ",".join(["{}"] * (MAX_DEPTH + 1)) + "]}"

    assert decode_object(at_most.encode())
    assert decode_object(beside.encode())
    with pytest.raises(InvalidValue, match="deeper"):
        decode_object(f"{opening}{at_most}}}".encode())


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b'{"a": 1,}', "line 1, column 9 (byte 8)"),
        (b'{\n  "a": x\n}', "line 2, column 8 (byte 9)"),
        ('{"é": 1} {}'.encode(), "line 1, column 11 (byte 11)"),
        (b'{"a":', "line 1, column 6 (byte 5)"),
        (b"", "line 1, column 1 (byte 0)"),
        (b'{"a": "T\xff"}', "line 1, column 9 (byte 8)"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "c"),
        (b"[1]", None),
    ],
)
def test_where_it_broke_is_said_as_an_editor_counts(body, position):
    with pytest.raises(InvalidValue) as found:
        decode_object(body)

    assert position == found.value.position
