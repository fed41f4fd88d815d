"""What is no store of tokens is said to be none; nobody takes it for an empty one."""

import sqlite3

import pytest

from inventory_assets.access import store as stores
from inventory_assets.access.store import AccessStoreError, changing
from inventory_assets.access.tokens import list_tokens, make_token, revoke_token
from inventory_assets.domain.access.grants import Scope
from inventory_assets.errors import InventoryError


def damage_head(path):
    path.write_bytes(b"rubbish " * 1_000)


def damage_pages(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def empty(path):
    path.write_bytes(b"")


def replace_by_another(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE tokens (x)")
    connection.close()


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [damage_head, damage_pages, empty, replace_by_another, replace_by_folder])
def test_a_damaged_store_is_refused_and_left_as_it_is(settings, store, damage):
    make_token(settings, "ci", Scope.READ)
    damage(store)
    before = store.read_bytes() if store.is_file() else None

    for act in (
        lambda: list_tokens(settings), lambda: make_token(settings, "x", Scope.READ),
        lambda: revoke_token(settings, "ci"),
    ):  # fmt: skip
        with pytest.raises(AccessStoreError, match=r"access\.sqlite"):
            act()

    assert before == (store.read_bytes() if store.is_file() else None)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_store_that_others_may_write_is_refused(settings, store, mode):
    """Whoever may write it could let themselves in."""
    make_token(settings, "ci", Scope.READ)
    store.chmod(mode)

    with pytest.raises(AccessStoreError, match="chmod 600"):
        list_tokens(settings)


def test_another_layout_is_another_release(settings, store):
    make_token(settings, "ci", Scope.READ)
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()

    with pytest.raises(AccessStoreError, match="layout 9, expected 1"):
        list_tokens(settings)


def test_a_store_that_somebody_holds_is_said(settings, store, monkeypatch):
    make_token(settings, "ci", Scope.READ)
    monkeypatch.setattr(stores, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(stores.open_store, "__kwdefaults__", {"timeout": 0.0})
    with changing(settings), pytest.raises(AccessStoreError, match="locked by another process"):
        make_token(settings, "other", Scope.READ)

    assert ["ci"] == [each.name for each in list_tokens(settings)]


def test_a_home_that_is_a_file_is_said(settings):
    settings.home.write_text("")

    with pytest.raises(InventoryError, match="Not a directory"):
        make_token(settings, "ci", Scope.READ)


def test_it_has_a_log_and_syncs_every_transaction(settings, store, monkeypatch):
    monkeypatch.setattr(stores, "SYNCHRONOUS", "FULL")  # set aside for the other tests
    make_token(settings, "ci", Scope.READ)
    connection = stores.open_store(store)
    assert connection is not None

    assert [("wal",)] == connection.execute("PRAGMA journal_mode").fetchall()
    assert [(2,)] == connection.execute("PRAGMA synchronous").fetchall()
    connection.close()
