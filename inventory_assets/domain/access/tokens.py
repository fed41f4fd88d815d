"""A token: how its secret is written, its name, its life.

The secret is 32 random bytes. Only its SHA-256 is kept, without salt and without stretching: those are for
passwords, of which there are few enough to try them all. Of 2^256 there are not, and one hash of the whole
secret is a key to look it up by. Not here: where the bytes come from, nor where the hash is kept.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from inventory_assets.domain.access.grants import Grant, Reason, Scope, implied_by
from inventory_assets.domain.values import InvalidValue, read_id, read_remark
from inventory_assets.ranges import MAX_DAYS

# So that a secret is known for one where it should not be: in a commit, in a log.
PREFIX = "inv_"
SECRET_BYTES = 32
ID_PREFIX = "tok-"
MAX_WAREHOUSES = 1_000
# Requests a second; more is a slip of the pen.
MAX_RATE = 1_000_000
_SECRET = re.compile(r"inv_[A-Za-z0-9_-]{43}", re.ASCII)
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE | re.ASCII)
_LIFETIME = re.compile(r"([0-9]{1,7})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
LEAST_LIFETIME, MOST_LIFETIME = timedelta(minutes=1), timedelta(days=MAX_DAYS)


class State(StrEnum):
    """Whether a token is good."""

    LIVING = "living"
    EXPIRED = "expired"
    REVOKED = "revoked"


_NOT_GOOD = {State.EXPIRED: Reason.EXPIRED, State.REVOKED: Reason.REVOKED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is kept; times in microseconds since 1970.

    Attributes:
        digest: SHA-256 of the secret, in hex.
        scope: The widest it has.
        warehouses: These only, in order; empty is all.
        rate, burst: Requests a second, and how many at once; None is no limit.
        expires_at: From then on it is not good; None is never.
        ended_at, ended: Since when it is no longer good for ever, and why.
    """

    token_id: str
    name: str
    digest: str
    scope: Scope
    warehouses: tuple[str, ...] = ()
    rate: float | None = None
    burst: int = 1
    made_at: int
    expires_at: int | None = None
    ended_at: int | None = None
    ended: State | None = None

    def state(self, now: int) -> State:
        """Whether it is good now."""
        if self.ended is not None:
            return self.ended
        return State.EXPIRED if self.expires_at is not None and self.expires_at <= now else State.LIVING

    def reason(self, now: int) -> Reason | None:
        """Why it is not good now; None where it is."""
        return _NOT_GOOD.get(self.state(now))

    def grant(self) -> Grant:
        """What it allows while it is good."""
        return Grant(
            name=self.name, scopes=implied_by(self.scope), warehouses=frozenset(self.warehouses) or None,
            token_id=self.token_id, rate=self.rate, burst=self.burst,
        )  # fmt: skip


def secret_of(random: bytes) -> str:
    """A secret as it is shown, of `SECRET_BYTES` random bytes."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a secret is of {SECRET_BYTES} random bytes; these were {len(random)}")
    return PREFIX + base64.urlsafe_b64encode(random).decode().rstrip("=")


def digest_of(text: str) -> str | None:
    """What a secret is known by; None where the text is no secret, which costs no hash."""
    return hashlib.sha256(text.encode()).hexdigest() if _SECRET.fullmatch(text) else None


def bearer_of(header: str) -> str | None:
    """What an Authorization header brings; None where it brings nothing as a bearer."""
    found = _BEARER.fullmatch(header)
    return found[1] if found else None


def is_token_id(text: str) -> bool:
    """Whether a text is written as the id of a token is."""
    return re.fullmatch(ID_PREFIX + r"[0-9a-f]{12}", text) is not None


def read_name(value: object) -> str:
    """Read a token's name: an id (RULES 4) that may stand as an author, and neither a secret nor another's id."""
    name = read_remark("name", read_id("name", value))
    if name.startswith(PREFIX):
        # Not shown: it may be one.
        raise InvalidValue("invalid_id", f"name began with {PREFIX}, as secrets do; expected what the token is for")
    if name.startswith(ID_PREFIX):
        raise InvalidValue("invalid_id", f"name was {name!r}: ids of tokens begin so; expected what the token is for")
    return name


def read_lifetime(text: str) -> timedelta:
    """Read how long a token is good: `90m`, `12h` or `30d`."""
    found = _LIFETIME.fullmatch(text)
    span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if not LEAST_LIFETIME <= span <= MOST_LIFETIME:
        raise InvalidValue(
            "invalid_value", f"it was {text[:40]!r}; expected 1m to {MAX_DAYS}d, such as 90m, 12h or 30d"
        )
    return span
