"""What a person's own question gives, as it is: every column under a name of its own, infinite times as infinite."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.query.guard import part_of


class AnswerFileError(LakeError):
    """An answer cannot be a file."""


def unique_names(names: Sequence[str]) -> list[str]:
    """Names of columns, each once: the second `a` is `a_1`, as in a subquery of DuckDB's."""
    given = {name.lower() for name in names}
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        unique, number = name, 0
        while unique.lower() in taken or (number and unique.lower() in given):
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.lower())
        found.append(unique)
    return found


def tell_infinity(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """The question, changed so that times which are `infinity` come as that word.

    DuckDB's client gives the year 9999 for them, which is a date that many rows
    really have. One that cannot be a subquery comes back as it is.
    """
    inner = query.rstrip().rstrip(";")
    try:
        if [each.type for each in connection.extract_statements(query)] != [duckdb.StatementType.SELECT]:
            return query
        columns = connection.execute(f"DESCRIBE SELECT * FROM (\n{inner}\n)").fetchall()
    except duckdb.Error:
        return query  # it fails by itself, and then says why
    if not any(_is_time(type_) for _, type_, *_ in columns):
        return query
    shown = ", ".join(_column(name, type_) for name, type_, *_ in columns)
    return f"SELECT {shown} FROM (\n{inner}\n)"


def write_parquet(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the answer to a file, whole or not at all; its rows.

    A sum is an integer in the file: DuckDB's own are wider than Parquet's, which would have them as floats.

    Args:
        connection: Fenced in, but for this file (`only_read`).
        query: Checked already: it only reads.
        path: Replaced if there is one.

    Raises:
        AnswerFileError: It is no single question, or the file cannot be written.
    """
    part = part_of(path)
    if not part.parent.is_dir():
        raise AnswerFileError(f"there is no folder {str(part.parent)!r} to write {path.name!r} in. Make it first.")
    if [each.type for each in connection.extract_statements(query)] != [duckdb.StatementType.SELECT]:
        raise AnswerFileError("only one SELECT can be a file; give one, or print the answer as a table, json or csv.")
    inner = query.rstrip().rstrip(";")
    columns = connection.execute(f"DESCRIBE SELECT * FROM (\n{inner}\n)").fetchall()
    shown = ", ".join(_whole(name, type_) for name, type_, *_ in columns)
    where = str(part).replace("'", "''")
    try:
        row = connection.execute(f"COPY (SELECT {shown} FROM (\n{inner}\n)) TO '{where}' (FORMAT parquet)").fetchone()
        part.replace(path)
    except duckdb.IOException as error:
        raise AnswerFileError(f"{str(path)!r} could not be written: {error}. Choose another place (--out).") from error
    finally:
        part.unlink(missing_ok=True)
    return row[0] if row else 0


def _whole(name: str, type_: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"CAST({quoted} AS BIGINT) AS {quoted}" if type_ in ("HUGEINT", "UHUGEINT") else quoted


def _is_time(type_: str) -> bool:
    return type_.startswith(("TIMESTAMP", "DATE")) and not type_.endswith("]")


def _column(name: str, type_: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if not _is_time(type_):
        return quoted
    # A column has one type: either member of a union comes as what it is.
    either = f'UNION("moment" {type_}, "text" VARCHAR)'
    return f"CASE WHEN isinf({quoted}) THEN {quoted}::VARCHAR::{either} ELSE {quoted}::{either} END AS {quoted}"
