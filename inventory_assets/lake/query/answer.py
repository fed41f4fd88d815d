"""What a person's own question gives, as it is: every column under a name of its own, infinite times as infinite."""

from collections.abc import Sequence

import duckdb


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


def _is_time(type_: str) -> bool:
    return type_.startswith(("TIMESTAMP", "DATE")) and not type_.endswith("]")


def _column(name: str, type_: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    if not _is_time(type_):
        return quoted
    # A column has one type: either member of a union comes as what it is.
    either = f'UNION("moment" {type_}, "text" VARCHAR)'
    return f"CASE WHEN isinf({quoted}) THEN {quoted}::VARCHAR::{either} ELSE {quoted}::{either} END AS {quoted}"
