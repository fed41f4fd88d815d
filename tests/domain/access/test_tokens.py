"""How a secret, a name and a life are written."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_assets.domain.access.grants import Reason, Scope
from inventory_assets.domain.access.tokens import (
    SECRET_BYTES,
    State,
    Token,
    bearer_of,
    digest_of,
    is_token_id,
    read_lifetime,
    read_name,
    secret_of,
)
from inventory_assets.domain.values import InvalidValue


@given(st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES))
def test_a_secret_is_known_by_its_hash_and_comes_as_a_bearer(random):
    secret = secret_of(random)

    assert secret.startswith("inv_") and len(secret) == 47
    assert hashlib.sha256(secret.encode()).hexdigest() == digest_of(secret)
    assert secret == bearer_of(f"Bearer {secret}") == bearer_of(f"bearer  {secret} ")


@given(st.text(max_size=60))
def test_what_is_written_as_no_secret_is_not_hashed(text):
    assert digest_of(text) is None
    assert digest_of(f"inv_{text[:42]}") is None
    assert digest_of(secret_of(bytes(32)) + text[:1] + "=") is None


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer\ta", "xBearer a"])
def test_another_header_brings_nothing(header):
    assert bearer_of(header) is None


@pytest.mark.parametrize(
    "name", ["", " dana", "dana ", "a\x00b", "a\nb", "\x1b[31mred", "x" * 257, "\u2028", "\ud800", "tok-1", "inv_abc"]
)
def test_a_hostile_name_is_refused_as_an_id_is(name):
    with pytest.raises(InvalidValue):
        read_name(name)


def test_a_secret_given_as_a_name_is_not_shown():
    secret = secret_of(bytes(range(32)))

    with pytest.raises(InvalidValue) as refused:
        read_name(secret)

    assert secret not in refused.value.detail


@pytest.mark.parametrize("name", ["dana", "Lager Süd", "x[/foo]", "[bold]X", ":x:", "%2F", "a/b"])
def test_every_other_name_is_taken(name):
    assert name == read_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1m", timedelta(minutes=1)), ("12h", timedelta(hours=12)), ("30d", timedelta(days=30)),
     ("3650d", timedelta(days=3650))],
)  # fmt: skip
def test_a_life_is_a_number_and_a_unit(text, expected):
    assert expected == read_lifetime(text)


@pytest.mark.parametrize("text", ["", "0d", "30", "d", "-1d", "1.5d", "1w", "3651d", "9999999d", "٣d", "1_0d", " 1d"])
def test_another_life_is_refused(text):
    with pytest.raises(InvalidValue, match="expected 1m to 3650d"):
        read_lifetime(text)


def test_a_token_ends_with_its_time_and_stays_ended():
    token = Token(
        token_id="tok-0123456789ab",
        name="ci",
        digest="",
        scope=Scope.READ,
        made_at=0,
        expires_at=10,
        warehouses=("W1",),
    )
    revoked = Token(
        token_id="tok-0123456789ab", name="ci", digest="", scope=Scope.READ, made_at=0, ended_at=5, ended=State.REVOKED
    )

    assert [State.LIVING, State.LIVING, State.EXPIRED] == [token.state(now) for now in (0, 9, 10)]
    assert [None, Reason.EXPIRED] == [token.reason(now) for now in (9, 10)]
    # Also by a clock that went back.
    assert [Reason.REVOKED, Reason.REVOKED] == [revoked.reason(now) for now in (0, 10)]
    assert frozenset({"W1"}) == token.grant().warehouses
    assert revoked.grant().warehouses is None


def test_an_id_is_no_name():
    assert is_token_id("tok-0123456789ab")
    assert not any(map(is_token_id, ("tok-0123456789aB", "tok-0123456789a", "tok-0123456789ab\n", "dana")))
