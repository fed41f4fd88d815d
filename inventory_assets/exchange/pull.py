"""Extract rows from a PostgreSQL server: R0 documents to publish, or product data (R4's Extract).

The server makes each row's JSON itself, so numbers and times are exactly its
own. Rows are read in the cursor's order and published a chunk at a time; the
cursor is kept after the chunk is confirmed. A crash in between repeats the
chunk, and dedupe absorbs it: at least once, like everything that is published.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from inventory_assets.exchange.file import Pull
from inventory_assets.lake.catalog.server import Server, ask, identifier, quoted
from inventory_assets.lake.errors import LakeError
from inventory_assets.messaging.messages import OutgoingMessage

# As many as `inventory publish` confirms at a time; a crash repeats at most these.
CHUNK_ROWS = 5_000


class PullError(LakeError):
    """A pull cannot go on from where it stands."""


class Cursor(msgspec.Struct, frozen=True):
    """How far a pull has come.

    `value` is the cursor column's greatest value published, as the server
    spells it; `seen` are digests of the rows that have it, because more of them
    may turn up. `source` tells whether it is still the same query.
    """

    source: str
    value: str | None = None
    seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cursor's value, its JSON, and its key's JSON."""

    value: str | None
    text: str
    key: str | None

    @property
    def digest(self) -> str:
        """What tells it from other rows of one cursor value."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:24]


@dataclass(slots=True)
class Pulled:
    """What a pull did."""

    rows: int = 0
    published: int = 0
    without_cursor: int = 0
    cursor: str | None = None


def source_of(server: Server, pull: Pull) -> str:
    """Tell a query by all that gives its cursor a meaning."""
    parts = json.dumps([server.connection, pull.query, pull.cursor])
    return hashlib.sha256(parts.encode()).hexdigest()[:24]


def pull_query(pull: Pull, cursor: Cursor) -> str:
    """The server's SQL for the rows that are due, in order."""
    # Of the row alone: columns of ours must not become fields of its document.
    wanted = ["row_to_json(q)::text AS text"]
    order = ""
    condition = ""
    if pull.cursor is not None:
        column = f"q.{identifier(pull.cursor)}"
        # JSON's spelling of a time does not depend on the server's settings.
        wanted.append(f"to_json({column}) #>> '{{}}' AS value")
        order = f" ORDER BY {column} NULLS LAST"
        if cursor.value is not None:
            # The last value again: other rows may have it by now.
            since = quoted(cursor.value)
            if pull.overlap is not None:
                kind = "numeric" if isinstance(pull.overlap, int) else "timestamptz"
                back = str(pull.overlap) if isinstance(pull.overlap, int) else f"interval {quoted(pull.overlap)}"
                since = f"({since}::{kind} - {back})"
            condition = f" WHERE {column} >= {since}"
    else:
        wanted.append("NULL::text AS value")
    parts = ", ".join(f"q.{identifier(name)}" for name in pull.key)
    wanted.append(f"json_build_array({parts})::text AS key" if parts else "NULL::text AS key")
    return f"SELECT {', '.join(wanted)} FROM (\n{pull.query}\n) q{condition}{order}"


def read_rows(connection: duckdb.DuckDBPyConnection, pull: Pull, cursor: Cursor) -> Iterator[list[Row]]:
    """Read the rows that are due, a chunk at a time.

    Raises:
        PullError: The server refused the query.
    """
    try:
        for batch in connection.execute(ask(pull_query(pull, cursor))).to_arrow_reader(CHUNK_ROWS):
            columns = batch.to_pydict()
            yield [Row(value, text, key) for text, value, key in zip(*columns.values(), strict=True)]
    except duckdb.Error as error:
        # DuckDB repeats the query below the reason, which may be long.
        reason = str(error).split("\n\n")[0].strip()[:600]
        raise PullError(f"pull {pull.name!r}: the server refused: {reason}") from error


def run_pull(
    connection: duckdb.DuckDBPyConnection, server: Server, pull: Pull, place: Path,
    take: Callable[[Sequence[Row]], object], *, is_from_start: bool = False,
) -> Pulled:  # fmt: skip
    """Hand every row that is due to `take`, and keep the cursor.

    Args:
        connection: With the server attached.
        server: What it is.
        pull: What to read.
        place: The cursor's file.
        take: Returns when the rows are safe where they go.
        is_from_start: Forget the cursor first.

    Raises:
        PullError: The cursor is another query's, or the server refused.
    """
    source = source_of(server, pull)
    start = Cursor(source) if is_from_start or pull.cursor is None else read_cursor(place, source, pull.name)
    cursor, done = start, Pulled(cursor=start.value)
    for chunk in read_rows(connection, pull, start):
        rows = chunk if pull.cursor is None else [row for row in chunk if row.value is not None]
        fresh = [row for row in rows if row.value != start.value or row.digest not in start.seen]
        if fresh:
            take(fresh)
        done.rows += len(chunk)
        done.published += len(fresh)
        if rows and pull.cursor is not None:
            cursor = _moved(cursor, rows)
            write_cursor(place, cursor)
    done.cursor = cursor.value
    done.without_cursor = count_without_cursor(connection, pull)
    return done


def count_without_cursor(connection: duckdb.DuckDBPyConnection, pull: Pull) -> int:
    """How many rows no pull will ever read, because their cursor is null."""
    if pull.cursor is None:
        return 0
    query = f"SELECT count(*) AS n FROM (\n{pull.query}\n) q WHERE q.{identifier(pull.cursor)} IS NULL"
    row = connection.execute(ask(query)).fetchone()
    return row[0] if row else 0


def _moved(cursor: Cursor, rows: list[Row]) -> Cursor:
    """The cursor after rows in its order."""
    value = rows[-1].value
    seen = {row.digest for row in rows if row.value == value}
    if value == cursor.value:
        seen.update(cursor.seen)
    return Cursor(cursor.source, value, tuple(sorted(seen)))


def to_message(pull: Pull, row: Row) -> OutgoingMessage:
    """Make a row the message that `inventory publish` would make of it.

    R0's documents have ids of their own, and a row that is read twice is then a
    repeat. Only a declared key gives a row the identity of a file's row (RULES 10).
    """
    assert pull.topic is not None  # product data are no messages
    attributes = {}
    if row.key is not None:
        digest = hashlib.sha256(row.key.encode()).hexdigest()[:32]
        attributes["row_id"] = f"{pull.name}:{digest}"
    return OutgoingMessage(pull.topic, row.text.encode(), attributes)


def read_cursor(place: Path, source: str, name: str) -> Cursor:
    """Where a pull stands; at the start where it never ran.

    Raises:
        PullError: It stands in another query's rows, or its file cannot be read.
    """
    if not place.exists():
        return Cursor(source)
    try:
        cursor = msgspec.json.decode(place.read_bytes(), type=Cursor)
    except msgspec.DecodeError as error:
        raise PullError(
            f"the cursor of pull {name!r} in {str(place)!r} cannot be read: {error}. "
            "Pull again with --from-start; what is known already is recorded as a duplicate."
        ) from error
    if cursor.source != source:
        raise PullError(
            f"pull {name!r} stands at {cursor.value!r} of another connection, query or cursor column. "
            "Give it another name, or pull with --from-start; what is known already is recorded as a duplicate."
        )
    return cursor


def write_cursor(place: Path, cursor: Cursor) -> None:
    """Keep where a pull stands, whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    with fresh.open("wb") as sink:
        sink.write(msgspec.json.encode(cursor))
        sink.flush()
        os.fsync(sink.fileno())
    fresh.replace(place)


def to_product_rows(rows: Sequence[Row]) -> list[tuple[int, dict[str, Any]]]:
    """Rows of product data as the import takes them, numbered from 1."""
    return [(number, json.loads(row.text)) for number, row in enumerate(rows, 1)]
