"""Every page says in red that what it shows is not of now; by a clock that is moved."""

import pytest

from inventory_assets.console.access import access_of
from inventory_assets.console.app import build_app
from inventory_assets.domain.values import MINUTE_US, to_microseconds_naive
from inventory_assets.ingest.loop import LoopLock
from tests.api.asking import get

PAGES = ("/", "/alerts", "/stock", "/replenish", "/thresholds", "/incidents", "/connectors", "/thresholds/rule")


class Moved:
    """A clock so many minutes after the newest commit."""

    started_at = 0

    minutes = 0

    def __call__(self) -> int:
        return self.started_at + self.minutes * MINUTE_US


@pytest.fixture
def moved():
    return Moved()


@pytest.fixture
def app(shop, settings, moved):
    [(committed_at,)] = shop.lake.query_landed("SELECT max(committed_at) FROM meta.versions").rows()
    moved.started_at = to_microseconds_naive(committed_at)
    shop.close()
    app = build_app(settings, access_of("127.0.0.1", None), keep_seconds=0, now=moved)
    yield app
    app.app.state.console.close()


def text(app, path: str) -> str:
    answer = get(app, path)
    assert 200 == answer.status, answer.body
    return answer.body.decode()


def test_every_page_is_red_six_minutes_after_ingestion_stopped_and_not_before(app, settings, moved):
    LoopLock(settings.home / "loop.lock").release()
    moved.minutes = 4
    assert "Stale." not in text(app, "/")

    moved.minutes = 6
    for path in PAGES:
        said = text(app, path)
        assert "Stale." in said and "no burst loop runs" in said and "make run" in said, path

    running = LoopLock(settings.home / "loop.lock")
    assert [] == [path for path in PAGES if "Stale." in text(app, path)]
    running.release()


def test_who_is_asked_for_a_token_is_told_nothing(app, moved):
    moved.minutes = 60

    assert "Stale." not in text(app, "/login")


def test_what_is_behind_is_there_by_itself(app, moved):
    assert "" == text(app, "/part/behind").strip()
    moved.minutes = 60

    assert 'data-behind="loop"' in text(app, "/part/behind")
