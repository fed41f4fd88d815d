"""Dead letters: by their cause, one whole, those that nobody has replayed since and the messages that replay them.

Here: which, and in what form. Not here: publishing them (`commands`), what becomes of them (`ingest`), or what to do
about them (`words`).
"""

import json
from typing import Any

import polars as pl

from inventory_assets.domain.events.envelopes import FIRST_PUBLISHED, REPLAY_OF
from inventory_assets.domain.events.refusals import class_of
from inventory_assets.domain.values import format_time, to_microseconds_naive
from inventory_assets.lake.query.reader import Reader
from inventory_assets.messaging.client import OutgoingMessage

_NOT_REPLAYED = f"""NOT EXISTS (
    SELECT 1 FROM raw.messages r
    WHERE r.topic = d.topic AND json_extract_string(r.attributes, '$.{REPLAY_OF}') = d.message_id
)"""


def unreplayed(reader: Reader, reason: str | None = None) -> list[dict[str, Any]]:
    """The dead letters of which no replay was received, in order; with `reason` only those."""
    condition = "" if reason is None else "AND reason = ?"
    letters = reader.query(
        f"""
        SELECT message_id, topic, ordering_key, attributes, reason, attempts, data, publish_time, data_bytes
        FROM core.dead_letters d
        WHERE {_NOT_REPLAYED} {condition} ORDER BY version, seq
        """,
        [] if reason is None else [reason],
    )
    return list(letters.iter_rows(named=True))


def is_whole(letter: dict[str, Any]) -> bool:
    """Whether its body is there to be replayed: of one that was too large only the beginning is."""
    return letter["data_bytes"] is None


def to_replay(letter: dict[str, Any]) -> OutgoingMessage:
    """The message that replays a dead letter that is whole: its bytes, and attributes that name it."""
    # Names with goog are Pub/Sub's own: it says them anew, and takes them from nobody.
    given = {name: value for name, value in json.loads(letter["attributes"]).items() if not name.startswith("goog")}
    # What has no time of its own is of when it was first sent, however often it is replayed.
    first = format_time(to_microseconds_naive(letter["publish_time"]))
    attributes = {FIRST_PUBLISHED: first, **given, REPLAY_OF: letter["message_id"]}
    attributes["replay_attempt"] = str(letter["attempts"])
    return OutgoingMessage(letter["topic"], letter["data"], attributes, letter["ordering_key"] or "")


def find_causes(reader: Reader, *, reason: str | None = None, topic: str | None = None) -> list[dict[str, Any]]:
    """Dead letters by cause, the most frequent first; only those of a reason or a topic.

    A cause is a reason at a field of a topic's messages, or of a fault the line of code. Where bytes broke is
    another place each time, and no part of it.
    """
    found = reader.query(
        f"""
        SELECT reason, topic, CASE WHEN reason <> 'invalid_json' THEN position END AS position,
            count(*) AS messages, min(publish_time) AS first_seen, max(publish_time) AS last_seen,
            {_latest("message_id")} AS example_message_id, {_latest("detail")} AS example_detail,
            {_latest("position")} AS example_position
        FROM core.dead_letters WHERE (? IS NULL OR reason = ?) AND (? IS NULL OR topic = ?)
        GROUP BY ALL ORDER BY messages DESC, last_seen DESC, reason, topic, position
        """,
        [reason, reason, topic, topic],
    )
    return [
        {"reason": row["reason"], "error_class": str(class_of(row["reason"])), **row}
        for row in found.iter_rows(named=True)
    ]


def _latest(column: str) -> str:
    # Not max_by alone: it passes over nulls, and the example would be of two letters.
    return f"max_by(struct_pack(value := {column}), (version, seq)).value"


def find_letters(reader: Reader, message_id: str) -> list[dict[str, Any]]:
    """The dead letters of a message id, oldest first; ids are a topic's own, and a replay has one of its own."""
    found = reader.query(
        """
        SELECT message_id, topic, publish_time, version, reason, position, detail, attempts, ordering_key, attributes,
            coalesce(data_bytes, octet_length(data)) AS bytes, data_bytes IS NULL AS is_whole, data, trace
        FROM core.dead_letters WHERE message_id = ? ORDER BY version, seq
        """,
        [message_id],
    )
    return [{**row, "error_class": str(class_of(row["reason"]))} for row in found.iter_rows(named=True)]


def read_refused_for(reader: Reader, reason: str, versions: tuple[int, int] | None = None) -> pl.DataFrame:
    """`message_id` and `detail` of what was refused for a reason, in order.

    Args:
        reader: The lake.
        reason: Of `core.dead_letters`.
        versions: The first and the last to look at; None is all, without what was replayed since.
    """
    where = "version BETWEEN ? AND ?" if versions is not None else _NOT_REPLAYED
    return reader.query(
        f"SELECT message_id, detail FROM core.dead_letters d WHERE reason = ? AND {where} ORDER BY version, seq",
        [reason, *(versions or ())],
    )
