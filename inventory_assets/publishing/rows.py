"""What each row of a file becomes: a message, or a complaint with its line (RULES 40).

Here: a table, read as facts and put into their envelope. Not here: sending them (`send`), showing them
(`commands.run.publish`).
"""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from inventory_assets.domain.events.envelopes import ENCODING
from inventory_assets.domain.events.kinds import Event, Filtered, Level, Transaction
from inventory_assets.domain.events.parse import KINDS_BY_TOPIC, ParseSettings
from inventory_assets.domain.publish.columns import OTHER_MARKERS, ColumnMapping, ColumnsError, choose_columns
from inventory_assets.domain.publish.encode import ENCODERS, TOPICS, Envelope, Fact
from inventory_assets.domain.publish.facts import Document, FactReader, judge, judge_message, to_bytes
from inventory_assets.domain.values import InvalidValue
from inventory_assets.given_files import BadRow, HeaderError
from inventory_assets.messaging.envelopes import BINARY, JSON, encode_protobuf
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.publishing.mapping import FileFormat
from inventory_assets.publishing.table import Table, title_hint

MAX_SHOWN = 20


class Draft(NamedTuple):
    """What a row becomes. Without a message, `problem` says why, and `place` of which, where that is no line."""

    line: int
    event: Event | None = None
    message: OutgoingMessage | None = None
    problem: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: where the rows go, how, and by which rules they are judged.

    Attributes:
        topic: Its short name.
        envelope: How facts are said there.
        time: Of rows without one.
        is_binary: Whether messages of a schema are binary, not JSON.
        now: Microseconds; event times are held to it.
        parsing: Bounds of event times.
    """

    topic: str
    envelope: Envelope
    now: int
    parsing: ParseSettings
    time: str | None = None
    is_binary: bool = False


@dataclass(slots=True)
class Tally:
    """Counts of a file's rows, and the first complaints: `most` of them."""

    most: int = MAX_SHOWN
    rows: int = 0
    bad: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def count(self, draft: Draft) -> None:
        """Take in a row."""
        self.rows += 1
        if draft.message is None:
            self.bad.add(draft.line)
            if len(self.problems) < self.most:
                self.problems.append(f"{draft.place or f'line {draft.line}'}: {draft.problem}")

    def complaint(self, name: str, so: str) -> str:
        """The bad rows, by line."""
        shown, bad = "\n  ".join(self.problems), len(self.bad)
        more = f"\n  and {bad - self.most:,} more" if bad > self.most else ""
        rows = "1 bad row" if bad == 1 else f"{bad:,} bad rows"
        return f"{name}: {rows}, {so}:\n  {shown}{more}"


_Read = Callable[[int, Sequence[Any]], Document]
_Say = Callable[[int, Document], tuple[Event | None, OutgoingMessage]]


@dataclass(frozen=True, slots=True)
class Plan:
    """A file's rows, as often as they are asked for, the same each time.

    Attributes:
        table: The rows.
        topic: Where they go.
        read: A row as a document.
        say: A document judged, and as a message.
        is_plain: The message is the document.
        arrive: What a message is where it arrives, in whose envelope ids are others; None where that is what it said.
    """

    table: Table
    topic: str
    read: _Read
    say: _Say
    is_plain: bool
    arrive: Callable[[OutgoingMessage], Event | Filtered] | None = None

    def drafts(self) -> Iterator[Draft]:
        """What each row becomes."""
        for line, cells in self.table.rows():
            if isinstance(cells, BadRow):
                yield Draft(line, problem=cells.why, place=self.table.places(line))
                continue
            try:
                event, message = self.say(line, self.read(line, cells))
                if self.arrive is not None:
                    event = _fact_of(self.arrive(message))
            except InvalidValue as error:
                yield Draft(line, problem=f"{error.reason}: {error.detail}", place=self.table.places(line))
            else:
                yield Draft(line, event, message)

    def messages(self, bad: Container[int]) -> Iterator[OutgoingMessage]:
        """The messages of all rows but the bad ones; a document is not judged again."""
        for line, cells in self.table.rows():
            if line in bad or isinstance(cells, BadRow):
                continue
            document = self.read(line, cells)
            if self.is_plain:
                yield OutgoingMessage(self.topic, to_bytes(document), {"row_id": f"{self.table.digest}:{line}"})
            else:
                yield self.say(line, document)[1]


def plan_rows(table: Table, mapping: ColumnMapping | None, format_: FileFormat, order: Order) -> Plan:
    """Decide what the rows of a file are, and how each is read and said.

    Raises:
        HeaderError: The columns say nothing that goes to this topic in this envelope.
    """
    is_plain = order.envelope is Envelope.DOCUMENT
    if (mapping is None or not mapping.columns) and set(table.header) & set(OTHER_MARKERS):
        if not is_plain:
            raise HeaderError(
                f"{table.name}: its rows are no stock facts but documents of another kind, "
                f"which {order.envelope} does not carry; publish them --as r0."
            )
        return Plan(table, order.topic, partial(_filled, table.header), partial(_passed, table.digest, order), is_plain)
    try:
        columns = choose_columns(table.header, mapping, order.parsing.default_warehouse)
    except ColumnsError as error:
        raise HeaderError(f"{table.name}: {error}.{title_hint(table, mapping)}") from error
    _check_topic(table.name, columns.kind, order)
    reader = FactReader(columns, format_.cells(), name=f"file/{table.digest}", time=order.time)
    arrive = None if is_plain else partial(arrived, order)
    return Plan(table, order.topic, reader.read, _sayer(reader, table.digest, order), is_plain, arrive)


def _check_topic(name: str, kind: str, order: Order) -> None:
    if order.envelope is Envelope.DOCUMENT:
        wanted = sorted(topic for topic, kinds in KINDS_BY_TOPIC.items() if kind in kinds)
    else:
        wanted = sorted(TOPICS[order.envelope])
    if order.topic not in wanted:
        raise HeaderError(
            f"{name}: a {kind} as {order.envelope} goes to {', '.join(wanted)}; --topic was {order.topic!r}."
        )


def _sayer(reader: FactReader, digest: str, order: Order) -> _Say:
    """What judges a row's document and makes it a message."""
    encode = ENCODERS.get(order.envelope)
    kind, topic, now, parsing = reader.columns.kind, order.topic, order.now, order.parsing
    fixed = ATTRIBUTES.get(order.envelope)

    def say(line: int, document: Document) -> tuple[Event, OutgoingMessage]:
        row_id = f"{digest}:{line}"
        event = judge(kind, document, row_id, now, parsing)
        assert isinstance(event, Transaction | Level)  # its columns are theirs
        attributes = {"row_id": row_id} if fixed is None else fixed
        if encode is None:
            return event, OutgoingMessage(topic, to_bytes(document), attributes)
        body = encode(Fact(event, reader.name_of(line), document))
        return event, OutgoingMessage(topic, encode_protobuf(body) if order.is_binary else to_bytes(body), attributes)

    return say


# Whose ids are in their bodies (RULES 10); Pub/Sub's binding of CloudEvents asks for the content type.
ATTRIBUTES = {
    Envelope.CLOUDEVENTS: {"content-type": "application/cloudevents+json; charset=utf-8"},
    Envelope.SERVICE: {},
}


def _passed(digest: str, order: Order, line: int, document: Document) -> tuple[Event | None, OutgoingMessage]:
    message = OutgoingMessage(order.topic, to_bytes(document), {"row_id": f"{digest}:{line}"})
    return _fact_of(arrived(order, message)), message


def arrived(order: Order, message: OutgoingMessage) -> Event | Filtered:
    """What a message is where it arrives.

    Raises:
        InvalidValue: It would be a dead letter.
    """
    attributes = dict(message.attributes)
    if order.envelope is Envelope.PROTOBUF:
        attributes[ENCODING] = BINARY if order.is_binary else JSON  # the broker's to add
    return judge_message(order.topic, message.data, attributes, order.now, order.parsing)


def _fact_of(found: Event | Filtered) -> Event | None:
    return None if isinstance(found, Filtered) else found


def _filled(header: Sequence[str], line: int, cells: Sequence[Any]) -> Document:
    return {name: cell for name, cell in zip(header, cells, strict=True) if cell is not None and cell != ""}
