"""What is in a home is its owner's: other users of the machine read nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore
from inventory_assets.emulator.server import _locked
from inventory_assets.emulator.store import Store
from inventory_assets.lake.files.storage import Directory
from inventory_assets.private import keep_private
from inventory_assets.settings import Settings
from tests.builders import level, messages


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """As a shell has it, and back again afterwards."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in [folder, *folder.rglob("*")] if stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_all_that_a_burst_leaves_in_a_new_home_is_private(open_engine, tmp_path):
    """The files of DuckDB and SQLite as well: nothing tells them a mode but the umask."""
    home = tmp_path / "new" / "home"
    engine = open_engine(chosen=Settings(home=home, cached_entities=10))
    engine.commit_burst(messages(level(5)))

    assert {path.suffix for path in home.rglob("*")} >= {".sqlite", ".parquet"}
    assert open_to_others(home) == []


def test_the_emulator_and_the_connector_keep_their_stores_private(tmp_path):
    with _locked(tmp_path / "emulator"):
        Store(tmp_path / "emulator" / "emulator.sqlite").close()
    keep_private(tmp_path / "connector")
    SqliteTokenStore(tmp_path / "connector" / "c1.sqlite").close()

    assert open_to_others(tmp_path / "emulator") == open_to_others(tmp_path / "connector") == []


def test_what_is_published_to_a_directory_of_the_home_is_private(tmp_path):
    """Reports, snapshots, archives: they are written under another name and renamed."""
    keep_private(tmp_path / "home")

    Directory(tmp_path / "home" / "reports").write("2026-03-04/index.html", b"x")

    assert open_to_others(tmp_path / "home") == []


def test_an_older_home_that_is_open_is_said_once_and_left_open(tmp_path, caplog):
    """Somebody may share it on purpose: to close it would lock them out."""
    tmp_path.chmod(0o755)

    keep_private(tmp_path)
    keep_private(tmp_path)

    [record] = caplog.records
    assert "is open to other users" in record.getMessage() and "chmod -R go-rwx" in record.getMessage()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    (tmp_path / "file").touch()
    assert open_to_others(tmp_path) == [str(tmp_path)]
