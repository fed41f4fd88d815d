"""Which tokens are good: each check on its own, and that no other one would have caught it."""

import json

import pytest

from inventory_assets.push.keys import KeySet
from inventory_assets.push.tokens import FORBIDDEN, LEEWAY_SECONDS, Reason, TokenRefusedError, bearer_of, check_token
from tests.push.issuer import (
    AUDIENCE,
    EMAIL,
    EXPECTED,
    NOW,
    claims,
    encoded,
    jwks,
    signed_with_the_public_key,
    token,
    unsigned,
)


def check(text: str) -> str:
    """Check by our issuer's keys."""
    return check_token(text, EXPECTED, KeySet("keys", fetch=lambda place: jwks()).verify, now=NOW)


def reason_of(text: str) -> Reason:
    """Why it is refused."""
    with pytest.raises(TokenRefusedError) as refused:
        check(text)
    return refused.value.reason


def test_a_token_of_googles_shape_is_its_accounts():
    assert check(token()) == EMAIL


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://accounts.google.com.evil.example"}, Reason.ISSUER),
        ({"iss": "accounts.google.com"}, Reason.ISSUER),
        ({"iss": None}, Reason.ISSUER),
        ({"aud": "https://other.example.com"}, Reason.AUDIENCE),
        ({"aud": AUDIENCE + "/"}, Reason.AUDIENCE),
        ({"aud": [AUDIENCE]}, Reason.AUDIENCE),
        ({"aud": None}, Reason.AUDIENCE),
        ({"exp": NOW - LEEWAY_SECONDS}, Reason.EXPIRED),
        ({"exp": -1}, Reason.EXPIRED),
        ({"exp": None}, Reason.MALFORMED),
        ({"exp": True}, Reason.MALFORMED),
        ({"exp": str(NOW + 60)}, Reason.MALFORMED),
        ({"iat": None}, Reason.MALFORMED),
        ({"iat": NOW + LEEWAY_SECONDS + 1}, Reason.NOT_YET_VALID),
        ({"nbf": NOW + LEEWAY_SECONDS + 1}, Reason.NOT_YET_VALID),
        ({"nbf": "later"}, Reason.MALFORMED),
        ({"email": None}, Reason.NO_EMAIL),
        ({"email": ""}, Reason.NO_EMAIL),
        ({"email": [EMAIL]}, Reason.NO_EMAIL),
        ({"email_verified": False}, Reason.UNVERIFIED_EMAIL),
        ({"email_verified": "true"}, Reason.UNVERIFIED_EMAIL),
        ({"email_verified": None}, Reason.UNVERIFIED_EMAIL),
        ({"email": "other@p.iam.gserviceaccount.com"}, Reason.ACCOUNT),
        ({"email": EMAIL.upper()}, Reason.ACCOUNT),
    ],
    ids=str,
)
def test_a_claim_that_is_not_ours_is_refused(changes, reason):
    assert reason_of(token(claims(**changes))) is reason


@pytest.mark.parametrize("changes", [{"exp": NOW - LEEWAY_SECONDS + 1}, {"iat": NOW + LEEWAY_SECONDS}], ids=str)
def test_clocks_may_differ_by_half_a_minute(changes):
    assert check(token(claims(**changes))) == EMAIL


def test_a_key_of_somebody_else_is_refused_under_our_key_id():
    assert reason_of(token(key="theirs")) is Reason.SIGNATURE


def test_a_key_that_the_issuer_does_not_have_is_refused():
    assert reason_of(token(key="theirs", header={"kid": "theirs"})) is Reason.UNKNOWN_KEY


def test_the_algorithm_none_is_refused():
    assert reason_of(unsigned()) is Reason.MALFORMED
    assert reason_of(unsigned() + "AAAA") is Reason.ALGORITHM


def test_the_public_key_is_no_shared_secret():
    """HS256 under it would let in whoever can read the key set."""
    assert reason_of(signed_with_the_public_key()) is Reason.ALGORITHM


@pytest.mark.parametrize("header", [{"alg": "rs256"}, {"alg": "ES256"}, {"alg": ["RS256"]}, {"crit": ["b64"]}], ids=str)
def test_no_other_algorithm_and_no_extension_is_taken(header):
    assert reason_of(token(header=header)) is Reason.ALGORITHM


@pytest.mark.parametrize("header", [{"kid": None}, {"kid": 7}, {"kid": ""}, {"kid": "k" * 300}], ids=str)
def test_a_key_is_named(header):
    assert reason_of(token(header=header)) is Reason.MALFORMED


def test_claims_that_were_changed_are_refused():
    head, _, signature = token().split(".")

    assert reason_of(f"{head}.{encoded(json.dumps(claims(sub='1')).encode())}.{signature}") is Reason.SIGNATURE


def test_a_claim_that_is_said_twice_is_refused():
    """Who reads the first and who reads the last would let in different ones."""
    head = token().split(".")[0]
    twice = json.dumps(claims())[:-1] + f', "aud": "{AUDIENCE}"}}'
    signed = f"{head}.{encoded(twice.encode())}"
    checks = []

    def verify(key_id: str, content: bytes, signature: bytes) -> bool:
        checks.append(content)
        return True

    with pytest.raises(TokenRefusedError) as refused:
        check_token(f"{signed}.AAAA", EXPECTED, verify, now=NOW)
    assert refused.value.reason is Reason.MALFORMED
    assert checks == [signed.encode()]


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "a.b", "a.b.c.d", "a.b.c", "é.é.é", "a b.c.d", "A" * 9_000, token()[:-4] + "====", "W10.W10.AA"],
    ids=lambda text: text[:12],
)
def test_rubbish_is_no_token(text):
    assert reason_of(text) is Reason.MALFORMED


def test_not_a_number_is_no_time():
    """Every comparison with NaN is false, so that it would never expire."""
    head = token().split(".")[0]
    body = encoded(json.dumps(claims() | {"exp": float("nan")}).encode())

    with pytest.raises(TokenRefusedError) as refused:
        check_token(f"{head}.{body}.AAAA", EXPECTED, lambda *_: True, now=NOW)
    assert refused.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer a b", "bearera"])
def test_only_a_bearer_carries_a_token(header):
    with pytest.raises(TokenRefusedError) as refused:
        bearer_of(header)

    assert refused.value.reason is Reason.MISSING


def test_who_is_known_and_not_wanted_is_told_apart_from_who_is_not_known():
    """Another token would help the one and not the other."""
    assert FORBIDDEN == {Reason.NO_EMAIL, Reason.UNVERIFIED_EMAIL, Reason.ACCOUNT}


def test_a_refusal_says_nothing_of_the_token():
    with pytest.raises(TokenRefusedError) as refused:
        check(token(claims(email="secret@example.com", aud=AUDIENCE)))

    assert "secret" not in str(refused.value)
    assert "INVENTORY_PUSH_ACCOUNTS" in str(refused.value)
