"""Who must see everything waits for who lands, and lands by himself where nobody does."""

import threading

import pytest

from inventory_assets.lake import fresh
from inventory_assets.lake.fresh import land_all
from inventory_assets.lake.journal.open import open_journal
from inventory_assets.lake.lock import writer_lock
from tests.builders import level, messages
from tests.messaging.brokers import eventually


@pytest.fixture
def behind(engine):
    """A version that is committed and not landed, and a journal whose process says that it lands."""
    engine.commit_burst(messages(level(5)))
    engine.lake.land()
    journal = open_journal(engine.settings)
    journal.mark_lander()
    engine.lake.is_landed_by_others = True
    engine.commit_burst(messages(level(6, "08:00")))
    yield engine
    journal.close()


def test_it_waits_for_who_lives_to_land_and_takes_no_lock(behind):
    """Beside `make run`, `explain` and `marts build` asked for the lock that the product held."""
    done = threading.Event()

    def land() -> None:
        land_all(behind.settings)
        done.set()

    with writer_lock(behind.settings.lock_path):
        waiting = threading.Thread(target=land)
        waiting.start()
        assert not done.wait(0.3)
    behind.lake.land()
    eventually(done.is_set)
    waiting.join()


def test_where_he_takes_too_long_it_lands_by_itself(behind, monkeypatch):
    monkeypatch.setattr(fresh, "WAIT_SECONDS", 0.1)

    land_all(behind.settings)

    head = behind.lake.head()
    assert head.version == head.landed
