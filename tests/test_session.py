"""A process has one session a lake, and its users take turns with the engine."""

import threading

import pytest

from inventory_assets.session import EngineBusyError, Sessions
from inventory_assets.settings import Settings
from tests.builders import level, message


@pytest.fixture
def sessions():
    found = Sessions()
    yield found
    found.close()


def test_a_lake_has_one_session_and_another_lake_another(sessions, tmp_path):
    first = sessions.of(Settings(home=tmp_path / "a"))

    assert first is sessions.of(Settings(home=tmp_path / "a", tick_seconds=3))
    assert first is not sessions.of(Settings(home=tmp_path / "b"))


def test_who_waits_only_so_long_is_told_that_the_engine_is_at_work(sessions, settings):
    session = sessions.of(settings)
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with session.engine():
            is_held.set()
            may_end.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    is_held.wait(60)

    with pytest.raises(EngineBusyError, match="at work"), session.engine(wait_seconds=0.01):
        pass
    may_end.set()
    other.join()
    with session.engine(wait_seconds=0.01) as engine:
        assert [1] == [each.version for each in engine.commit_burst([message(level())])]


def test_what_fails_with_the_engine_gives_it_back(sessions, settings):
    session = sessions.of(settings)

    with pytest.raises(ZeroDivisionError), session.engine():
        raise ZeroDivisionError
    free = threading.Event()

    def use() -> None:
        with session.engine(wait_seconds=60):
            free.set()

    threading.Thread(target=use).start()
    assert free.wait(60)


def test_after_close_the_next_use_begins_afresh(sessions, settings):
    with sessions.of(settings).engine() as engine:
        engine.commit_burst([message(level())])
    sessions.close()

    with sessions.of(settings).engine() as again:
        assert again is not engine
        assert 1 == again.lake.watermark().version
