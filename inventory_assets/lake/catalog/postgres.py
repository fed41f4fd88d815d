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
# Where DuckLake makes its tables, whatever `search_path` says.
SCHEMA = "public"
_PASSWORD = re.compile(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S*)", re.IGNORECASE)
_URI_PASSWORD = re.compile(r"postgres(ql)?://([^/?]*:[^/?]*@|.*[?&]password=)", re.IGNORECASE)
# Other words for it, and what else is secret (a key file's name is not).
_SECRET = re.compile(r"\b(\w*(?:pass(?!file\b)|pwd|secret)\w*)\s*=", re.IGNORECASE)
_UNREACHABLE = re.compile(r'Unable to connect to Postgres at ".*?": (.*)', re.DOTALL)


def split_password(catalog: str, *, said_in: str = "INVENTORY_CATALOG") -> tuple[str, str | None]:
    """Take the password out of a PostgreSQL connection string: (catalog without it, password).

    Raises:
        LakeError: It is in a URI, which DuckDB cannot complete from a secret, or written so that some of it,
            or another secret, would stay in the connection string.
    """
    connection = catalog.removeprefix(PREFIX)
    if connection.startswith("//"):
        connection = PREFIX + connection  # a URI alone: its scheme is the prefix
    if _URI_PASSWORD.match(connection):
        shown = PREFIX if said_in == "INVENTORY_CATALOG" else ""
        raise LakeError(
            f"{said_in} has a password in a URI, which error messages would show. Leave it out and set "
            f"PGPASSWORD or use ~/.pgpass, or write {shown}dbname=… host=… user=… password=…."
        )
    found = _PASSWORD.search(connection)
    value, rest = None, connection
    if found is not None:
        value, after = found[1], connection[found.end() :]
        is_quoted = len(value) > 1 and value.startswith("'") and value.endswith("'")
        if (value.startswith("'") and not is_quoted) or not re.match(r"\s*$|\s+\w+\s*=", after):
            raise LakeError(
                f"{said_in} has a password with a blank or a quote in it, of which error messages would show a part. "
                r"Write it as password='…', with \' for a quote and \\ for a backslash in it, or set PGPASSWORD."
            )
        value = re.sub(r"\\(.)", r"\1", value[1:-1] if is_quoted else value)
        rest = connection[: found.start()] + after
    if secret := _SECRET.search(rest):
        raise LakeError(
            f"{said_in} has {secret[1]!r}, which error messages would show. Write the password as password=…, set "
            "PGPASSWORD or use ~/.pgpass; a client's key has no password of its own, but is this user's alone to read."
        )
    return PREFIX + rest.strip(), value


def forget_inlined_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove rows kept in a server's catalog that no snapshot shows any more.

    Every landing leaves one, the row of `meta.landed` before it. DuckLake's expiry keeps
    them; its flush writes them to a file, which an answer lost takes along.
    """
    query = f"FROM postgres_query('{METADATA}', 'SELECT table_name FROM {SCHEMA}.ducklake_inlined_data_tables')"
    for (name,) in connection.execute(query).fetchall():
        least = f"SELECT min(snapshot_id) FROM {SCHEMA}.ducklake_snapshot"
        statement = f'DELETE FROM {SCHEMA}."{name}" WHERE end_snapshot <= ({least})'
        connection.execute(f"CALL postgres_execute('{METADATA}', '{_quoted(statement)}')")


def server_reason(error: str) -> str | None:
    """Why a server could not be reached, in libpq's words; None where that was not the error."""
    found = _UNREACHABLE.search(error)
    return " ".join(found[1].split()).rstrip(".?") if found else None


def _quoted(text: str) -> str:
    return text.replace("'", "''")
