"""The bytes of a push request."""

import pytest

from inventory_assets.emulator.pushing.post import Endpoint, endpoint_of


@pytest.mark.parametrize(
    ("url", "endpoint", "name"),
    [
        ("http://127.0.0.1:8091/a?token=x", Endpoint("127.0.0.1", 8091, False, "/a?token=x"), "127.0.0.1:8091"),
        ("https://push.example.com", Endpoint("push.example.com", 443, True, "/"), "push.example.com"),
        ("http://push.example.com/", Endpoint("push.example.com", 80, False, "/"), "push.example.com"),
        ("http://push.example.com:443/", Endpoint("push.example.com", 443, False, "/"), "push.example.com:443"),
        ("http://[::1]:80/x", Endpoint("::1", 80, False, "/x"), "[::1]"),
        ("http://[::1]:8080/x", Endpoint("::1", 8080, False, "/x"), "[::1]:8080"),
    ],
)
def test_an_endpoint_is_taken_apart(url, endpoint, name):
    assert endpoint_of(url) == endpoint
    assert endpoint_of(url).name == name


def test_what_is_shown_has_no_secret():
    """A token in the URL is how push endpoints were guarded before there was OIDC."""
    assert "hush" not in endpoint_of("https://push.example.com/a?token=hush").shown
