"""Read a file as rows under column names: CSV with its delimiter found or said, JSON lines, or an opening stock.

Here: shape. Not here: what the columns are (`domain.publish.columns`), what the rows say (`rows`).
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from inventory_assets.domain.publish.columns import OTHER_MARKERS, ColumnMapping, ColumnsError, choose_columns
from inventory_assets.domain.strict_json import decode_object
from inventory_assets.domain.values import InvalidValue
from inventory_assets.given_files import (
    DELIMITERS,
    BadRow,
    HeaderError,
    check_header,
    misfit,
    read_json,
    read_records,
    read_stream,
)
from inventory_assets.given_text import GivenFileError, decode
from inventory_assets.publishing.mapping import FileFormat

Cells = Sequence[Any]
Rows = Iterator[tuple[int, Cells | BadRow]]

_SEPARATOR = re.compile(r"sep=([,;\t|])\r?\n")


@dataclass(frozen=True, slots=True)
class Table:
    """A file as rows.

    Attributes:
        name: What errors call it.
        digest: Of its bytes, which with a line is a row's identity (RULES 10).
        header: The columns' names.
        rows: (line, cells) of each row, as often as it is called.
        delimiter: Between cells; None where there are none.
        places: What a complaint calls a row, by its line.
    """

    name: str
    digest: str
    header: list[str]
    rows: Callable[[], Rows]
    delimiter: str | None = None
    places: Callable[[int], str] = "line {}".format


def read_table(
    source: BinaryIO, name: str, kind: str, format_: FileFormat, mapping: ColumnMapping | None = None
) -> Table:
    """Read a file of `csv`, `tsv`, `json` lines, or `state`: one object of {SKU: stock}.

    Raises:
        GivenFileError: It is no such file, or too big.
    """
    raw = read_stream(source, name)
    digest = hashlib.sha256(raw).hexdigest()[:16]
    text = decode(raw, name, format_.encoding)
    del raw
    if kind == "json":
        header = _names(text, name)
        return Table(name, digest, header, partial(_objects, text, header))
    if kind == "state":
        items = _read_state(text, name)
        return Table(name, digest, ["sku", "current_stock"], lambda: enumerate(items, 1))
    delimiter = "\t" if kind == "tsv" else format_.delimiter
    if separator := _SEPARATOR.match(text):
        # A spreadsheet's own word for it; what was asked for goes before.
        delimiter = delimiter or separator[1]
    delimiter = delimiter or _find_delimiter(text, name, mapping)
    skipped = 1 if separator else 0
    header = _read_header(text, name, delimiter, skipped)
    table = Table(name, digest, header, partial(_records, text, name, header, delimiter, skipped), delimiter)
    try:
        check_header(header, name)
    except HeaderError as error:
        raise HeaderError(f"{error}{title_hint(table, mapping)}") from error
    return table


def _read_header(text: str, name: str, delimiter: str, skipped: int = 0) -> list[str]:
    records = read_records(text, name, delimiter)
    for _ in range(skipped):
        next(records, None)
    header = next(records, (0, None))[1]
    if header is None:
        raise HeaderError(f"{name} was empty; expected a header and rows.")
    return header


def _records(text: str, name: str, header: list[str], delimiter: str, skipped: int) -> Rows:
    records = read_records(text, name, delimiter)
    for _ in range(skipped + 1):
        next(records, None)
    width, last = len(header), header[-1]
    for line, cells in records:
        # Asked of few: it compares with the header, cell by cell.
        if len(cells) != width or cells[-1] == last:
            why = misfit(cells, header, delimiter)
            yield line, BadRow(why) if why else cells
        else:
            yield line, cells


def _find_delimiter(text: str, name: str, mapping: ColumnMapping | None) -> str:
    headers = {}
    for delimiter in DELIMITERS:
        with suppress(GivenFileError):
            headers[delimiter] = _read_header(text, name, delimiter)
    if not headers:
        _read_header(text, name, ",")  # says why
    several = [delimiter for delimiter, header in headers.items() if len(header) > 1]
    if len(several) < 2:
        return several[0] if several else ","
    known = [delimiter for delimiter in several if is_known(headers[delimiter], mapping)]
    if len(known) == 1:
        return known[0]
    shown = " or ".join(map(repr, known or several))
    raise HeaderError(
        f"{name}: the header {','.join(headers[several[0]])[:200]!r} may have {shown} between its cells; "
        "say which: --delimiter."
    )


def is_known(header: list[str], mapping: ColumnMapping | None) -> bool:
    """Whether a header's columns are known, or named by the mapping."""
    if mapping is None and set(header) & set(OTHER_MARKERS):
        return True
    try:
        choose_columns(header, mapping)
    except ColumnsError as error:
        # A warehouse may still be said.
        return "warehouse_id" in str(error).partition("(")[0]
    return True


def title_hint(table: Table, mapping: ColumnMapping | None) -> str:
    """Which of the first rows looks like the header, where a title stands above it; nothing where none does."""
    for line, cells in islice(table.rows(), 5):
        if isinstance(cells, list) and all(type(cell) is str for cell in cells) and is_known(cells, mapping):
            return f" Line {line} looks like the header: take out what stands above it."
    return ""


def _objects(text: str, names: list[str]) -> Rows:
    for line, found in _decoded(text):
        yield line, found if isinstance(found, BadRow) else [found.get(name) for name in names]


def _names(text: str, name: str) -> list[str]:
    names: dict[str, None] = {}
    for _, found in _decoded(text):
        if not isinstance(found, BadRow):
            names.update(dict.fromkeys(found))
    if not names:
        raise HeaderError(f"{name} had no JSON object; expected one in each line.")
    return list(names)


def _decoded(text: str) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    start, line = 0, 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line += 1
        if (each := text[start:end]).strip():
            try:
                yield line, decode_object(each.encode())
            except InvalidValue as error:
                yield line, BadRow(f"{error.reason}: {error.detail}")
        start = end + 1


def _read_state(text: str, name: str) -> list[Cells]:
    try:
        content = read_json(text)
    except ValueError as error:
        raise GivenFileError(f"{name} was no JSON: {error}.") from error
    if not isinstance(content, dict) or not content:
        raise GivenFileError(f'{name} was no opening stock; expected one object of SKUs and units: {{"SKU-1": 40}}.')
    return [[sku, stock] for sku, stock in content.items()]
