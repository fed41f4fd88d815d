"""A page is told that something is newer: once for each mark, no more than is bearable, and to an end."""

import asyncio

import urllib3

from inventory_assets.console.access import access_of
from inventory_assets.console.app import build_app
from inventory_assets.console.news import QUIET_SECONDS, News
from tests.api.asking import get
from tests.builders import level, messages


class Told:
    """Streams over marks that a test gives, by a clock of its own."""

    def __init__(self, **more) -> None:
        self.mark, self.now = "1", 0.0
        self.news = News(self._mark, every_seconds=0, clock=lambda: self.now, **more)

    async def _mark(self) -> str:
        return self.mark


def test_each_mark_is_told_once_and_quiet_is_a_comment():
    async def run():
        told = Told()
        stream = told.news.tell()
        assert "event: changed\ndata: 1\n\n" == await anext(stream)
        told.mark = "2"
        assert "event: changed\ndata: 2\n\n" == await anext(stream)
        told.now += QUIET_SECONDS
        assert (await anext(stream)).startswith(":")
        await stream.aclose()

    asyncio.run(run())


def test_streams_are_bounded_and_end():
    async def run():
        told = Told(most=1, lasting_seconds=60)
        stream = told.news.tell()
        await anext(stream)
        assert told.news.is_full
        told.now = 60
        assert [] == [each async for each in stream] and not told.news.is_full
        other = told.news.tell()
        await anext(other)
        told.news.close()
        assert [] == [each async for each in other]

    asyncio.run(run())


def test_a_browser_hears_of_a_version_when_it_is_there(shop, console):
    """Over a connection, with the picture that `make run` keeps."""
    console.get("/")
    pool = urllib3.HTTPConnectionPool("127.0.0.1", console.port, timeout=20, retries=False)
    heard = pool.request("GET", "/news", preload_content=False)
    assert (200, "text/event-stream") == (heard.status, heard.headers["content-type"].partition(";")[0])
    lines = iter(heard.stream(64))
    first = next(lines)
    shop.commit_burst(messages(level(7, sku="S7")))

    second = next(lines)

    assert b"event: changed" in first and b"event: changed" in second and first != second
    heard.close()


def test_who_needs_a_token_hears_nothing_without(shop, open_console):
    client = open_console(access_of("127.0.0.1", "a-token-of-some-length"))

    assert 303 == client.get("/news").status


def test_without_a_picture_a_browser_is_told_not_to_wait(settings, shop):
    """`console.app` alone, over the lake: pages ask by themselves."""
    app = build_app(settings, access_of("127.0.0.1", None), keep_seconds=0)
    assert 204 == get(app, "/news").status
    app.app.state.console.close()
