"""Read what a person says of a file: its columns, its constants, how it is written (RULES 40).

Here: the TOML file and the options, checked. Not here: what they mean for a header (`domain.publish.columns`).
"""

import codecs
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from inventory_assets.domain.publish.cells import CellFormat
from inventory_assets.domain.publish.columns import FIELDS, LEVEL_FIELDS, ColumnMapping
from inventory_assets.errors import InventoryError
from inventory_assets.given_files import DELIMITERS, did_you_mean, read_text

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9])")
_DELIMITER_NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_FIELDS = {name for names in FIELDS.values() for name in names}
_TABLES = ("columns", "constants", "format")
PUBLISH = "publish"
"""A table that a command does without: it says them by its options (`asked`)."""
_DAY = datetime(2024, 2, 29, 13, 5, 7, tzinfo=UTC)


class MappingError(InventoryError, ValueError):
    """A mapping, or an option that stands for one, cannot be used. Nothing was published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """How a file is written; None is not said."""

    delimiter: str | None = None
    encoding: str | None = None
    zone: str | None = None
    time_format: str | None = None
    thousands: str | None = None
    decimal: str | None = None

    def over(self, other: "FileFormat") -> "FileFormat":
        """This, and where it says nothing what the other says."""
        return FileFormat(
            **{
                each.name: getattr(other, each.name) if getattr(self, each.name) is None else getattr(self, each.name)
                for each in fields(self)
            }
        )

    def check(self) -> "FileFormat":
        """The same with names as signs.

        Raises:
            MappingError: A value is none of its kind.
        """
        delimiter = _DELIMITER_NAMES.get(self.delimiter or "", self.delimiter)
        if delimiter is not None and (len(delimiter) != 1 or delimiter not in DELIMITERS):
            raise MappingError(f"delimiter was {self.delimiter!r}, expected one of , ; | or tab.")
        if self.encoding is not None:
            _check_encoding(self.encoding)
        for name in ("thousands", "decimal"):
            sign = getattr(self, name)
            if sign is not None and (
                len(sign) != 1 or sign.isalnum() or sign in '+-"' or sign.isspace() != (sign in " \u00a0\u202f")
            ):
                raise MappingError(f"{name} was {sign!r}, expected one sign, as ',' or '.'.")
        if self.thousands is not None and self.thousands == self.decimal:
            raise MappingError(f"thousands and decimal were both {self.decimal!r}; expected two signs.")
        if self.time_format is not None:
            _check_time_format(self.time_format)
        read_zone(self.zone)
        return FileFormat(delimiter=delimiter).over(self)

    def cells(self) -> CellFormat:
        """How its cells are written."""
        return CellFormat(
            thousands=self.thousands or "",
            decimal=self.decimal or "",
            zone=read_zone(self.zone),
            time_format=self.time_format,
        )


def _check_encoding(name: str) -> None:
    try:
        # Not base64 and its like, which are codecs of bytes.
        "é".encode(codecs.lookup(name).name, "replace")
    except (LookupError, ValueError) as error:
        raise MappingError(
            f"encoding was {name!r}, which is none; expected one as windows-1252, latin-1, utf-16."
        ) from error


def _check_time_format(text: str) -> None:
    try:
        # What lacks the day or the hour would read many times as one.
        if datetime.strptime(_DAY.strftime(text), text).replace(second=7, tzinfo=UTC) == _DAY:
            return
    except ValueError:
        pass
    raise MappingError(f"time_format was {text!r}; expected one of a day and a time of day, as '%d.%m.%Y %H:%M'.")


def read_zone(name: str | None) -> tzinfo:
    """A time zone by its name or its offset; UTC where none is said (RULES 6).

    Raises:
        MappingError: There is none of that name.
    """
    if name is None or name.upper() in ("UTC", "Z"):
        return UTC
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"]))
        return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise MappingError(
            f"zone was {name!r}, which is none; expected one as Europe/Berlin, +02:00 or UTC."
        ) from error


def read_mapping(path: Path) -> tuple[ColumnMapping, FileFormat]:
    """Read a mapping file.

    Raises:
        MappingError: It is none; says which line of it and what was expected.
        GivenFileError: It cannot be read.
    """
    try:
        content = tomllib.loads(read_text(path))
        return to_mapping(content)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path.name} was no TOML: {error}.") from error
    except MappingError as error:
        raise MappingError(f"{path.name}: {error}") from error


def of_opening_stock(mapping: ColumnMapping | None) -> ColumnMapping | None:
    """What a mapping of changes says of the stock before them: its columns are the changes' own."""
    if mapping is None:
        return None
    return ColumnMapping({}, {name: value for name, value in mapping.constants.items() if name in LEVEL_FIELDS})


def to_mapping(content: Mapping[str, Any]) -> tuple[ColumnMapping, FileFormat]:
    """Read a mapping file's content.

    Raises:
        MappingError: A word of it is unknown, or its value is none of its kind.
    """
    for name in content:
        check_known(name, (*_TABLES, PUBLISH), "table")
    tables = {name: content.get(name, {}) for name in _TABLES}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise MappingError(f"{name} was {table!r}, expected a table: [{name}] with a line for each.")
    for name in {**tables["columns"], **tables["constants"]}:
        check_known(name, _FIELDS, "field")
    for name, column in {**tables["columns"], **tables["format"]}.items():
        if type(column) is not str or not column:
            raise MappingError(f"{name} was {column!r}, expected text.")
    for name, value in tables["constants"].items():
        if type(value) not in (str, int, bool):
            raise MappingError(f"the constant {name} was {value!r}, expected text, a whole number or true or false.")
    for name in tables["format"]:
        check_known(name, [each.name for each in fields(FileFormat)], "word of [format]")
    if not any(tables.values()) and PUBLISH not in content:
        raise MappingError('it says nothing; expected [columns] with lines of field = "column", as sku = "item".')
    return ColumnMapping(tables["columns"], tables["constants"]), FileFormat(**tables["format"]).check()


def check_known(name: str, known: Any, what: str) -> None:
    """Refuse a name that is none of the known ones.

    Raises:
        MappingError: With the one that was meant, if one can tell, else all.
    """
    if name not in known:
        hint = did_you_mean(name, known) or f"; known: {', '.join(sorted(known))}"
        raise MappingError(f"{name!r} is no {what}{hint}.")
