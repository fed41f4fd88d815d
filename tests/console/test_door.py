"""One thread and one connection ask the lake, however many look."""

import asyncio
import threading

import duckdb
import pytest

from inventory_assets.console.door import KEEP_SECONDS, Door
from inventory_assets.lake.errors import LakeMissingError
from tests.builders import level, messages


class Clock:
    """Stands until it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Counted:
    """A question that notes who asked it and how often."""

    def __init__(self):
        self.threads = []

    def __call__(self, reader):
        self.threads.append(threading.get_ident())
        return reader.query("SELECT max(version) FROM meta.versions").item()


@pytest.fixture
def shop(open_filled):
    return open_filled(_open_stock)


def _open_stock(engine):
    engine.commit_burst(messages(level(100)))


def test_many_viewers_cost_one_question_a_second(shop, settings):
    clock, question = Clock(), Counted()

    async def look():
        door = Door(settings, clock=clock)
        at_once = await asyncio.gather(*(door.ask("version", question) for _ in range(50)))
        soon_after = await door.ask("version", question)
        shop.commit_burst(messages(level(99, "09:00")))
        clock.now += KEEP_SECONDS
        later = await door.ask("version", question)
        door.close()
        return at_once, soon_after, later

    at_once, soon_after, later = asyncio.run(look())

    assert (set(at_once), soon_after, later) == ({1}, 1, 2)
    assert len(question.threads) == 2
    assert len(set(question.threads)) == 1


def test_who_goes_away_takes_no_answer_from_the_others(shop, settings):
    question = Counted()

    async def look():
        door = Door(settings)
        first = asyncio.ensure_future(door.ask("version", question))
        second = asyncio.ensure_future(door.ask("version", question))
        await asyncio.sleep(0)
        first.cancel()
        found = await second
        door.close()
        return found

    assert asyncio.run(look()) == 1
    assert len(question.threads) == 1


def test_a_question_sees_one_version(shop, settings):
    """A page asks several things; a burst between two of them must not be seen by half."""

    def ask(reader):
        first = reader.query("SELECT count(*) FROM meta.versions").item()
        shop.commit_burst(messages(level(98, "09:30")))
        return first, reader.query("SELECT count(*) FROM meta.versions").item()

    async def look():
        door = Door(settings)
        found = await door.ask("both", ask)
        door.close()
        return found

    assert asyncio.run(look()) == (1, 1)


def test_a_failure_is_looked_at_again_once_and_not_kept(shop, settings):
    tries = []

    def fail(reader):
        tries.append(reader)
        raise duckdb.IOException("a file that upkeep has removed")

    async def look():
        door = Door(settings)
        for _ in range(2):
            with pytest.raises(duckdb.IOException):
                await door.ask("broken", fail)
        found = await door.ask("version", Counted())
        door.close()
        return found

    assert asyncio.run(look()) == 1
    assert len(tries) == 4
    assert len({id(reader) for reader in tries}) > 1


def test_no_lake_is_said_and_the_first_one_is_found(settings, open_engine):
    async def look():
        door = Door(settings)
        with pytest.raises(LakeMissingError):
            await door.ask("version", Counted())
        await asyncio.to_thread(lambda: open_engine().commit_burst(messages(level(100))))
        found = await door.ask("version", Counted())
        door.close()
        return found

    assert asyncio.run(look()) == 1
    # A look makes nothing.
    assert settings.home.exists()


def test_a_reader_cannot_write(shop, settings):
    async def look():
        door = Door(settings)
        with pytest.raises(duckdb.Error, match="read-only"):
            await door.ask("write", lambda reader: reader.query("DELETE FROM meta.versions"))
        door.close()

    asyncio.run(look())
