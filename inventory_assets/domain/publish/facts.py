"""Make a row an R0 document, and judge it as it will be judged when it is taken in (RULES 1-8, 40).

Here: one row. Not here: which columns it has (`columns`), how it is sent (`encode`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec

from inventory_assets.domain.events.kinds import Event, Filtered, Level, Rejection, Status, Transaction
from inventory_assets.domain.events.parse import ParseSettings, parse_message, read_document
from inventory_assets.domain.publish.cells import CellFormat, read_flag, read_moment, read_quantity
from inventory_assets.domain.publish.columns import FLAGS, MOMENTS, QUANTITIES, TIME_OF, Columns
from inventory_assets.domain.values import InvalidValue

Document = dict[str, Any]


class FactReader:
    """Reads the rows of one file.

    Args:
        columns: What the cells are.
        format_: How they are written.
        name: The file's: its rows are `<name>/<line>`, their transactions' ids where they have none of their own.
        time: Of rows that have none.
    """

    def __init__(self, columns: Columns, format_: CellFormat, *, name: str, time: str | None = None) -> None:
        self.columns = columns
        self._name = name
        self._time = time
        self._time_field = TIME_OF[columns.kind]
        self._names = [field for field, _, _ in columns.fields] + [name for name, _ in columns.extras]
        places = [index for _, index, _ in columns.fields] + [index for _, index in columns.extras]
        self._pick = itemgetter(*places) if len(places) > 1 else lambda cells: (cells[places[0]],)
        readers = [(field, _reader(field, column, format_)) for field, _, column in columns.fields]
        self._readers = [(field, read) for field, read in readers if read is not None]
        self._own_id = columns.kind == Transaction.kind and not columns.has("transaction_id")
        defaults: Document = {}
        if columns.kind == Transaction.kind:
            # A quantity is a completed adjustment where the file says nothing else (RULES 40).
            defaults = {"transaction_type": "ADJUSTMENT", "status": Status.COMPLETED.value}
        self._defaults = {name: value for name, value in defaults.items() if not columns.has(name)}

    def name_of(self, line: int) -> str:
        """What a row is called: the file's hash, and its line."""
        return f"{self._name}/{line}"

    def read(self, line: int, cells: Sequence[Any]) -> Document:
        """Make a row's document; a cell without a value is no field.

        Raises:
            InvalidValue: A cell holds no value of its kind; or there is no time.
        """
        values = self._pick(cells)
        document: Document = dict(zip(self._names, values, strict=True))
        if "" in values or None in values:
            document = {field: value for field, value in document.items() if value != "" and value is not None}
        for field, read in self._readers:
            # Values of JSON are what they are: only text can be misread.
            if type(value := document.get(field)) is str:
                document[field] = read(value)
        for field, value in self.columns.constants.items():
            document.setdefault(field, value)
        document.update(self._defaults)
        if self._own_id:
            document["transaction_id"] = self.name_of(line)
        if self._time_field not in document:
            if self._time is None:
                raise InvalidValue("missing_field", "it has no time; give one for such rows: --time")
            document[self._time_field] = self._time
        return document


def _reader(field: str, column: str, format_: CellFormat) -> Callable[[str], Any] | None:
    label = field if column == field else f"{column} ({field})"
    if field in QUANTITIES:
        return partial(read_quantity, label, format_=format_)
    if field in MOMENTS and not (format_.zone is UTC and format_.time_format is None):
        return partial(read_moment, label, format_=format_)
    return partial(read_flag, label) if field in FLAGS else None


def judge(kind: str, document: Document, row_id: str, publish_at: int, settings: ParseSettings) -> Event | Filtered:
    """Read a document as it will be read.

    Raises:
        InvalidValue: It would be a dead letter; or a value of it would be left out.
    """
    return _whole(read_document(kind, document, row_id, publish_at, settings))


def judge_message(
    topic: str, data: bytes, attributes: Mapping[str, str], publish_at: int, settings: ParseSettings
) -> Event | Filtered:
    """Read a message as it will be read; errors as `judge`."""
    found = parse_message(topic, data, dict(attributes), publish_at, settings)
    if isinstance(found, Rejection):
        raise InvalidValue(found.reason, found.detail)
    return _whole(found)


def _whole(found: Event | Filtered) -> Event | Filtered:
    if isinstance(found, Level) and found.ignored_fields:
        # From a database it is left out and counted. A person can still mend a file.
        raise InvalidValue(
            "invalid_value", f"{', '.join(found.ignored_fields)} would be left out: no such value is meant"
        )
    return found


def to_bytes(document: Document) -> bytes:
    """A document as JSON.

    Raises:
        InvalidValue: It holds what is no text.
    """
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError as error:
        raise InvalidValue("invalid_json", f"a value is not valid Unicode: {error}") from error
