"""Read files that people give: bounded, UTF-8, CSV with as many cells a row as its header has names.

Here: text to rows, and what is no such file. Not here: its encoding (`given_text`), nor what a
row means (`refresh.products`, `thresholds.files`, `publishing`).
"""

import csv
import difflib
import io
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inventory_assets.given_text import GivenFileError, decode

MAX_BYTES = 100_000_000
"""A million rows of a hundred characters. More is a mistake (`/dev/zero`), or comes in parts."""

MAX_CELL = 131_072
"""Characters of a cell; a quote that nobody closed makes one of all that follows."""

MAX_ROW = 1_000_000
"""Characters of a row, in however many lines and cells: a file without line ends is one row of millions of cells."""

DELIMITERS = ",;\t|"

_CHUNK = 1 << 20


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

    Args:
        text: The file.
        name: What errors call it.
        columns: The names a header may have; none means any.
        ignored: Names that a header may have, too; their cells are left out.
        required: Names that a header must have.

    Raises:
        HeaderError: There is no header, or it is another.
        GivenFileError: A quote is not closed, or a cell or a row is too long.
    """
    records = read_records(text, name)
    header = next(records, (0, None))[1]
    if header is None:
        expected = f" of {','.join(columns)}" if columns else ""
        raise HeaderError(f"{name} was empty; expected a header{expected}.")
    check_header(header, name, columns=columns, ignored=ignored, required=required)
    for line, cells in records:
        why = misfit(cells, header)
        yield line, BadRow(why) if why else _row(cells, header, ignored)


def read_records(text: str, name: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of each record of a CSV text, its header the first; those without any value are left out.

    The line is a record's last: a quoted line break is part of it. Publishing has
    always numbered rows so, and a row's number is its identity (RULES 10).

    Raises:
        GivenFileError: A quote is not closed, or a cell or a row is too long.
    """
    left = [MAX_ROW]
    reader = csv.reader(_lines(text, left), strict=True, delimiter=delimiter)
    line = 0
    try:
        for cells in reader:
            line = reader.line_num
            left[0] = MAX_ROW
            if any(cells):
                yield line, cells
    except (csv.Error, _TooLongError) as error:
        raise GivenFileError(f"{name}: line {line + 1}: {_said(error)}.") from error


class _TooLongError(Exception):
    pass


def _lines(text: str, left: list[int]) -> Iterator[str]:
    """The lines of a text, until one takes more characters than are left to its row."""
    # Not `splitlines`: it cuts at characters that are part of a name, as U+2028. A file of an old Mac has no
    # line ends but its own.
    for line in io.StringIO(text, newline="\n" if "\n" in text else "\r"):
        left[0] -= len(line)
        if left[0] < 0:
            raise _TooLongError(f"a row has over {MAX_ROW:,} characters: its line has no end, or a quote is not closed")
        yield line


def misfit(cells: list[str], header: list[str], delimiter: str = ",") -> str:
    """Why a row's cells do not go with its header; nothing where they do."""
    if len(cells) > len(header):
        return (
            f"has {len(cells)} cells, the header {len(header)}: {cells[len(header)]!r} is too many. "
            f'Quote a value that holds {"a comma" if delimiter == "," else repr(delimiter)}, as "1{delimiter}234"'
        )
    if len(cells) < len(header):
        return f"has {len(cells)} cells, the header {len(header)}: {header[len(cells)]!r} and what follows lack"
    if cells[-1] == header[-1] and [cells[0].removeprefix("\ufeff"), *cells[1:]] == header:
        return "is the header again, as where two files were joined: take the line out"
    return ""


def _row(cells: list[str], header: list[str], ignored: Collection[str]) -> Row:
    return {name: cell for name, cell in zip(header, cells, strict=True) if name not in ignored}


def _said(error: Exception) -> str:
    text = str(error)
    if isinstance(error, _TooLongError):
        return text
    if "field limit" in text or "unexpected end" in text:
        return f"a cell has no end: its quote is not closed, or it has over {MAX_CELL:,} characters"
    return f"{text}; a quote inside a quoted cell is written twice"


def check_header(
    header: list[str],
    name: str,
    *,
    columns: Collection[str] = (),
    ignored: Collection[str] = (),
    required: Collection[str] = (),
) -> None:
    """See that a header names each column, once; those given, where some are.

    Raises:
        HeaderError: It does not.
    """
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
