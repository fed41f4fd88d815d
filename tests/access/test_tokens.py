"""Tokens are made, listed and revoked; names are unique among the living; the secret is nowhere but in the maker's hands."""

import stat
import threading
from datetime import timedelta

import pytest

from inventory_assets.access import tokens as acting
from inventory_assets.access.audit import read_writes
from inventory_assets.access.store import AccessError
from inventory_assets.access.tokens import list_tokens, make_token, revoke_token
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.access.tokens import State
from tests.access.conftest import set_home_clock


def test_the_secret_is_nowhere_in_the_home(settings, store):
    _, secret = make_token(settings, "ci", Scope.READ)

    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    assert secret.encode() not in kept
    assert secret.removeprefix("inv_").encode() not in kept
    assert 0o600 == stat.S_IMODE(store.stat().st_mode)
    assert 0o700 == stat.S_IMODE(settings.home.stat().st_mode)


def test_a_name_is_one_living_tokens(settings):
    first, _ = make_token(settings, "ci", Scope.READ)
    with pytest.raises(AccessError, match="a living token is named 'ci' already"):
        make_token(settings, "ci", Scope.WRITE)

    revoke_token(settings, "ci")
    second, _ = make_token(settings, "ci", Scope.WRITE)

    assert [second.token_id] == [each.token_id for each in list_tokens(settings)]
    assert [first.token_id, second.token_id] == [each.token_id for each in list_tokens(settings, with_ended=True)]


def test_the_name_of_an_expired_token_is_free(settings):
    set_home_clock(settings, "2024-01-01T00:00:00Z")
    make_token(settings, "ci", Scope.READ, lifetime=timedelta(days=30))
    set_home_clock(settings, "2024-03-01T00:00:00Z")

    make_token(settings, "ci", Scope.READ)

    assert [State.EXPIRED, None] == [each.ended for each in list_tokens(settings, with_ended=True)]


def test_it_is_revoked_by_name_or_id_and_once(settings):
    one, _ = make_token(settings, "one", Scope.READ)
    make_token(settings, "two", Scope.READ)

    assert "one" == revoke_token(settings, one.token_id).name
    assert "two" == revoke_token(settings, "two").name
    with pytest.raises(AccessError, match="no living token is 'two'.*revoked already"):
        revoke_token(settings, "two")
    with pytest.raises(AccessError, match="no token is 'three'"):
        revoke_token(settings, "three")


def test_nothing_is_made_by_looking(settings):
    assert [] == list_tokens(settings)
    with pytest.raises(AccessError, match="no token is 'x'"):
        revoke_token(settings, "x")

    assert not settings.home.exists()


def test_what_was_made_and_revoked_is_in_the_audit(settings):
    token, _ = make_token(settings, "ci", Scope.READ)
    revoke_token(settings, "ci")

    rows = [(row["method"], row["resource"], row["token"]) for row in read_writes(settings, 10)]

    assert [(what, f"{token.token_id} ci", "command line") for what in ("revoke", "make")] == rows


@pytest.mark.parametrize("warehouse", ["", " W1", "a\x00b", "x" * 257])
def test_a_warehouse_is_an_id(settings, warehouse):
    with pytest.raises(AccessError, match="Expected the id of a warehouse"):
        make_token(settings, "ci", Scope.READ, warehouses=[warehouse])


def test_what_is_kept_is_bounded(settings, monkeypatch):
    monkeypatch.setattr(acting, "MOST_LIVING", 3)
    monkeypatch.setattr(acting, "MOST_ENDED", 2)
    for number in range(5):
        make_token(settings, f"old-{number}", Scope.READ)
        revoke_token(settings, f"old-{number}")
    for number in range(3):
        make_token(settings, f"new-{number}", Scope.READ)

    with pytest.raises(AccessError, match="there are 3 living tokens"):
        make_token(settings, "one too many", Scope.READ)
    assert ["new-0", "new-1", "new-2", "old-3", "old-4"] == [
        each.name for each in list_tokens(settings, with_ended=True)
    ]


def test_two_at_once_make_one_store_and_one_of_a_name(settings):
    """The file, too: it comes into being whole, or another's is taken."""
    done: list[str] = []
    start = threading.Barrier(8)

    def make(number: int) -> None:
        start.wait()
        try:
            make_token(settings, f"name-{number // 2}", Scope.READ)
            done.append("made")
        except AccessError as error:
            done.append("taken" if "already" in str(error) else str(error))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["made"] * 4 + ["taken"] * 4 == sorted(done)
    assert ["name-0", "name-1", "name-2", "name-3"] == [each.name for each in list_tokens(settings)]
    assert [] == list(settings.home.glob(".access*"))
