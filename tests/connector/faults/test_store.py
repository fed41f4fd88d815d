"""The token store fails: nothing is called saved that is not, somebody is told, and nothing is lost."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from inventory_assets.connector.config import ConnectorConfig
from inventory_assets.connector.errors import StoreDamagedError, StoreUnavailableError
from inventory_assets.connector.ports import TokenStore
from inventory_assets.connector.runtime import Parts
from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore
from tests.connector.faults.ends import repeats


class ImpatientStore(Parts):
    """A file that is not waited for."""

    def store(self, config: ConnectorConfig) -> TokenStore:
        return SqliteTokenStore(config.token_path, busy_seconds=0.05)


def saved_revision(path: str) -> int:
    """How often a checkpoint was written."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT max(revision) FROM checkpoints").fetchone()[0]


def test_while_the_file_cannot_be_written_nothing_is_called_saved(settings, start, shop, inbox, observe):
    """Another program holds its lock: not ready, with the reason; then on from the last saved token."""
    connector = start(settings(), parts=ImpatientStore())
    connector.await_event("stream_opened")
    changes = observe()
    path = settings()["RESUME_TOKEN_PATH"]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = saved_revision(path)
        shop.trade(10)
        connector.await_event("recovering", count=2)
        body = connector.await_readiness(False)
        assert body["is_alive"]
        assert "cannot be written: database is locked" in str(body["reasons"])
        assert saved_revision(path) == before
        other.execute("ROLLBACK")
    shop.trade(5)

    expected = changes.facts()
    inbox.await_facts(expected)
    connector.await_readiness(True)
    assert connector.end() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)
    assert repeats(inbox.facts()) == 0


def test_a_full_disk_is_said_and_waited_out(settings, start_process, shop, inbox, observe):
    """No room for the store's log: the process goes on trying, and goes on when there is room."""
    connector = start_process(settings(HEARTBEAT_SECONDS=0.1, LOG_LEVEL="WARNING"))
    inbox.await_status("connector_snapshot_finished")
    changes = observe()
    log = Path(settings()["RESUME_TOKEN_PATH"] + "-wal")
    no_limit = resource.prlimit(connector.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(connector.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 8192, no_limit[1]))
    shop.trade(10)
    told = connector.await_event("recovering")["message"]
    resource.prlimit(connector.process.pid, resource.RLIMIT_FSIZE, no_limit)
    shop.trade(10)

    assert "cannot be written" in told
    assert "See that the disk has room" in told
    expected = changes.facts()
    inbox.await_facts(expected)
    connector.send(15)
    assert connector.join() == 0
    inbox.pull()
    assert set(inbox.facts()) == set(expected)


def test_a_file_that_is_deleted_while_in_use_stops_it_and_is_not_begun_anew(settings, start, shop, inbox, observe):
    """SQLite would go on writing to a file without a name, and the next start would find no token."""
    connector = start(settings())
    connector.await_event("stream_opened")
    changes = observe()
    path = Path(settings()["RESUME_TOKEN_PATH"])
    path.rename(path.with_suffix(".away"))
    shop.trade(5)

    assert connector.join() == 1
    assert "was removed or replaced while in use" in connector.events("stopped")[0]["message"]
    assert not path.exists()
    path.with_suffix(".away").rename(path)
    connector = start(settings())
    inbox.await_facts(changes.facts())
    assert connector.end() == 0


def test_a_damaged_file_is_refused_and_goes_on_once_restored(settings, start, shop, inbox, observe):
    """It is not "no token yet": that would be a silent gap."""
    connector = start(settings())
    connector.await_event("stream_opened")
    assert connector.end() == 0
    changes = observe()
    shop.trade(5)
    path = Path(settings()["RESUME_TOKEN_PATH"])
    good = path.read_bytes()
    path.write_bytes(good[:4096] + b"\xff" * (len(good) - 4096))

    with pytest.raises(StoreDamagedError, match="damaged"):
        start(settings()).join()
    path.write_bytes(b"")
    with pytest.raises(StoreDamagedError, match="is no store of checkpoints"):
        start(settings()).join()
    path.write_bytes(good)
    connector = start(settings())
    inbox.await_facts(changes.facts())
    assert connector.end() == 0
    assert repeats(inbox.facts()) == 0


def test_a_place_where_no_file_can_be_is_said_at_the_start(settings, start, tmp_path):
    """One sentence, and exit code 1 (the command makes that of the error)."""
    with pytest.raises(StoreUnavailableError, match="cannot be"):
        start(settings(RESUME_TOKEN_PATH=tmp_path)).join()
