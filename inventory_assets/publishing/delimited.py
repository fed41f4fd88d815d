"""A file of protobuf messages, each behind its length, as `writeDelimitedTo` writes them (RULES 40, 41).

Here: where each begins, and what it says as a document. Not here: what a document becomes in an envelope
(`domain.publish.encode`), sending (`send`).
"""

import hashlib
from array import array
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO

from inventory_assets.domain.events.envelopes import ENCODING, KINDS_BY_TOPIC
from inventory_assets.domain.events.kinds import Event, Level, Transaction
from inventory_assets.domain.events.topics import Topic
from inventory_assets.domain.publish.encode import ENCODERS, TOPICS, CannotSayError, Envelope, Fact
from inventory_assets.domain.publish.facts import Document, judge, judge_message, to_bytes
from inventory_assets.domain.strict_json import MAX_BYTES
from inventory_assets.given_files import BadRow, HeaderError, read_stream
from inventory_assets.messaging.envelopes import BINARY, decode_protobuf
from inventory_assets.messaging.messages import OutgoingMessage
from inventory_assets.publishing.rows import ATTRIBUTES, Order, Plan, arrived
from inventory_assets.publishing.table import Rows, Table

# A length of 64 bits has ten bytes of seven bits each.
MAX_LENGTH_BYTES = 10
_POSITION = ("source", "source_epoch", "cluster_time")
_NESTED = {"stock_level": Level.kind, "stock_transaction": Transaction.kind}


def read_delimited(source: BinaryIO, name: str) -> Table:
    """Read a file of messages; a row of the table is one, with its number for a line.

    Raises:
        GivenFileError: It is too big.
    """
    raw = read_stream(source, name)
    digest = hashlib.sha256(raw).hexdigest()[:16]
    frames = _Frames(raw)
    return Table(name, digest, ["message"], frames.rows, places=frames.place)


def plan_messages(table: Table, order: Order) -> Plan:
    """Decide what the messages of a file become.

    Raises:
        HeaderError: Nothing goes to this topic in this envelope.
    """
    wanted = TOPICS.get(order.envelope, KINDS_BY_TOPIC.keys())
    if order.topic not in wanted:
        raise HeaderError(
            f"{table.name}: an event as {order.envelope} goes to {', '.join(sorted(wanted))}; "
            f"--topic was {order.topic!r}."
        )
    return Plan(table, order.topic, _read, _sayer(table.digest, order), False, partial(arrived, order))


class _Frames:
    """The messages of a file: where each one's length stands, and its body or what is wrong there."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._starts = array("Q")

    def rows(self) -> Rows:
        """(number, body) of each. After one that has no end nothing else is known to begin."""
        raw, at = self._raw, 0
        self._starts = array("Q")
        while at < len(raw):
            self._starts.append(at)
            number = len(self._starts)
            begin, length = _read_length(raw, at)
            left = len(raw) - begin
            if length < 0 or length > left:
                yield number, BadRow(_broken(raw, length, left))
                return
            at = begin + length
            too_large = length > MAX_BYTES
            yield (
                number,
                BadRow(f"it has {length:,} bytes, a message at most {MAX_BYTES:,}") if too_large else [raw[begin:at]],
            )

    def place(self, number: int) -> str:
        """What a complaint calls a message that was read: its number, and the byte at which its length stands."""
        return f"message {number:,}, byte {self._starts[number - 1]:,}"


def _broken(raw: bytes, length: int, left: int) -> str:
    what = f"its length says {length:,} bytes and the file has {left:,} more" if length >= 0 else "no length ends there"
    hint = " It looks like JSON: --format-in json?" if raw[:1] in (b"{", b"[") else ""
    return (
        f"{what}: it is cut short, or no such file. Expected messages each behind its length (writeDelimitedTo).{hint}"
    )


def _read_length(raw: bytes, at: int) -> tuple[int, int]:
    """(where the message begins, its length); a length below 0 is none."""
    length = 0
    for place in range(at, min(at + MAX_LENGTH_BYTES, len(raw))):
        length |= (raw[place] & 0x7F) << 7 * (place - at)
        if raw[place] < 0x80:
            return place + 1, length
    return at, -1


def _read(line: int, cells: Any) -> Document:
    return {"": cells[0]}


def _sayer(digest: str, order: Order) -> Callable[[int, Document], tuple[Event | None, OutgoingMessage]]:
    """What judges a message of the file and makes it one of the topic's."""

    def say(line: int, document: Document) -> tuple[Event | None, OutgoingMessage]:
        body: bytes = document[""]
        fields = decode_protobuf(body, BINARY)
        own = {} if "event_id" in fields or not _NESTED.keys().isdisjoint(fields) else {"row_id": f"{digest}:{line}"}
        # As the schema's own: what is wrong is said by the names that the file has.
        event = judge_message(Topic.ADJUSTMENTS, body, {ENCODING: BINARY, **own}, order.now, order.parsing)
        assert isinstance(event, Transaction | Level)  # the schema has no others
        if order.envelope is Envelope.PROTOBUF:
            return event, OutgoingMessage(order.topic, body if order.is_binary else to_bytes(fields), own)
        if "adjustment" in fields and _takes_adjustments(order):
            said = fields | {"adjustment": event.quantity} if isinstance(event, Transaction) else fields
            return event, OutgoingMessage(order.topic, to_bytes(said), own)
        row = f"file/{digest}/{line}"
        kind, around, inner = _as_document(event, fields, row)
        if order.envelope is Envelope.DOCUMENT:
            return event, OutgoingMessage(order.topic, to_bytes(around | {"document": inner} if around else inner))
        if around:
            raise CannotSayError(order.envelope, f"it has no field for {', '.join(around)}")
        fact = judge(kind, inner, row, order.now, order.parsing)
        assert isinstance(fact, Transaction | Level)
        said = ENCODERS[order.envelope](Fact(fact, row, inner))
        return fact, OutgoingMessage(order.topic, to_bytes(said), ATTRIBUTES.get(order.envelope, own))

    return say


def _takes_adjustments(order: Order) -> bool:
    """Whether an adjustment goes out as it stands, under its own id: so it does once the topic has the schema."""
    return order.envelope is Envelope.ADJUSTMENT or (
        order.envelope is Envelope.DOCUMENT and order.topic == Topic.ADJUSTMENTS
    )


def _as_document(event: Transaction | Level, fields: Document, row: str) -> tuple[str, Document, Document]:
    """(kind, what an envelope says around it, the document) of an event of the schema."""
    for name, kind in _NESTED.items():
        if name in fields:
            inner = {field: value for field, value in fields[name].items() if field not in _POSITION}
            around = {field: fields[name][field] for field in _POSITION if fields[name].get(field)}
            if "adjustment_reason" in inner:
                inner.setdefault("reason", inner["adjustment_reason"])
            return kind, around, inner
    assert isinstance(event, Transaction)  # an adjustment
    document = {
        "transaction_id": fields.get("event_id", row), "transaction_type": event.type, "status": event.status,
        "sku": event.sku, "warehouse_id": event.warehouse_id, "quantity": event.quantity,
        "timestamp": fields["timestamp"], "reason": fields.get("reason"),
    }  # fmt: skip
    return Transaction.kind, {}, {name: value for name, value in document.items() if value is not None}
