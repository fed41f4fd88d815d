"""An issuer of tokens with a key of its own, and every token that must not be let in.

Belongs here: how tokens are made. Does not belong: what is made of them.
"""

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.crypt import RSASigner

from inventory_assets.push.tokens import Expected

NOW = 1_767_600_000
BITS = 2_048
ISSUER = "https://accounts.google.com"
AUDIENCE = "https://push.example.com"
EMAIL = "pusher@p.iam.gserviceaccount.com"
EXPECTED = Expected(issuer=ISSUER, audiences=frozenset({AUDIENCE}), accounts=frozenset({EMAIL}))


@cache
def private_key(name: str, bits: int) -> Any:
    """A key, the same for the same name and size."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


def encoded(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwk(name: str = "ours", bits: int = BITS, **changes: Any) -> dict[str, Any]:
    """The public half of a key."""
    numbers = private_key(name, bits).public_key().public_numbers()
    n, e = (encoded(each.to_bytes((each.bit_length() + 7) // 8, "big")) for each in (numbers.n, numbers.e))
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": n, "e": e, **changes}


def jwks(*keys: dict[str, Any]) -> bytes:
    """A key set."""
    return json.dumps({"keys": list(keys or (jwk(),))}).encode()


def claims(now: float = NOW, **changes: Any) -> dict[str, Any]:
    """What Google's tokens say; a change of None leaves one out."""
    good = {
        "iss": ISSUER, "aud": AUDIENCE, "azp": "113774264463038321964", "sub": "113774264463038321964",
        "email": EMAIL, "email_verified": True, "iat": int(now) - 10, "exp": int(now) + 3_590,
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(
    body: dict[str, Any] | None = None, *, key: str = "ours", header: dict[str, Any] | None = None, now: float = NOW
) -> str:
    """A signed token."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "ours"} | (header or {})
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(body or claims(now)).encode())}"
    return f"{signed}.{encoded(RSASigner(private_key(key, BITS)).sign(signed))}"


def unsigned() -> str:
    """The algorithm none."""
    parts = ({"alg": "none", "typ": "JWT", "kid": "ours"}, claims())
    return ".".join(encoded(json.dumps(each).encode()) for each in parts) + "."


def signed_with_the_public_key(now: float = NOW) -> str:
    """HS256, whose secret is what everybody can read."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "ours"}
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims(now)).encode())}"
    public = private_key("ours", BITS).public_key()
    secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
