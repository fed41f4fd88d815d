"""Dead letters that nobody has replayed since, and the messages that replay them.

Here: which, and in what form. Not here: publishing them (`commands`), or what
becomes of them (`ingest`).
"""

import json
from typing import Any

from inventory_assets.domain.events.envelopes import FIRST_PUBLISHED, REPLAY_OF
from inventory_assets.domain.values import format_time, to_microseconds_naive
from inventory_assets.lake.query.reader import Reader
from inventory_assets.messaging.client import OutgoingMessage


def unreplayed(reader: Reader, reason: str | None = None) -> list[dict[str, Any]]:
    """The dead letters of which no replay was received, in order; with `reason` only those."""
    condition = "" if reason is None else "AND reason = ?"
    letters = reader.query(
        f"""
        SELECT message_id, topic, ordering_key, attributes, reason, attempts, data, publish_time
        FROM core.dead_letters d
        WHERE NOT EXISTS (
            SELECT 1 FROM raw.messages r
            WHERE r.topic = d.topic AND json_extract_string(r.attributes, '$.{REPLAY_OF}') = d.message_id
        ) {condition} ORDER BY version, seq
        """,
        [] if reason is None else [reason],
    )
    return list(letters.iter_rows(named=True))


def to_replay(letter: dict[str, Any]) -> OutgoingMessage:
    """The message that replays a dead letter: its bytes, and attributes that name it."""
    # Names with goog are Pub/Sub's own: it says them anew, and takes them from nobody.
    given = {name: value for name, value in json.loads(letter["attributes"]).items() if not name.startswith("goog")}
    # What has no time of its own is of when it was first sent, however often it is replayed.
    first = format_time(to_microseconds_naive(letter["publish_time"]))
    attributes = {FIRST_PUBLISHED: first, **given, REPLAY_OF: letter["message_id"]}
    attributes["replay_attempt"] = str(letter["attempts"])
    return OutgoingMessage(letter["topic"], letter["data"], attributes, letter["ordering_key"] or "")
