"""What a catalog on a PostgreSQL server needs that one in a file does not.

Here: the password, the server's own words in DuckDB's errors, rows that the
catalog keeps too long. Does not belong: how its transactions differ (`files`,
`transaction`).
"""

import re

import duckdb

from inventory_assets.lake.errors import LakeError
from inventory_assets.lake.tables import CATALOG

PREFIX = "postgres:"
# DuckLake's name for the catalog's own database.
METADATA = f"__ducklake_metadata_{CATALOG}"
_PASSWORD = re.compile(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S*)")
_URI_PASSWORD = re.compile(r"postgres(ql)?://([^/?]*:[^/?]*@|.*[?&]password=)")
_UNREACHABLE = re.compile(r'Unable to connect to Postgres at ".*?": (.*)', re.DOTALL)


def split_password(catalog: str, *, said_in: str = "INVENTORY_CATALOG") -> tuple[str, str | None]:
    """Take the password out of a PostgreSQL connection string: (catalog without it, password).

    Raises:
        LakeError: It is in a URI, which DuckDB cannot complete from a secret.
    """
    connection = catalog.removeprefix(PREFIX)
    if _URI_PASSWORD.match(connection):
        shown = PREFIX if said_in == "INVENTORY_CATALOG" else ""
        raise LakeError(
            f"{said_in} has a password in a URI, which error messages would show. Leave it out and set "
            f"PGPASSWORD or use ~/.pgpass, or write {shown}dbname=… host=… user=… password=…."
        )
    found = _PASSWORD.search(connection)
    if found is None:
        return catalog, None
    value = found[1]
    if value.startswith("'"):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    rest = connection[: found.start()] + connection[found.end() :]
    return PREFIX + rest.strip(), value


def forget_inlined_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove rows kept in a server's catalog that no snapshot shows any more.

    Every landing leaves one, the row of `meta.landed` before it. DuckLake's expiry keeps
    them; its flush writes them to a file, which an answer lost takes along.
    """
    query = f"FROM postgres_query('{METADATA}', 'SELECT table_name FROM ducklake_inlined_data_tables')"
    for (name,) in connection.execute(query).fetchall():
        statement = f'DELETE FROM "{name}" WHERE end_snapshot <= (SELECT min(snapshot_id) FROM ducklake_snapshot)'
        connection.execute(f"CALL postgres_execute('{METADATA}', '{_quoted(statement)}')")


def server_reason(error: str) -> str | None:
    """Why a server could not be reached, in libpq's words; None where that was not the error."""
    found = _UNREACHABLE.search(error)
    return " ".join(found[1].split()).rstrip(".?") if found else None


def _quoted(text: str) -> str:
    return text.replace("'", "''")
