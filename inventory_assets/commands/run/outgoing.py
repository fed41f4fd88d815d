"""Read a file to publish: JSON lines, CSV rows, or whole messages; nothing of one that is wrong.

Here: bytes to messages, and what is no such file. Not here: what a message
means, which the taking in judges (`domain.events.parse`), nor sending it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from inventory_assets.clock import machine_microseconds
from inventory_assets.commands.output import notes
from inventory_assets.domain.events.kinds import Filtered, Rejection
from inventory_assets.domain.events.parse import KIND_MARKERS, parse_message
from inventory_assets.domain.strict_json import MAX_BYTES as MAX_MESSAGE_BYTES
from inventory_assets.given_files import (
    BadRow,
    GivenFileError,
    HeaderError,
    decode,
    did_you_mean,
    read_csv,
    read_stream,
)
from inventory_assets.ingest.meaning import meaning_of, parsing_of
from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.messaging.client import OutgoingMessage
from inventory_assets.queries.contradictions import HOW_TO_CORRECT, Contradiction, Contradictions
from inventory_assets.settings import Settings

MAX_SHOWN = 20
LOOK_UP_ROWS = 5_000
# A file without any of these tells nothing that anybody would take in (RULES 2, 41).
MARKERS = (*(marker for marker, _ in KIND_MARKERS), "document")


@contextmanager
def opened(file: str, stdin: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """The file, or standard input for `-`, and what errors call it."""
    if file == "-":
        yield stdin, "standard input"
        return
    with ExitStack() as stack:
        try:
            source = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise GivenFileError(f"{Path(file).name} could not be read: {error.strerror or error}.") from error
        yield source, Path(file).name


def read_messages(
    source: BinaryIO, name: str, kind: str, topic: str, topics: Collection[str]
) -> Iterator[OutgoingMessage]:
    """The messages of JSON lines or of `messages`, with every line looked at before the first is given.

    A pipe cannot be read twice: there the lines before a bad one are given.

    Raises:
        GivenFileError: A line is too long for a message, or is none.
    """

    def read() -> Iterator[OutgoingMessage]:
        for number, line in _lines(source, name):
            yield OutgoingMessage(topic, line) if kind == "json" else _message(number, line, name, topic, topics)

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


def read_rows(source: BinaryIO, name: str, topic: str) -> Callable[[], Iterator[OutgoingMessage]]:
    """What gives the messages of a CSV file, as often as it is called: one a row, with its place (RULES 10).

    Raises:
        HeaderError: The header names no kind of message.
        GivenFileError: The file is too big or no text; lists the rows that do not fit the header.
    """
    raw = read_stream(source, name)
    # Equal rows of one file are separate events, so each carries its place.
    digest = hashlib.sha256(raw).hexdigest()[:16]
    text = decode(raw, name)
    _check_header(text, name)
    problems: list[str] = []
    count = 0
    for line, row in read_csv(text, name):
        if isinstance(row, BadRow):
            count += 1
            problems += [f"line {line}: {row.why}"] if count <= MAX_SHOWN else []
    if problems:
        more = f"\n  and {count - MAX_SHOWN} more" if count > MAX_SHOWN else ""
        shown = "\n  ".join(problems)
        raise GivenFileError(f"{name}: {count} bad rows, nothing published:\n  {shown}{more}")
    return partial(_row_messages, text, name, topic, digest)


def _row_messages(text: str, name: str, topic: str, digest: str) -> Iterator[OutgoingMessage]:
    for line, row in read_csv(text, name):
        if not isinstance(row, BadRow):
            document = {column: value for column, value in row.items() if value != ""}
            yield OutgoingMessage(topic, json.dumps(document).encode(), {"row_id": f"{digest}:{line}"})


def _check_header(text: str, name: str) -> None:
    first = next(read_csv(text, name), None)
    if first is None or isinstance(first[1], BadRow) or set(first[1]) & set(MARKERS):
        return
    names = list(first[1])
    hint = next((hint for column in names if (hint := did_you_mean(column, MARKERS))), "")
    raise HeaderError(
        f"{name}: the header was {','.join(names)[:200]!r}, which names no kind of message{hint}; "
        f"expected one column of {', '.join(MARKERS)}, and those that go with it (docs/rules.md)."
    )


def tell_contradictions(settings: Settings, source: Iterator[OutgoingMessage]) -> None:
    """Say which rows contradict what is known under the same id and time: they will be dead letters (RULES 11)."""
    parse, now = parsing_of(meaning_of(settings)), machine_microseconds()
    reader = _reader(settings)
    contradictions = Contradictions()
    count = 0
    shown: list[Contradiction] = []
    while chunk := list(islice(source, LOOK_UP_ROWS)):
        events = []
        for message in chunk:
            event = parse_message(message.topic, message.data, dict(message.attributes), now, parse)
            if not isinstance(event, Rejection | Filtered):
                line = int(message.attributes["row_id"].rpartition(":")[2])
                events.append((line, event))
        found = contradictions.find(events, reader)
        count += len(found)
        shown += found[: MAX_SHOWN - len(shown)]
    if reader is not None:
        reader.connection.close()
    if not count:
        return
    notes.print(
        f"{count:,} rows say otherwise what is known under the same id and time: the first counts, and `drain` makes "
        "dead letters (conflicting_duplicate) of these.", style="yellow",
    )  # fmt: skip
    for each in shown:
        notes.print(f"  {each}")
    if count > len(shown):
        notes.print(f"  and {count - len(shown):,} more")
    notes.print(HOW_TO_CORRECT)


def _reader(settings: Settings) -> Any:
    try:
        return LakeReader(settings)
    except LakeError:
        return None  # a lake elsewhere, or none yet: the file is still held to itself
