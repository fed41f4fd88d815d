"""Whether an OpenID token is good for us, and whose it is.

Belongs here: every check of a token, pure. Does not belong: where keys come
from (`keys`). Only RS256, which is what Google signs with: the algorithm is ours
to choose and never the token's, or one signed with the public key as a shared
secret (HS256), or not at all (none), would pass.

Not `google.oauth2.id_token`: it fetches the keys at every call, takes ES256, no
limit of size and duplicate claims, and has a clock of its own.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue
from inventory_assets.errors import InventoryError

# Google's have under 1,500.
MAX_CHARACTERS = 8_192
MAX_KEY_ID = 256
# Clocks of two hosts.
LEEWAY_SECONDS = 30
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)

Verify = Callable[[str, bytes, bytes], bool | None]
"""(key id, signed bytes, signature): whether that key signed them; None where there is no such key."""


class Reason(StrEnum):
    """Why a token is refused."""

    MISSING = "missing"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    NO_EMAIL = "no_email"
    UNVERIFIED_EMAIL = "unverified_email"
    ACCOUNT = "account"


# Its bearer is known, or says that it is nobody we could know: another token would not help.
FORBIDDEN = frozenset({Reason.NO_EMAIL, Reason.UNVERIFIED_EMAIL, Reason.ACCOUNT})


class TokenRefusedError(InventoryError):
    """A token is not good for us; never says what was in it."""

    def __init__(self, reason: Reason, expected: str) -> None:
        super().__init__(f"the token was refused ({reason}): expected {expected}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a good token says."""

    issuer: str
    audiences: Collection[str]
    accounts: Collection[str]


def bearer_of(header: str) -> str:
    """The token of an Authorization header.

    Raises:
        TokenRefusedError: It has none.
    """
    found = _BEARER.fullmatch(header.strip())
    if found is None:
        raise TokenRefusedError(Reason.MISSING, "Authorization: Bearer TOKEN")
    return found[1]


def check_token(token: str, expected: Expected, verify: Verify, *, now: float) -> str:
    """The email of the account that a token is of.

    Args:
        token: As it came.
        expected: Issuer, audiences, accounts.
        verify: Asked once, when all that says which key is well-formed.
        now: Seconds since the epoch.

    Raises:
        TokenRefusedError: It is not good.
    """
    parts = _PARTS.fullmatch(token) if len(token) <= MAX_CHARACTERS else None
    if parts is None:
        raise TokenRefusedError(Reason.MALFORMED, f"three parts of base64url, {MAX_CHARACTERS:,} characters at most")
    header = _object(parts[1])
    # What it marks as critical one must understand, and we understand nothing beyond RFC 7519.
    if header.get("alg") != "RS256" or "crit" in header:
        raise TokenRefusedError(Reason.ALGORITHM, "RS256 and no critical extension")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= MAX_KEY_ID:
        raise TokenRefusedError(Reason.MALFORMED, "a key id (kid)")
    is_signed = verify(key_id, f"{parts[1]}.{parts[2]}".encode(), _decoded(parts[3]))
    if is_signed is None:
        raise TokenRefusedError(Reason.UNKNOWN_KEY, "one of the issuer's keys")
    if not is_signed:
        raise TokenRefusedError(Reason.SIGNATURE, "the issuer's signature")
    claims = _object(parts[2])
    _check_purpose(claims, expected)
    _check_times(claims, now)
    return _account(claims, expected)


def _check_purpose(claims: dict[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefusedError(Reason.ISSUER, "the issuer that INVENTORY_PUSH_ISSUER names")
    audience = claims.get("aud")
    # One, as Google's: a token for several could be used by any of them on another.
    if not isinstance(audience, str) or audience not in expected.audiences:
        raise TokenRefusedError(Reason.AUDIENCE, "one of the audiences that INVENTORY_PUSH_AUDIENCE names")


def _check_times(claims: dict[str, Any], now: float) -> None:
    expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
    begins = _seconds(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + LEEWAY_SECONDS:
        raise TokenRefusedError(Reason.EXPIRED, "one whose exp is to come")
    if max(issued, begins) > now + LEEWAY_SECONDS:
        raise TokenRefusedError(Reason.NOT_YET_VALID, "one whose iat and nbf are over")


def _seconds(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    # `type`: True is an int, too. NaN is no JSON, and every comparison with it would pass.
    if type(value) not in (int, float):
        raise TokenRefusedError(Reason.MALFORMED, f"seconds as {name}")
    return value  # type: ignore[return-value]


def _account(claims: dict[str, Any], expected: Expected) -> str:
    email = claims.get("email")
    if not isinstance(email, str) or not email:
        raise TokenRefusedError(Reason.NO_EMAIL, "an email; gcloud needs --include-email")
    if claims.get("email_verified") is not True:
        raise TokenRefusedError(Reason.UNVERIFIED_EMAIL, "email_verified: true")
    if email not in expected.accounts:
        raise TokenRefusedError(Reason.ACCOUNT, "one of the accounts that INVENTORY_PUSH_ACCOUNTS names")
    return email


def _object(part: str) -> dict[str, Any]:
    try:
        return decode_object(_decoded(part))
    except InvalidValue as error:
        raise TokenRefusedError(Reason.MALFORMED, "JSON objects as header and claims") from error


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise TokenRefusedError(Reason.MALFORMED, "base64url") from error
