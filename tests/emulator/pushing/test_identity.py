"""The emulator's key and its tokens."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from google.auth import jwt

from inventory_assets.emulator.pushing.identity import Identity

EMAIL, AUDIENCE = "a@p.iam.gserviceaccount.com", "https://example.com/push"


def public_pem(jwks) -> bytes:
    [key] = jwks["keys"]
    numbers = [int.from_bytes(jwt._helpers.padded_urlsafe_b64decode(key[name]), "big") for name in ("e", "n")]
    public = RSAPublicNumbers(*numbers).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return Identity()


def test_googles_own_library_verifies_a_token_by_the_key_set(identity):
    [key] = identity.jwks()["keys"]

    claims = jwt.decode(identity.token(EMAIL, AUDIENCE), certs={key["kid"]: public_pem(identity.jwks())})

    assert (claims["aud"], claims["email"], claims["email_verified"]) == (AUDIENCE, EMAIL, True)
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")


def test_a_token_is_kept_for_half_its_life():
    now = [1_000_000.0]
    identity = Identity(now=lambda: now[0])
    first = identity.token(EMAIL, AUDIENCE)
    now[0] += 1_800
    second = identity.token(EMAIL, AUDIENCE)
    now[0] += 1
    third = identity.token(EMAIL, AUDIENCE)

    assert first == second
    assert third != first
    assert jwt.decode(third, verify=False)["exp"] == 1_000_000 + 1_801 + 3_600


def test_an_account_keeps_its_number(identity):
    subjects = {jwt.decode(identity.token(EMAIL, each), verify=False)["sub"] for each in ("a", "b")}

    assert len(subjects) == 1


def test_a_key_that_is_kept_is_used_again(tmp_path):
    path = tmp_path / "key.pem"

    assert Identity(key_path=path).jwks() == Identity(key_path=path).jwks()
    assert path.stat().st_mode & 0o077 == 0
