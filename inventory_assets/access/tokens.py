"""Make, list and revoke tokens. Not here: who is let in by one (`gate`)."""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from inventory_assets.access.audit import COMMAND_LINE, Write, append_writes
from inventory_assets.access.store import AccessError, changing, reading
from inventory_assets.clock import clock_of
from inventory_assets.domain.access.grants import Scope
from inventory_assets.domain.access.tokens import (
    ID_PREFIX,
    MAX_WAREHOUSES,
    SECRET_BYTES,
    State,
    Token,
    digest_of,
    read_name,
    secret_of,
)
from inventory_assets.domain.values import InvalidValue, read_id
from inventory_assets.settings import Settings

# All of them are in the memory of every process that asks.
MOST_LIVING = 10_000
# Kept to tell a revoked token from one that never was.
MOST_ENDED = 1_000
COLUMNS = "token_id, name, digest, scope, warehouses, rate, burst, made_at, expires_at, ended_at, ended"


def make_token(
    settings: Settings, name: str, scope: Scope, *, warehouses: Sequence[str] = (), lifetime: timedelta | None = None,
    rate: float | None = None, burst: int | None = None,
) -> tuple[Token, str]:  # fmt: skip
    """Make a token.

    Args:
        settings: Whose home.
        name: What it is for; no living token has it.
        scope: The widest it has.
        warehouses: These only; none is all.
        lifetime: How long it is good; None is until it is revoked.
        rate: Requests a second; None is no limit.
        burst: How many of them at once; None is a second's.

    Returns:
        The token and its secret, which is nowhere else.

    Raises:
        AccessError: The name is taken or is none, a warehouse is none, or there are too many tokens.
    """
    name, places = _read_name(name), _read_warehouses(warehouses)
    now = clock_of(settings).microseconds()
    secret = secret_of(secrets.token_bytes(SECRET_BYTES))
    digest = digest_of(secret)
    assert digest is not None
    token = Token(
        token_id=ID_PREFIX + secrets.token_hex(6), name=name, digest=digest, scope=scope, warehouses=places, rate=rate,
        burst=burst or max(1, round(rate or 1)), made_at=now,
        expires_at=None if lifetime is None else now + lifetime // timedelta(microseconds=1),
    )  # fmt: skip
    with changing(settings) as connection:
        end_expired(connection, now)
        [(living,)] = connection.execute("SELECT count(*) FROM tokens WHERE ended_at IS NULL").fetchall()
        if living >= MOST_LIVING:
            raise AccessError(
                f"there are {living:,} living tokens, expected fewer than {MOST_LIVING:,}. "
                "Revoke what nobody uses: inventory tokens list, inventory tokens revoke ID"
            )
        _insert(connection, token)
        _moved(connection)
        append_writes(connection, [_by_hand("make", token, now)], keep=settings.audit_rows)
    return token, secret


def list_tokens(settings: Settings, *, with_ended: bool = False) -> list[Token]:
    """The tokens by name, living ones only unless said otherwise; those that have expired are not living."""
    now = clock_of(settings).microseconds()
    with reading(settings) as connection:
        tokens = [] if connection is None else read_tokens(connection)
    found = [each for each in tokens if with_ended or each.state(now) is State.LIVING]
    return sorted(found, key=lambda each: (each.name, each.made_at, each.token_id))


def revoke_token(settings: Settings, name_or_id: str) -> Token:
    """Revoke a living token; every process refuses it within a second.

    Raises:
        AccessError: No living token has this name or id.
    """
    now = clock_of(settings).microseconds()
    with reading(settings) as connection:
        is_there = connection is not None
    if not is_there:
        raise _unknown(name_or_id, [])
    with changing(settings) as connection:
        end_expired(connection, now)
        tokens = read_tokens(connection)
        known = [each for each in tokens if name_or_id in (each.name, each.token_id)]
        living = [each for each in known if each.ended is None]
        if not living:
            raise _unknown(name_or_id, known)
        [token] = living  # names of living ones differ, and no name is written as an id
        connection.execute(
            "UPDATE tokens SET ended_at = ?, ended = ? WHERE token_id = ?", (now, State.REVOKED, token.token_id)
        )
        _forget_ended(connection)
        _moved(connection)
        append_writes(connection, [_by_hand("revoke", token, now)], keep=settings.audit_rows)
    return token


def read_tokens(connection: sqlite3.Connection) -> list[Token]:
    """Every token of a store, those that have ended too."""
    return [_token(row) for row in connection.execute(f"SELECT {COLUMNS} FROM tokens").fetchall()]


def read_generation(connection: sqlite3.Connection) -> int:
    """A number that moves whenever a token is made, or ends."""
    [(generation,)] = connection.execute("SELECT generation FROM state").fetchall()
    return generation


def end_expired(connection: sqlite3.Connection, now: int) -> None:
    """Note which tokens have expired: a clock that goes back later does not bring them back."""
    ended = connection.execute(
        "UPDATE tokens SET ended_at = ?, ended = ? WHERE ended_at IS NULL AND expires_at <= ?",
        (now, State.EXPIRED, now),
    )
    if ended.rowcount:
        _forget_ended(connection)
        _moved(connection)


def _forget_ended(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM tokens WHERE ended_at IS NOT NULL AND token_id NOT IN (SELECT token_id FROM tokens "
        "WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, token_id LIMIT ?)",
        (MOST_ENDED,),
    )


def _insert(connection: sqlite3.Connection, token: Token) -> None:
    values = (
        token.token_id, token.name, token.digest, token.scope, json.dumps(token.warehouses), token.rate, token.burst,
        token.made_at, token.expires_at, token.ended_at, token.ended,
    )  # fmt: skip
    try:
        connection.execute(f"INSERT INTO tokens ({COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)
    except sqlite3.IntegrityError as error:
        raise AccessError(
            f"a living token is named {token.name!r} already; names tell in the audit who wrote what. "
            f"Choose another, or revoke that one first: inventory tokens list"
        ) from error


def _moved(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE state SET generation = generation + 1")


def _by_hand(what: str, token: Token, now: int) -> Write:
    return Write(at=now, token=COMMAND_LINE, method=what, path="tokens", resource=f"{token.token_id} {token.name}")


def _token(row: tuple) -> Token:
    (token_id, name, digest, scope, warehouses, rate, burst, made_at, expires_at, ended_at, ended) = row
    return Token(
        token_id=token_id, name=name, digest=digest, scope=Scope(scope), warehouses=tuple(json.loads(warehouses)),
        rate=rate, burst=burst, made_at=made_at, expires_at=expires_at, ended_at=ended_at,
        ended=None if ended is None else State(ended),
    )  # fmt: skip


def _read_name(name: str) -> str:
    try:
        return read_name(name)
    except InvalidValue as error:
        raise AccessError(f"{error.detail}. Expected such as `dashboard` or `dana`.") from error


def _read_warehouses(warehouses: Sequence[str]) -> tuple[str, ...]:
    if len(set(warehouses)) > MAX_WAREHOUSES:
        raise AccessError(f"{len(set(warehouses)):,} warehouses were named, expected at most {MAX_WAREHOUSES:,}.")
    try:
        return tuple(sorted({read_id("warehouse", each) for each in warehouses}))
    except InvalidValue as error:
        raise AccessError(f"{error.detail}. Expected the id of a warehouse, as messages have it.") from error


def _unknown(name_or_id: str, ended: Sequence[Token]) -> AccessError:
    if ended:
        last = max(ended, key=lambda each: each.ended_at or 0)
        return AccessError(
            f"no living token is {name_or_id!r}: {last.token_id} was {last.ended} already. "
            "See which there are: inventory tokens list --all"
        )
    return AccessError(
        f"no token is {name_or_id!r}; expected a name or an id (tok-…), not a secret. "
        "See which there are: inventory tokens list"
    )
