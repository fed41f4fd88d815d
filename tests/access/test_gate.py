"""Who is let in, who is not, and how soon that changes; ten thousand guesses; clocks; damage."""

import secrets
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory_assets.access.audit import read_refusals, read_writes
from inventory_assets.access.gate import LOOK_SECONDS, MOST_COUNTED, Gate
from inventory_assets.access.store import AccessStoreError
from inventory_assets.access.tokens import make_token, revoke_token
from inventory_assets.domain.access.grants import Grant, Reason, Refusal, Scope
from inventory_assets.domain.access.tokens import secret_of
from tests.access.conftest import set_home_clock


def bearer(secret: str) -> str:
    return f"Bearer {secret}"


def guess() -> str:
    return secret_of(secrets.token_bytes(32))


def told(found: Grant | Refusal) -> str:
    return str(found.reason) if isinstance(found, Refusal) else found.name


def test_a_token_lets_in_whom_it_was_given_to(settings, door):
    _, secret = make_token(settings, "ci", Scope.WRITE, warehouses=["W1"])

    found = door.gate.enter(bearer(secret), Scope.WRITE, "W1")

    assert isinstance(found, Grant)
    assert ("ci", frozenset({"W1"})) == (found.name, found.warehouses)
    assert "warehouse" == told(door.gate.enter(bearer(secret), Scope.WRITE))
    assert "scope" == told(door.gate.enter(bearer(secret), Scope.ADMIN, "W1"))


def test_a_token_made_or_revoked_is_known_within_a_second(settings, door):
    assert "unknown" == told(door.gate.authenticate(bearer(guess())))
    _, secret = make_token(settings, "ci", Scope.READ)
    door.pass_(LOOK_SECONDS)
    assert "ci" == told(door.gate.authenticate(bearer(secret)))

    revoke_token(settings, "ci")
    door.pass_(LOOK_SECONDS)

    assert LOOK_SECONDS < 1
    assert "revoked" == told(door.gate.authenticate(bearer(secret)))


def test_an_answer_does_not_tell_one_bad_token_from_another(settings, door):
    set_home_clock(settings, "2024-01-01T00:00:00Z")
    _, old = make_token(settings, "old", Scope.READ, lifetime=timedelta(minutes=1))
    _, gone = make_token(settings, "gone", Scope.READ)
    revoke_token(settings, "gone")
    set_home_clock(settings, "2024-01-02T00:00:00Z")

    answers = [door.gate.authenticate(bearer(each)) for each in (old, gone, guess(), "inv_short", "nonsense")]

    assert ["expired", "revoked", "unknown", "unknown", "unknown"] == [told(each) for each in answers]
    assert {401} == {each.status for each in answers if isinstance(each, Refusal)}
    assert 1 == len({each.detail for each in answers if isinstance(each, Refusal)})
    door.gate.close()
    rows = {(row["reason"], row["token"]): row["requests"] for row in read_refusals(settings, 10)}
    assert {("expired", "old"): 1, ("revoked", "gone"): 1, ("unknown", ""): 3} == rows


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer"])
def test_without_a_token_it_is_asked_for(settings, door, header):
    found = door.gate.authenticate(header)

    assert isinstance(found, Refusal)
    assert (401, Reason.MISSING) == (found.status, found.reason)
    assert not settings.home.exists()


def test_a_clock_that_goes_back_brings_no_token_back(settings, door):
    set_home_clock(settings, "2024-01-01T00:00:00Z")
    _, secret = make_token(settings, "ci", Scope.READ, lifetime=timedelta(days=1))
    assert "ci" == told(door.gate.authenticate(bearer(secret)))
    set_home_clock(settings, "2024-01-05T00:00:00Z")
    assert "expired" == told(door.gate.authenticate(bearer(secret)))

    set_home_clock(settings, "2024-01-01T00:00:01Z")

    assert "expired" == told(door.gate.authenticate(bearer(secret)))
    door.gate.close()
    # Nor in a process that starts afterwards.
    assert "expired" == told(Gate(settings).authenticate(bearer(secret)))


def test_a_clock_that_cannot_be_read_lets_nobody_in(settings, door):
    _, secret = make_token(settings, "ci", Scope.READ)
    (settings.home / "clock.json").write_text("rubbish")

    found = door.gate.authenticate(bearer(secret))

    assert isinstance(found, Refusal)
    assert (503, Reason.STORE) == (found.status, found.reason)


def test_guesses_grow_neither_memory_nor_the_file(settings, door, store):
    _, secret = make_token(settings, "ci", Scope.READ, rate=1_000_000)
    door.gate.authenticate(bearer(secret))
    for _ in range(10_000):
        door.gate.authenticate(bearer(guess()))

    assert 1 == len(door.gate._refused)
    assert 0 == len(door.gate._limiter)
    assert 1 == len(door.gate._by_digest)
    door.gate.close()
    [row] = read_refusals(settings, 10)
    assert 10_000 == row["requests"]


def test_refusals_of_many_tokens_are_counted_together(settings, door):
    make_token(settings, "ci", Scope.READ)
    for number in range(MOST_COUNTED + 50):
        door.gate.note(Reason.RATE, f"tok-{number}")

    assert MOST_COUNTED + 1 >= len(door.gate._refused)


def test_a_damaged_store_lets_nobody_in(settings, door, store):
    _, secret = make_token(settings, "ci", Scope.READ)
    assert "ci" == told(door.gate.authenticate(bearer(secret)))
    fresh = store.with_suffix(".new")
    fresh.write_bytes(b"rubbish" * 1_000)
    fresh.replace(store)
    door.pass_(LOOK_SECONDS)

    answers = [door.gate.authenticate(bearer(each)) for each in (secret, guess())]

    assert ["store", "store"] == [told(each) for each in answers]
    assert [503, 503] == [each.status for each in answers if isinstance(each, Refusal)]
    assert door.gate.is_needed
    with pytest.raises(AccessStoreError):
        assert door.gate.has_living
    with pytest.raises(AccessStoreError):
        door.gate.check_writable()


def test_a_store_that_is_gone_knows_nobody_and_opens_nothing(settings, door, store):
    _, secret = make_token(settings, "ci", Scope.READ)
    assert "ci" == told(door.gate.authenticate(bearer(secret)))
    store.unlink()
    door.pass_(LOOK_SECONDS)

    assert "unknown" == told(door.gate.authenticate(bearer(secret)))
    assert door.gate.is_needed


def test_the_last_token_revoked_closes_the_door(settings, door):
    assert not door.gate.is_needed
    make_token(settings, "ci", Scope.READ)
    door.pass_(LOOK_SECONDS)
    assert (True, True) == (door.gate.is_needed, door.gate.has_living)

    revoke_token(settings, "ci")
    door.pass_(LOOK_SECONDS)

    assert (True, False) == (door.gate.is_needed, door.gate.has_living)


def test_who_asks_too_often_is_told_when_to_come_again(settings, door):
    _, secret = make_token(settings, "ci", Scope.READ, rate=2, burst=2)

    answers = [door.gate.enter(bearer(secret), Scope.READ) for _ in range(3)]
    door.pass_(1.0)

    assert ["ci", "ci", "rate"] == [told(each) for each in answers]
    assert isinstance(answers[2], Refusal)
    assert (429, 1) == (answers[2].status, answers[2].retry_after)
    assert "ci" == told(door.gate.enter(bearer(secret), Scope.READ))


def test_a_write_is_recorded_with_whose_token_it_was(settings, door):
    token, secret = make_token(settings, "ci", Scope.WRITE)
    grant = door.gate.authenticate(bearer(secret))
    assert isinstance(grant, Grant)

    door.gate.record_write(
        grant, method="PUT", path="/v1/inventory/a\ud800", status=202, resource="W1/S1", request_id="r" * 32,
        message_ids=[str(number) for number in range(1_000)],
    )  # fmt: skip

    [row, _] = read_writes(settings, 10)
    assert ("ci", token.token_id, "PUT", "/v1/inventory/a?", "W1/S1", 202) == tuple(
        row[name] for name in ("token", "token_id", "method", "path", "resource", "status")
    )
    assert (100, 1_000) == (len(row["message_ids"]), row["messages"])


def test_the_audit_keeps_the_newest(settings, door):
    few = Gate(replace(settings, audit_rows=5))
    grant = Grant(name="ci", scopes=frozenset())
    for number in range(20):
        few.record_write(grant, method="POST", path=f"/{number}", status=200)
    few.close()

    assert ["/19", "/18", "/17", "/16", "/15"] == [row["path"] for row in read_writes(settings, 100)]


def test_a_login_ends_with_its_token(settings, door):
    token, _ = make_token(settings, "dana", Scope.READ)
    assert "dana" == told(door.gate.grant_of_id(token.token_id))
    revoke_token(settings, "dana")
    door.pass_(LOOK_SECONDS)

    assert "revoked" == told(door.gate.grant_of_id(token.token_id))
    assert "unknown" == told(door.gate.grant_of_id("tok-never"))
