"""A catalog that may only be read is read all the same; who would write it is told which file it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from inventory_assets.lake.catalog import connect as connecting
from inventory_assets.lake.catalog.connect import connect
from inventory_assets.lake.catalog.readable import attach_readable, can_write, scratch
from inventory_assets.lake.errors import LakeError
from inventory_assets.settings import Settings
from tests.messaging.brokers import REPOSITORY

NEEDS_WRITING = duckdb.IOException("Failed to prepare query: unable to open database file")
NO_WAL = duckdb.Error('Failed to execute query "PRAGMA journal_mode=WAL": attempt to write a readonly database')


def catalog_of(tmp_path, **files):
    for suffix, content in files.items():
        (tmp_path / f"catalog.sqlite{suffix.removeprefix('main').replace('_', '-')}").write_text(content)
    return tmp_path / "catalog.sqlite"


def test_a_catalog_that_can_be_attached_is_read_as_it_is(tmp_path):
    attached = []

    attach_readable(catalog_of(tmp_path, main="c"), attached.append)

    assert [tmp_path / "catalog.sqlite"] == attached


@pytest.mark.parametrize("error", [NEEDS_WRITING, NO_WAL], ids=["no_log_can_be_made", "no_journal_mode"])
def test_where_sqlite_cannot_write_beside_it_a_copy_with_its_log_is_read(tmp_path, error):
    """The log of a writer that was killed holds what it had committed."""
    catalog = catalog_of(tmp_path, main="c", _wal="w")
    attached = []

    def attach(path):
        if path == catalog:
            raise error
        attached.append((path.read_text(), path.with_name("catalog.sqlite-wal").read_text()))

    attach_readable(catalog, attach)

    assert [("c", "w")] == attached
    assert {"catalog.sqlite", "catalog.sqlite-wal"} == {path.name for path in tmp_path.iterdir()}


def test_one_state_of_a_catalog_is_copied_once(tmp_path):
    """A console asks many times."""
    catalog = catalog_of(tmp_path, main="c")
    attached = []

    def attach(path):
        if path == catalog:
            raise NEEDS_WRITING
        attached.append(path)

    attach_readable(catalog, attach)
    attach_readable(catalog, attach)
    catalog.write_text("more")
    attach_readable(catalog, attach)

    assert attached[0] == attached[1] != attached[2]
    assert attached[2].read_text() == "more"


def test_a_copy_during_which_somebody_wrote_is_thrown_away(tmp_path, monkeypatch):
    """Half of it would be of before, half of after: the writer's log is there now, so the file itself is tried."""
    catalog = catalog_of(tmp_path, main="c")
    attached, copyfile = [], shutil.copyfile

    def write_meanwhile(source, target):
        catalog_of(tmp_path, main="cc", _wal="w")
        return copyfile(source, target)

    def attach(path):
        if not catalog.with_name("catalog.sqlite-wal").exists():
            raise NEEDS_WRITING
        attached.append(path)

    monkeypatch.setattr(shutil, "copyfile", write_meanwhile)
    attach_readable(catalog, attach)

    assert [catalog] == attached


def test_what_is_wrong_otherwise_is_told(tmp_path):
    def attach(path):
        raise duckdb.IOException("file is not a database")

    with pytest.raises(duckdb.IOException, match="not a database"):
        attach_readable(catalog_of(tmp_path, main="c"), attach)


def test_who_would_write_another_s_catalog_is_told_which_file(home, empty_home, monkeypatch):
    catalog = empty_home / "lake" / "catalog.sqlite"
    monkeypatch.setattr(connecting.os, "access", lambda path, mode: path != catalog)

    with pytest.raises(LakeError, match="catalog cannot be written: .*catalog.sqlite.*Run this as its owner"):
        connect(Settings(home=empty_home))


def test_what_spills_goes_elsewhere_where_the_home_cannot_be_written(empty_home, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    connection = connect(Settings(home=empty_home), read_only=True)

    assert not can_write(empty_home)
    [(place,)] = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    assert str(scratch() / "tmp") == str(Path(place).parent)


ON_A_READ_ONLY_DISK = """
set -e
if [ "$(id -u)" = 0 ]; then mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; else chmod -R a-w "$1"; fi
shift
for each in "$@"; do "$PYTHON" -m inventory_assets.cli $each || true; done
"""


@pytest.mark.big
def test_a_home_on_a_read_only_disk_answers_and_says_what_cannot_be_written(shop_copy):
    """As it is after a writer's clean end: no `-wal`, no `-shm`."""
    as_root = ["unshare", "--mount"] if os.getuid() == 0 else []
    if as_root and subprocess.run([*as_root, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    done = subprocess.run(
        [*as_root, "bash", "-c", ON_A_READ_ONLY_DISK, "-", str(shop_copy), "stats --format=csv", "alerts --format=csv",
         "verify", "reports build", "velocity"],
        env={**os.environ, "PYTHON": sys.executable, "INVENTORY_HOME": str(shop_copy)},
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
    )  # fmt: skip

    assert "Traceback" not in done.stderr
    assert "W1" in done.stdout  # the alert
    assert "verified: version 2" in done.stderr
    assert "reports cannot be written to" in done.stderr
    assert "Error: the lake's catalog cannot be written: " in done.stderr


@pytest.fixture
def shop_copy(filled, tmp_path):
    from tests.builders import level, messages, rule, transaction

    def trade(engine):
        engine.commit_burst(messages(rule(10, 20), level(100)))
        engine.commit_burst(messages(transaction("T1", quantity=-95)))

    yield filled(trade, tmp_path / "home")
    subprocess.run(["chmod", "-R", "u+w", str(tmp_path)], check=True)
