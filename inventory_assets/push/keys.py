"""The issuer's key set (JWKS): fetched, kept, and fetched anew for a key that is not in it.

Belongs here: which keys there are, and how often is asked. Does not belong: what
a token must say (`tokens`). Thread-safe; one fetch at a time.
"""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue
from inventory_assets.errors import InventoryError

# Google changes its keys once in days, and says hours.
LIFE_SECONDS = 3_600.0
# Without an answer the old ones go on for a day: a key that was withdrawn by then is one that leaked.
LAST_SECONDS = 24 * 3_600.0
# Tokens of made-up keys must not make us ask: once in half a minute, whoever sends how many.
LEAST_PAUSE_SECONDS = 30.0
# After a failure sooner: nobody gets in meanwhile.
RETRY_SECONDS = 2.0
FETCH_SECONDS = 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 64
_LEAST_BITS, _MOST_BITS = 2_048, 8_192


class KeysUnavailableError(InventoryError):
    """The key set cannot be read: nobody can be told from anybody else."""


class KeySet:
    """The keys of one issuer."""

    def __init__(
        self, place: str, *, clock: Callable[[], float] = time.monotonic, fetch: Callable[[str], bytes] | None = None
    ) -> None:
        """Prepare; the first token fetches.

        Args:
            place: A URL (https, or http to this machine) or a file.
            clock: Seconds.
            fetch: Reads the place.
        """
        self._place = place
        self._clock = clock
        self._fetch = fetch or fetch_keys
        self._lock = threading.Lock()
        self._verifiers: dict[str, Any] = {}
        self._read_at: float | None = None
        self._asked_at: float | None = None
        self._failure: KeysUnavailableError | None = None

    def verify(self, key_id: str, signed: bytes, signature: bytes) -> bool | None:
        """Whether a key of the issuer signed these bytes; None where it has no such key.

        Raises:
            KeysUnavailableError: It cannot be known.
        """
        verifier = self._find(key_id)
        return None if verifier is None else verifier.verify(signed, signature)

    def _find(self, key_id: str) -> Any:
        # Without the lock where nothing is to be done, so that nobody waits behind a fetch.
        if key_id in self._verifiers and self._is_younger(LIFE_SECONDS):
            return self._verifiers.get(key_id)
        # A kept key goes on while another request asks for newer ones: a server that hangs would make it late.
        may_go_on = key_id in self._verifiers and self._is_younger(LAST_SECONDS)
        if not self._lock.acquire(blocking=not may_go_on):
            return self._verifiers.get(key_id)
        try:
            if key_id not in self._verifiers or not self._is_younger(LIFE_SECONDS):
                self._refresh()
            if self._read_at is None or not self._is_younger(LAST_SECONDS):
                raise self._failure or KeysUnavailableError(f"the key set {self._place!r} was not read yet")
            found = self._verifiers.get(key_id)
            if found is None and self._failure is not None:
                # It may be a new one.
                raise self._failure
            return found
        finally:
            self._lock.release()

    def _is_younger(self, seconds: float) -> bool:
        return self._read_at is not None and self._clock() - self._read_at < seconds

    def _refresh(self) -> None:
        now = self._clock()
        pause = LEAST_PAUSE_SECONDS if self._failure is None else RETRY_SECONDS
        if self._asked_at is not None and now - self._asked_at < pause:
            return
        try:
            self._verifiers = read_keys(self._fetch(self._place))
        except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
            self._failure = KeysUnavailableError(
                f"the key set {self._place!r} could not be read: {error}. Nobody is let in without; check "
                "INVENTORY_PUSH_KEYS, and that this machine reaches it."
            )
            return
        finally:
            # From its end on, so that a server that hangs is not asked all the time.
            self._asked_at = self._clock()
        # As of before the request: what it says may be that old.
        self._read_at, self._failure = now, None


def fetch_keys(place: str) -> bytes:
    """Read a key set's bytes.

    Raises:
        OSError: The file cannot be read.
        HTTPError: The server does not answer.
        ValueError: It answers something else, or too much.
    """
    if "://" not in place:
        with Path(place).open("rb") as source:
            content = source.read(MAX_BYTES + 1)
    else:
        answer = urllib3.request(
            "GET", place, timeout=FETCH_SECONDS, retries=False, redirect=False, preload_content=False
        )
        try:
            if answer.status != 200:
                raise ValueError(f"the answer was {answer.status}, expected 200")
            content = answer.read(MAX_BYTES + 1)
        finally:
            answer.close()
    if len(content) > MAX_BYTES:
        raise ValueError(f"it had over {MAX_BYTES:,} bytes")
    return content


def read_keys(content: bytes) -> dict[str, Any]:
    """The verifiers of a JWKS by key id; keys of another kind or use are left out.

    Raises:
        ValueError: It is no key set, or has no key that verifies RS256.
    """
    # Here: with the first token.
    from google.auth.crypt import RSAVerifier

    try:
        listed = decode_object(content).get("keys")
    except InvalidValue as error:
        raise ValueError(error.detail) from error
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ValueError(f"expected a list of at most {MAX_KEYS} keys")
    found = {}
    for each in listed:
        key = _read_key(each) if isinstance(each, dict) else None
        if key is not None:
            found[each["kid"]] = RSAVerifier(key)
    if not found:
        raise ValueError("expected an RSA key for RS256, with a kid")
    return found


def _read_key(each: dict[str, Any]) -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    is_ours = each.get("kty") == "RSA" and each.get("use", "sig") == "sig" and each.get("alg", "RS256") == "RS256"
    if not is_ours or not isinstance(each.get("kid"), str):
        return None
    modulus, exponent = _number(each.get("n")), _number(each.get("e"))
    # A short key is anybody's.
    if not _LEAST_BITS <= modulus.bit_length() <= _MOST_BITS:
        return None
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None


def _number(text: object) -> int:
    if not isinstance(text, str):
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except (binascii.Error, ValueError):
        return 0
