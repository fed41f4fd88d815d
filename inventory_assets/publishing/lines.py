"""Read lines that are published as they stand: JSON, or messages with their topics and attributes.

Here: lines to messages, what is no such file, what they would become. Not here: rows of a table
(`rows`), sending (`send`).
"""

import base64
import json
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import ParseSettings, parse_message
from inventory_assets.domain.strict_json import MAX_BYTES as MAX_MESSAGE_BYTES
from inventory_assets.given_text import GivenFileError
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.publishing.rows import Draft


def read_messages(
    source: BinaryIO, name: str, kind: str, topic: str, topics: Collection[str]
) -> Iterator[tuple[int, OutgoingMessage]]:
    """(line, message) of JSON lines or of `messages`, with every line looked at before the first is given.

    A pipe cannot be read twice: there the lines before a bad one are given.

    Raises:
        GivenFileError: A line is too long for a message, or is none.
    """

    def read() -> Iterator[tuple[int, OutgoingMessage]]:
        for line, data in _lines(source, name):
            yield line, OutgoingMessage(topic, data) if kind == "json" else _message(line, data, name, topic, topics)

    if source.seekable():
        start = source.tell()
        for _ in read():
            pass
        source.seek(start)
    return read()


def _lines(source: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    # A message in a line of its own is longer there: escapes, attributes, base64.
    most = 2 * MAX_MESSAGE_BYTES
    while line := source.readline(most + 1):
        number += 1
        if len(line) > most:
            raise GivenFileError(_too_long(name, number, f"over {most:,}"))
        data = line.removesuffix(b"\n").removesuffix(b"\r")
        if data.strip():
            yield number, _bounded(data, name, number)


def _bounded(data: bytes, name: str, number: int) -> bytes:
    if len(data) > MAX_MESSAGE_BYTES:
        raise GivenFileError(_too_long(name, number, f"{len(data):,}"))
    return data


def _too_long(name: str, number: int, size: str) -> str:
    return (
        f"{name}: line {number} has {size} bytes, a message at most {MAX_MESSAGE_BYTES:,}. "
        "Give one document a line; an array of them is no message."
    )


def _message(number: int, line: bytes, name: str, topic: str, topics: Collection[str]) -> OutgoingMessage:
    try:
        item = json.loads(line)
        if "data_base64" in item:
            data = base64.b64decode(item["data_base64"], validate=True)
        else:
            data = item["data"].encode()
        attributes, ordering_key = item.get("attributes") or {}, item.get("ordering_key") or ""
        topic = item.get("topic", topic)
        if topic not in topics:
            raise ValueError(f"topic was {topic!r}, expected one of {', '.join(sorted(topics))}")
        if not isinstance(ordering_key, str) or not all(
            isinstance(each, str) for pair in attributes.items() for each in pair
        ):
            raise ValueError("attributes and ordering_key must be strings")
        return OutgoingMessage(topic, data, attributes, ordering_key)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        what = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise GivenFileError(f"{name}: line {number}: expected an object with data: {what}") from error


def judged(messages: Iterator[tuple[int, OutgoingMessage]], now: int, parsing: ParseSettings) -> Iterator[Draft]:
    """What lines would become as they are taken in: they go out as they stand, whatever that is."""
    for line, message in messages:
        found = parse_message(message.topic, message.data, dict(message.attributes), now, parsing)
        if isinstance(found, Rejection):
            yield Draft(line, problem=f"{found.reason}: {found.detail}")
        else:
            yield Draft(line, None if isinstance(found, Filtered) else found, message)


@dataclass(frozen=True, slots=True)
class Lines:
    """A file of lines, as a `rows.Plan` is one of rows.

    Attributes:
        source: The file, which can be read again.
        name: What errors call it.
        kind: `json` or `messages`.
        topic: Where lines go that name none.
        topics: Those that they may name.
        now: Microseconds; event times are held to it.
        parsing: Bounds of event times.
    """

    source: BinaryIO
    name: str
    kind: str
    topic: str
    topics: Collection[str]
    now: int
    parsing: ParseSettings

    def drafts(self) -> Iterator[Draft]:
        """What each line becomes."""
        return judged(self._read(), self.now, self.parsing)

    def messages(self, bad: Container[int]) -> Iterator[OutgoingMessage]:
        """The messages of all lines but the bad ones."""
        return (message for line, message in self._read() if line not in bad)

    def _read(self) -> Iterator[tuple[int, OutgoingMessage]]:
        self.source.seek(0)
        return read_messages(self.source, self.name, self.kind, self.topic, self.topics)
