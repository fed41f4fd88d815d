"""Read files that people give: bounded, UTF-8, CSV with as many cells a row as its header has names.

Here: bytes to text, text to rows, and what is no such file. Not here: what a
row means (`refresh.products`, `thresholds.files`, `commands.run.messages`).
"""

import csv
import difflib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inventory_assets.errors import InventoryError

MAX_BYTES = 100_000_000
"""A million rows of a hundred characters. More is a mistake (`/dev/zero`), or comes in parts."""

MAX_CELL = 131_072
"""Characters of a cell; a quote that nobody closed makes one of all that follows."""

_CHUNK = 1 << 20


class GivenFileError(InventoryError, ValueError):
    """A file is not what was expected. Nothing of it was used."""


class HeaderError(GivenFileError):
    """A CSV file's header names what nobody knows, or lacks what must be there."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """What a reader gives for a row that it could not read."""

    why: str


Row = dict[str, str] | BadRow


def read_bytes(path: Path, *, most: int = MAX_BYTES) -> bytes:
    """Read a file whole.

    Raises:
        GivenFileError: It has more than `most` bytes, or cannot be read.
    """
    try:
        with path.open("rb") as source:
            return read_stream(source, path.name, most=most)
    except OSError as error:
        raise GivenFileError(f"{path.name} could not be read: {error.strerror or error}.") from error


def read_stream(source: BinaryIO, name: str, *, most: int = MAX_BYTES) -> bytes:
    """Read a stream to its end; errors as `read_bytes`."""
    # In parts: a device has no size to ask for, and `read(n)` would reserve all of it at once.
    parts: list[bytes] = []
    left = most
    while part := source.read(min(_CHUNK, left + 1)):
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise GivenFileError(f"{name} had more than {most:,} bytes, the most that is read. Give it in parts.")
    return b"".join(parts)


def decode(raw: bytes, name: str) -> str:
    """Decode UTF-8, with or without a byte order mark.

    Raises:
        GivenFileError: It is no UTF-8 text.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GivenFileError(f"{name} was no UTF-8 text: {error}. Convert it to UTF-8, then try again.") from error
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise GivenFileError(f"{name} was no text: line {line} has a NUL. Convert it to UTF-8, then try again.")
    return text


def read_text(path: Path, *, most: int = MAX_BYTES) -> str:
    """Read a text file whole; errors as `read_bytes` and `decode`."""
    return decode(read_bytes(path, most=most), path.name)


def read_json(text: str, *, with_nan: bool = False) -> Any:
    """JSON in which each key stands once and every number is one.

    Args:
        text: One value.
        with_nan: NaN and infinity come through, for who says better where they are.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=None if with_nan else _refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} appears twice in one object")
    return document


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def read_csv(
    text: str,
    name: str,
    *,
    columns: Collection[str] = (),
    ignored: Collection[str] = (),
    required: Collection[str] = (),
) -> Iterator[tuple[int, Row]]:
    """Yield (line, cells by column) of each row below the header; rows without any value are left out.

    The line is a row's last: a quoted line break is part of it. Publishing has
    always numbered rows so, and a row's number is its identity (RULES 10).

    Args:
        text: The file.
        name: What errors call it.
        columns: The names a header may have; none means any.
        ignored: Names that a header may have, too; their cells are left out.
        required: Names that a header must have.

    Raises:
        HeaderError: There is no header, or it is another.
        GivenFileError: A quote is not closed, or a cell is too long.
    """
    reader = csv.reader(_lines(text), strict=True)
    header: list[str] | None = None
    started = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise GivenFileError(f"{name}: line {started}: {_said(error)}.") from error
        if cells is None:
            break
        line = reader.line_num
        started = line + 1
        if header is None:
            if any(cells):
                header = cells
                _check_header(header, name, columns=columns, ignored=ignored, required=required)
        elif any(cells):
            yield line, _row(cells, header, ignored)
    if header is None:
        expected = f" of {','.join(columns)}" if columns else ""
        raise HeaderError(f"{name} was empty; expected a header{expected}.")


def _lines(text: str) -> Iterator[str]:
    # Not `splitlines`: it cuts at characters that are part of a name, as U+2028.
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _row(cells: list[str], header: list[str], ignored: Collection[str]) -> Row:
    if len(cells) > len(header):
        return BadRow(
            f"has {len(cells)} cells, the header {len(header)}: {cells[len(header)]!r} is too many. "
            'Quote a value that holds a comma, as "1,234"'
        )
    if len(cells) < len(header):
        return BadRow(f"has {len(cells)} cells, the header {len(header)}: {header[len(cells)]!r} and what follows lack")
    return {name: cell for name, cell in zip(header, cells, strict=True) if name not in ignored}


def _said(error: csv.Error) -> str:
    text = str(error)
    if "field limit" in text or "unexpected end" in text:
        return f"a cell has no end: its quote is not closed, or it has over {MAX_CELL:,} characters"
    return f"{text}; a quote inside a quoted cell is written twice"


def _check_header(
    header: list[str], name: str, *, columns: Collection[str], ignored: Collection[str], required: Collection[str]
) -> None:
    shown = ",".join(header)
    found = f"{name}: the header was {_short(shown)!r}"
    expected = f"expected columns of {','.join(columns)}" if columns else "expected column names with commas between"
    if shown.startswith("\ufeff"):
        raise HeaderError(f"{found}: it begins with a second byte order mark (BOM); save the file anew. {expected}.")
    if len(header) == 1 and (mark := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise HeaderError(f"{found}: its cells have {mark!r} between them, expected commas; {expected}.")
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise HeaderError(f"{found}: {twice[0]!r} is there twice; {expected}, each once.")
    unknown = [column for column in header if column not in columns and column not in ignored]
    if columns and unknown:
        raise HeaderError(f"{found}: {unknown[0]!r} is unknown{did_you_mean(unknown[0], columns)}; {expected}.")
    if not columns and not all(column.strip() for column in header):
        raise HeaderError(f"{found}: column {header.index('') + 1 if '' in header else 1} has no name; {expected}.")
    if lacking := [column for column in required if column not in header]:
        raise HeaderError(f"{found}: it lacks {', '.join(lacking)}; {expected}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`, did you mean sku?`, or nothing where no known name is near."""
    close = difflib.get_close_matches(name.strip().lower(), list(known), 1)
    return f", did you mean {close[0]}?" if close else ""


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"
