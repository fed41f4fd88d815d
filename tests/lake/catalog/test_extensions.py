"""Which extensions DuckDB runs: signed ones, whatever was loaded before."""

import importlib
import os
import shutil
from dataclasses import replace

import duckdb
import pytest

from inventory_assets.lake.catalog.connect import open_duckdb
from inventory_assets.lake.catalog.extensions import extension_path

REFUSED = "signature is either missing or invalid"


@pytest.fixture
def altered(tmp_path):
    """A copy of an extension that is not as it was signed."""
    path = tmp_path / "extensions" / f"v{duckdb.__version__}" / "ducklake.duckdb_extension"
    path.parent.mkdir(parents=True)
    shutil.copy(extension_path("ducklake"), path)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    return path


def test_an_extension_is_loaded_as_often_as_it_is_asked_for(settings):
    query = "SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'ducklake'"

    assert [[(True,)], [(True,)]] == [open_duckdb(settings, "ducklake").execute(query).fetchall() for _ in range(2)]


def test_a_process_has_an_extension_checked_once_for_all_homes(settings, tmp_path, monkeypatch):
    """A home that cannot be written paid for it at each opening. The other home notes it for whoever comes next."""
    given, connect = [], duckdb.connect
    open_duckdb(settings, "ducklake").close()
    monkeypatch.setattr(
        duckdb, "connect", lambda config: given.append(config["allow_unsigned_extensions"]) or connect(config=config)
    )
    other = replace(settings, home=tmp_path / "other")
    open_duckdb(other, "ducklake").close()

    assert given == [True]
    notes = [each.home / "extensions" / "checked.json" for each in (settings, other)]
    assert notes[0].read_bytes() == notes[1].read_bytes()


def test_an_extension_exchanged_after_its_check_is_refused(settings, altered, monkeypatch):
    open_duckdb(settings, "ducklake").close()
    monkeypatch.setattr(importlib.import_module("duckdb_extension_ducklake"), "__path__", [str(altered.parents[2])])

    with pytest.raises(duckdb.Error, match=REFUSED):
        open_duckdb(settings, "ducklake")


def test_one_that_was_written_to_after_its_check_is_refused(settings, altered, monkeypatch, tmp_path):
    """Also by another process, later, and with its times set back: who writes cannot choose the time of the change."""
    shutil.copy(extension_path("ducklake"), altered)
    monkeypatch.setattr(importlib.import_module("duckdb_extension_ducklake"), "__path__", [str(altered.parents[2])])
    open_duckdb(settings, "ducklake").close()
    before = altered.stat()
    with altered.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    os.utime(altered, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(duckdb.Error, match=REFUSED):
        open_duckdb(settings, "ducklake")


def test_a_query_cannot_load_what_is_not_signed(settings, altered):
    """Not even on a connection whose own extensions were known to be."""
    open_duckdb(settings, "ducklake").close()
    connection = open_duckdb(settings, "ducklake")

    with pytest.raises(duckdb.Error, match="Cannot change allow_unsigned_extensions"):
        connection.execute("SET allow_unsigned_extensions = true")
    renamed = altered.rename(altered.with_name("other.duckdb_extension"))
    with pytest.raises(duckdb.Error, match=REFUSED):
        connection.load_extension(str(renamed))
