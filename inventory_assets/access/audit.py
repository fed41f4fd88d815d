"""Who wrote what, and how often somebody was refused: rows of `access.sqlite`, both bounded.

A write is a row; of refusals there may be ten thousand a second, so they are counted, by the hour.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory_assets.access.store import reading
from inventory_assets.domain.access.grants import Reason
from inventory_assets.domain.values import to_datetime
from inventory_assets.settings import Settings

# Who makes and revokes tokens is whoever may write the home.
COMMAND_LINE = "command line"
# Of one write: a batch has more, and its request id finds them all.
MOST_IDS = 100
# Of one text: who asks chooses it.
MOST_CHARACTERS = 1_024
MOST_REFUSALS = 10_000
HOUR = 3_600_000_000
Refused = Mapping[tuple[Reason, str], tuple[int, int, int]]
"""By (reason, token id, "" where none was found): count, first and last time in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One request that wrote, or was to.

    Attributes:
        at: When it was answered, in microseconds.
        token_id, token: Whose token; without an id none of the store's.
        method, path: Of the request.
        resource: What it was on; "" where the path says it.
        request_id, message_ids: What it sent, to find what became of it.
        status: The answer's.
    """

    at: int
    token_id: str = ""
    token: str
    method: str
    path: str
    resource: str = ""
    request_id: str = ""
    message_ids: Sequence[str] = ()
    status: int = 0


def append_writes(connection: sqlite3.Connection, writes: Sequence[Write], *, keep: int) -> None:
    """Append writes within a transaction, and forget those beyond the newest `keep`."""
    connection.executemany(
        "INSERT INTO writes (at, token_id, token, method, path, resource, request_id, message_ids, messages, status) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                each.at, each.token_id, _cut(each.token), _cut(each.method), _cut(each.path), _cut(each.resource),
                _cut(each.request_id), json.dumps([_cut(id_) for id_ in each.message_ids[:MOST_IDS]]),
                len(each.message_ids), each.status,
            )
            for each in writes
        ],
    )  # fmt: skip
    connection.execute("DELETE FROM writes WHERE seq <= (SELECT max(seq) FROM writes) - ?", (keep,))


def add_refusals(connection: sqlite3.Connection, refused: Refused) -> None:
    """Add counts of refusals within a transaction."""
    connection.executemany(
        "INSERT INTO refusals VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hour, reason, token_id) DO UPDATE SET "
        "count = count + excluded.count, first_at = min(first_at, excluded.first_at), "
        "last_at = max(last_at, excluded.last_at)",
        [
            (last // HOUR, reason, token_id, count, first, last)
            for (reason, token_id), (count, first, last) in refused.items()
        ],
    )
    connection.execute(
        "DELETE FROM refusals WHERE rowid NOT IN (SELECT rowid FROM refusals ORDER BY hour DESC LIMIT ?)",
        (MOST_REFUSALS,),
    )


def read_writes(settings: Settings, limit: int) -> list[dict[str, Any]]:
    """The newest writes, the newest first."""
    with reading(settings) as connection:
        rows = [] if connection is None else connection.execute(
            "SELECT at, token, token_id, method, path, resource, request_id, message_ids, messages, status "
            "FROM writes ORDER BY seq DESC LIMIT ?", (limit,)
        ).fetchall()  # fmt: skip
    names = (
        "at", "token", "token_id", "method", "path", "resource", "request_id", "message_ids", "messages", "status",
    )  # fmt: skip
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [{**each, "at": to_datetime(each["at"]), "message_ids": json.loads(each["message_ids"])} for each in found]


def read_refusals(settings: Settings, limit: int) -> list[dict[str, Any]]:
    """How often somebody was refused, by hour, reason and token, the newest hour first."""
    with reading(settings) as connection:
        rows = [] if connection is None else connection.execute(
            "SELECT first_at, last_at, reason, r.token_id, coalesce(name, ''), count FROM refusals r "
            "LEFT JOIN tokens t ON t.token_id = r.token_id ORDER BY hour DESC, count DESC, reason, 4 LIMIT ?", (limit,)
        ).fetchall()  # fmt: skip
    return [
        {
            "first": to_datetime(first), "last": to_datetime(last), "reason": reason, "token": token,
            "token_id": token_id, "requests": count,
        }
        for first, last, reason, token_id, token, count in rows
    ]  # fmt: skip


def _cut(text: str) -> str:
    # Half a character, as a path may bring it, is no UTF-8.
    return text[:MOST_CHARACTERS].encode(errors="replace").decode()
