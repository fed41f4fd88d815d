"""What uvicorn is told: whose word counts for who asks."""

import asyncio

import pytest
import uvicorn

from inventory_assets.listening.server import proxies_of
from inventory_assets.settings import Settings

SENT = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]


@pytest.mark.parametrize(
    ("trusted", "client", "seen"),
    [
        ((), "127.0.0.1", ("127.0.0.1", "http")),
        (("127.0.0.1",), "127.0.0.1", ("203.0.113.9", "https")),
        (("10.0.0.0/8",), "10.1.2.3", ("203.0.113.9", "https")),
        (("10.0.0.0/8",), "127.0.0.1", ("127.0.0.1", "http")),
    ],
)
def test_only_a_proxy_that_is_trusted_says_who_asks(monkeypatch, trusted, client, seen):
    """uvicorn by itself believes whoever is on this machine, or what another variable names."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    shown = []

    async def app(scope, receive, send):
        shown.append((scope["client"][0], scope["scheme"]))

    config = uvicorn.Config(app, interface="asgi3", **proxies_of(Settings(trusted_proxies=trusted)))
    config.load()
    scope = {"type": "http", "scheme": "http", "client": (client, 5), "headers": SENT}
    asyncio.run(config.loaded_app(scope, None, None))

    assert shown == [seen]
