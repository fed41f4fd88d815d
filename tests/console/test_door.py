"""One thread and one connection ask the lake, however many look."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import duckdb
import pytest

from inventory_assets.console.door import Door
from inventory_assets.console.keeping import KEEP_SECONDS
from inventory_assets.console.problems import to_refused
from inventory_assets.ingest.engine import Engine
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.settings import Settings
from tests.builders import level, messages
from tests.messaging.brokers import REPOSITORY


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


@pytest.mark.parametrize("can_write", [True, False])
def test_a_home_that_cannot_be_written_is_opened_anew_when_it_has_changed(shop, settings, monkeypatch, can_write):
    """A copy of the catalog may stand in for it there, and in a copy no writer is ever seen."""
    readers = []

    async def look():
        door = Door(settings, keep_seconds=0)
        for _ in range(3):
            monkeypatch.setattr("os.access", lambda path, mode: can_write)
            await door.ask("version", readers.append)
            monkeypatch.undo()  # the writer may
            shop.commit_burst(messages(level(99, "09:00")))
        await asyncio.to_thread(door.close)

    asyncio.run(look())

    assert (readers[1] is readers[2]) is can_write


AS_ANOTHER_USER = """
import asyncio, sys, tempfile
from pathlib import Path
from inventory_assets.console.door import COPY_SECONDS, Door
from inventory_assets.settings import Settings

clock = [0.0]

async def answer():
    door = Door(Settings(home=Path(sys.argv[1])), keep_seconds=0, clock=lambda: clock[0])
    for _ in sys.stdin:
        rows = await door.ask("stock", lambda reader: reader.rows("SELECT on_hand FROM core.sku_state"))
        copies = len(list(Path(tempfile.gettempdir()).glob("inventory-reader-*/*/catalog.sqlite")))
        print(rows[0]["on_hand"], copies, flush=True)
        clock[0] += COPY_SECONDS
    door.close()

asyncio.run(answer())
"""


@pytest.mark.big
def test_a_console_of_another_user_goes_on_when_the_writer_ends_and_comes_again(filled):
    """Its log is gone with the writer, and cannot be made: first the file is read, then copies, each for a while."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c"]
    if shutil.which("setpriv") is None or subprocess.run([*nobody, "import duckdb"], check=False).returncode:
        pytest.skip("no process of another user can be started here")
    with tempfile.TemporaryDirectory() as place:
        home = filled(_open_stock, Path(place) / "home")

        def commit(on_hand, at):
            engine = Engine(Settings(home=home))
            engine.commit_burst(messages(level(on_hand, at)))
            subprocess.run(["chmod", "-R", "a+rX", place], check=True)
            return engine

        (scratch := Path(place) / "scratch").mkdir()
        writer = commit(101, "08:00")
        scratch.chmod(0o777)
        child = subprocess.Popen(
            [*nobody, AS_ANOTHER_USER, str(home)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(scratch), "HOME": str(scratch)},
        )  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        seen = []

        def ask():
            child.stdin.write("?\n")
            child.stdin.flush()
            seen.append([int(word) for word in child.stdout.readline().split()])

        ask()
        writer.close()
        ask()
        for number in (102, 103, 104):
            commit(number, f"09:{number - 100:02}").close()
            ask()
        child.stdin.close()

        assert 0 == child.wait(60)
        assert [101, 101, 102, 103, 104] == [on_hand for on_hand, _ in seen]
        assert max(copies for _, copies in seen) <= 2


def test_a_reader_cannot_write(shop, settings):
    async def look():
        door = Door(settings)
        with pytest.raises(duckdb.Error, match="read-only"):
            await door.ask("write", lambda reader: reader.query("DELETE FROM meta.versions"))
        door.close()

    asyncio.run(look())


def test_files_that_may_not_be_read_are_said_and_their_place_is_not():
    refused = to_refused(PermissionError(13, "Permission denied", "/srv/secret/catalog.sqlite"))

    assert 503 == refused.status
    assert "owner" in refused.why and "secret" not in refused.why
