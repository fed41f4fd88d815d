"""A statement ends at its `;`, and not at one in a text, a name or a comment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.lake.query.statements import is_blank, one_line, split_statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1;", (["SELECT 1"], "")),
        ("SELECT 1; SELECT\n2;\nSELECT 3", (["SELECT 1", "SELECT\n2"], "\nSELECT 3")),
        ("SELECT ';'; x", (["SELECT ';'"], " x")),
        ("SELECT 'it''s; so';", (["SELECT 'it''s; so'"], "")),
        ('SELECT 1 AS "a;b";', (['SELECT 1 AS "a;b"'], "")),
        ("SELECT 1 -- no; end\n;", (["SELECT 1 -- no; end"], "")),
        ("SELECT /* ; */ 1;", (["SELECT /* ; */ 1"], "")),
        ("SELECT $$ ; $$, $x$ ; $$ $x$;", (["SELECT $$ ; $$, $x$ ; $$ $x$"], "")),
        ("SELECT 'open;", ([], "SELECT 'open;")),
        ("SELECT /* open;", ([], "SELECT /* open;")),
        ("SELECT $$ open;", ([], "SELECT $$ open;")),
        (";;\n -- nothing\n;", ([], "")),
        ("", ([], "")),
    ],
)
def test_a_statement_ends_at_its_semicolon(text, expected):
    assert expected == split_statements(text)


@pytest.mark.parametrize(("text", "expected"), [("", True), (" -- x\n", True), ("/* x */;", True), ("1", False)])
def test_comments_ask_nothing(text, expected):
    assert expected is is_blank(text)


def test_a_history_has_a_statement_on_one_line_without_its_comments():
    text = "SELECT a, -- the first\n  '--  x' AS b\nFROM  t /* all */ WHERE c"

    assert "SELECT a, '--  x' AS b FROM t WHERE c" == one_line(text)


@given(st.lists(st.sampled_from(["SELECT 1", "'a;b'", '"c;d"', "-- e;\n", "/* f; */", "$$;$$", " "]), max_size=8))
def test_whole_pieces_with_one_end_are_one_statement(pieces):
    text = " ".join(pieces)

    found, rest = split_statements(f"{text}\n;")

    assert "" == rest
    assert ([] if is_blank(text) else [text.strip()]) == found
