"""Names that a question may use: tables and columns, as the connection shows them now."""

from dataclasses import dataclass, field

import duckdb


@dataclass(frozen=True, slots=True)
class Shown:
    """A table or view that can be asked."""

    name: str
    columns: tuple[tuple[str, str], ...]
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What there is, by `schema.table`."""

    tables: dict[str, Shown] = field(default_factory=dict)

    def columns_of(self, table: str) -> tuple[str, ...]:
        """The names of a table's columns; none where it is unknown."""
        found = self.tables.get(table.lower())
        return () if found is None else tuple(name for name, _ in found.columns)


# A view of the same name is before the table that it hides, and DuckDB's own are nobody's question.
_COLUMNS = """
    SELECT database_name, schema_name, table_name, column_name, data_type FROM duckdb_columns()
    WHERE NOT internal AND database_name NOT IN ('system') ORDER BY database_name <> 'temp', table_oid, column_index
"""
_ABOUT = """
    SELECT database_name, schema_name, view_name, comment FROM duckdb_views() WHERE NOT internal
    UNION ALL SELECT database_name, schema_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
"""
_OWN = ("raw", "core", "out", "meta")


def read_names(connection: duckdb.DuckDBPyConnection) -> Names:
    """Read what can be asked: `core.sku_state`, and beside the lake `marts.stockouts`, `snapshots.daily_stock`."""
    about = {tuple(row[:3]): row[3] for row in connection.execute(_ABOUT).fetchall()}
    found: dict[str, dict[str, str]] = {}
    said: dict[str, str | None] = {}
    for database, schema, table, column, type_ in connection.execute(_COLUMNS).fetchall():
        name = f"{schema if schema in _OWN else database}.{table}"
        found.setdefault(name, {}).setdefault(column, type_)
        said.setdefault(name, about.get((database, schema, table)))
    return Names({
        name.lower(): Shown(name, tuple(columns.items()), said[name]) for name, columns in sorted(found.items())
    })  # fmt: skip
