"""What each row of a file becomes: a message, or a complaint with its line (RULES 40).

Here: a table, read as facts and put into their envelope. Not here: sending them (`send`), showing them
(`commands.run.publish`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from inventory_assets.domain.events.kinds import Event, Filtered, Level, Transaction
from inventory_assets.domain.events.parse import KINDS_BY_TOPIC, ParseSettings
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.columns import OTHER_MARKERS, ColumnMapping, ColumnsError, choose_columns
from inventory_assets.domain.publish.encode import ENCODERS, TOPICS, Envelope, Fact
from inventory_assets.domain.publish.facts import Document, FactReader, judge, to_bytes
from inventory_assets.domain.values import InvalidValue
from inventory_assets.given_files import BadRow, HeaderError
from inventory_assets.messaging.envelopes import encode_protobuf
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.publishing.mapping import FileFormat
from inventory_assets.publishing.table import Table, title_hint

MAX_SHOWN = 20


class Draft(NamedTuple):
    """What a row becomes. Without a message, `problem` says why."""

    line: int
    event: Event | None = None
    message: OutgoingMessage | None = None
    problem: str = ""


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
    """Counts of a file's rows, and the first complaints."""

    rows: int = 0
    bad: int = 0
    problems: list[str] | None = None

    def count(self, draft: Draft) -> None:
        """Take in a row."""
        self.rows += 1
        if draft.message is None:
            self.bad += 1
            self.problems = self.problems or []
            if len(self.problems) < MAX_SHOWN:
                self.problems.append(f"line {draft.line}: {draft.problem}")

    def complaint(self, name: str, so: str) -> str:
        """The bad rows, by line."""
        shown = "\n  ".join(self.problems or [])
        more = f"\n  and {self.bad - MAX_SHOWN:,} more" if self.bad > MAX_SHOWN else ""
        rows = "1 bad row" if self.bad == 1 else f"{self.bad:,} bad rows"
        return f"{name}: {rows}, {so}:\n  {shown}{more}"


def plan_rows(
    table: Table, mapping: ColumnMapping | None, format_: FileFormat, order: Order
) -> Callable[[], Iterator[Draft]]:
    """What gives the drafts of a file, as often as it is called, the same each time.

    Raises:
        HeaderError: The columns say nothing that goes to this topic in this envelope.
    """
    if (mapping is None or not mapping.columns) and set(table.header) & set(OTHER_MARKERS):
        if order.envelope is not Envelope.DOCUMENT:
            raise HeaderError(
                f"{table.name}: its rows are no stock facts but documents of another kind, "
                f"which {order.envelope} does not carry; publish them --as r0."
            )
        return lambda: _passed(table, order)
    try:
        columns = choose_columns(table.header, mapping, order.parsing.default_warehouse)
    except ColumnsError as error:
        raise HeaderError(f"{table.name}: {error}.{title_hint(table, mapping)}") from error
    _check_topic(table.name, columns.kind, order)
    reader = FactReader(columns, format_.cells(), name=f"file/{table.digest}", time=order.time)
    say = _sayer(reader, table, order)
    return lambda: _drafts(table, reader, say)


def _check_topic(name: str, kind: str, order: Order) -> None:
    if order.envelope is Envelope.DOCUMENT:
        wanted = sorted(topic for topic, kinds in KINDS_BY_TOPIC.items() if kind in kinds)
    else:
        wanted = sorted(TOPICS[order.envelope])
    if order.topic not in wanted:
        raise HeaderError(
            f"{name}: a {kind} as {order.envelope} goes to {', '.join(wanted)}; --topic was {order.topic!r}."
        )


_Say = Callable[[int, Document], tuple[Event, OutgoingMessage]]


def _sayer(reader: FactReader, table: Table, order: Order) -> _Say:
    """What judges a row's document and makes it a message."""
    encode = ENCODERS.get(order.envelope)
    # R0's words are judged where they go; a fact for another envelope where both of its kinds may stand.
    judged_at = order.topic if encode is None else Topic.ADJUSTMENTS

    def say(line: int, document: Document) -> tuple[Event, OutgoingMessage]:
        data = to_bytes(document)
        attributes = {"row_id": f"{table.digest}:{line}"}
        event = judge(judged_at, data, attributes, order.now, order.parsing)
        assert isinstance(event, Transaction | Level)  # its columns are theirs
        if encode is None:
            return event, OutgoingMessage(order.topic, data, attributes)
        body = encode(Fact(event, reader.name_of(line), document))
        said = to_bytes(body) if not order.is_binary else encode_protobuf(body)
        return event, OutgoingMessage(order.topic, said, _ATTRIBUTES.get(order.envelope, attributes))

    return say


# Whose ids are in their bodies (RULES 10); Pub/Sub's binding of CloudEvents asks for the content type.
_ATTRIBUTES = {
    Envelope.CLOUDEVENTS: {"content-type": "application/cloudevents+json; charset=utf-8"},
    Envelope.SERVICE: {},
}


def _drafts(table: Table, reader: FactReader, say: _Say) -> Iterator[Draft]:
    for line, cells in table.rows():
        if isinstance(cells, BadRow):
            yield Draft(line, problem=cells.why)
            continue
        try:
            event, message = say(line, reader.read(line, cells))
        except InvalidValue as error:
            yield Draft(line, problem=f"{error.reason}: {error.detail}")
        else:
            yield Draft(line, event, message)


def _passed(table: Table, order: Order) -> Iterator[Draft]:
    for line, cells in table.rows():
        if isinstance(cells, BadRow):
            yield Draft(line, problem=cells.why)
            continue
        try:
            data = to_bytes(_filled(table.header, cells))
            attributes = {"row_id": f"{table.digest}:{line}"}
            event = judge(order.topic, data, attributes, order.now, order.parsing)
        except InvalidValue as error:
            yield Draft(line, problem=f"{error.reason}: {error.detail}")
        else:
            message = OutgoingMessage(order.topic, data, attributes)
            yield Draft(line, None if isinstance(event, Filtered) else event, message)


def _filled(header: Sequence[str], cells: Sequence[Any]) -> Document:
    return {name: cell for name, cell in zip(header, cells, strict=True) if cell is not None and cell != ""}
