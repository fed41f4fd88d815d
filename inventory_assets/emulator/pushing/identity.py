"""Who push requests say they come from: a key of the emulator's own, and tokens signed with it.

Belongs here: the key, its public half as a JWKS, OpenID tokens as Google's
service makes them. Does not belong: HTTP (`token_server`), when one is sent.

The key proves nothing to anybody but who configures its JWKS. google-auth signs,
and is loaded with the first token: most emulators never push.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOOGLE_ISSUER = "https://accounts.google.com"
LIFE_SECONDS = 3_600
# The service hands out one again for a while, too; signing takes a millisecond.
_KEEP_SECONDS = 1_800
_MOST_KEPT = 256
_BITS = 2_048


class Identity:
    """The emulator as an issuer of tokens."""

    def __init__(
        self, *, issuer: str = GOOGLE_ISSUER, key_path: Path | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """Prepare; nothing is read or made before the first token.

        Args:
            issuer: The claim `iss`.
            key_path: Where the key is kept over restarts; None makes one for this process.
            now: Seconds since the epoch.
        """
        self.issuer = issuer
        self._key_path = key_path
        self._now = now
        self._signer: Any = None
        self._numbers: Any = None
        self._kept: dict[tuple[str, str], tuple[float, str]] = {}

    def token(self, email: str, audience: str, *, is_fresh: bool = False) -> str:
        """A token of a service account for an audience; one of the last half hour again, unless it is to be fresh."""
        now = self._now()
        made_at, signed = self._kept.get((email, audience), (0.0, ""))
        if is_fresh or now - made_at > _KEEP_SECONDS or now < made_at:
            made_at, signed = now, self._sign(self._claims(email, audience, int(now)))
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[(email, audience)] = (made_at, signed)
        return signed

    def jwks(self) -> dict[str, Any]:
        """The public half of the key, as RFC 7517 writes it."""
        self._load()
        numbers = self._numbers
        key = {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._signer.key_id,
            "n": _unsigned(numbers.n), "e": _unsigned(numbers.e),
        }  # fmt: skip
        return {"keys": [key]}

    def _claims(self, email: str, audience: str, now: int) -> dict[str, Any]:
        # An account's number stays the same, and is one of 21 digits.
        subject = str(int(hashlib.sha256(email.encode()).hexdigest(), 16))[:21]
        return {
            "iss": self.issuer, "aud": audience, "azp": subject, "sub": subject, "email": email,
            "email_verified": True, "iat": now, "exp": now + LIFE_SECONDS,
        }  # fmt: skip

    def _sign(self, claims: dict[str, Any]) -> str:
        from google.auth import jwt

        self._load()
        return jwt.encode(self._signer, claims).decode()

    def _load(self) -> None:
        if self._signer is not None:
            return
        from cryptography.hazmat.primitives import serialization
        from google.auth.crypt import RSASigner

        key: Any = serialization.load_pem_private_key(self._pem(), password=None)
        self._numbers = key.public_key().public_numbers()
        key_id = hashlib.sha256(f"{self._numbers.n:x}".encode()).hexdigest()[:40]
        self._signer = RSASigner(key, key_id=key_id)

    def _pem(self) -> bytes:
        if self._key_path is not None and self._key_path.exists():
            return self._key_path.read_bytes()
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        made = rsa.generate_private_key(public_exponent=65_537, key_size=_BITS)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        if self._key_path is not None:
            # Whole or not at all: half of a key would end the next start.
            fresh = self._key_path.with_suffix(".unfinished")
            descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as sink:
                sink.write(pem)
            fresh.replace(self._key_path)
        return pem


def _unsigned(number: int) -> str:
    size = (number.bit_length() + 7) // 8
    return base64.urlsafe_b64encode(number.to_bytes(size, "big")).rstrip(b"=").decode()


def jwks_text(identity: Identity) -> str:
    """The key set as JSON."""
    return json.dumps(identity.jwks(), indent=2) + "\n"
