"""Which web addresses in a note are links: those a browser opens without running anything, and no more of the text."""

import pytest

from inventory_assets.queries.links import find_links


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://wiki.example.com/17.", ["https://wiki.example.com/17"]),
        ("(https://wiki.example.com/17)", ["https://wiki.example.com/17"]),
        ("https://wiki.example.com/a_(b)", ["https://wiki.example.com/a_(b)"]),
        ("http://a.example/x?y=1&z=2#p, HTTPS://B.example", ["http://a.example/x?y=1&z=2#p", "HTTPS://B.example"]),
        ("https://a.example/'onclick=x", ["https://a.example/"]),
        ('https://a.example/"><script>', ["https://a.example/"]),
        ("javascript:alert(1) data:text/html,x ftp://a.example file:///etc/passwd", []),
        ("https://", []),
        ("nothing", []),
    ],
)
def test_links_are_http_and_end_where_they_should(text, expected):
    assert find_links(text) == expected
