"""A PostgreSQL server that is not our catalog: attach it to a DuckDB of ours, ask it, have it do something.

Belongs here: the way to it, and what keeps its password out of error texts.
Does not belong: what is read from it or written to it (`exchange.pull`, `exchange.push`).
"""

from dataclasses import dataclass, field

import duckdb

from inventory_assets.lake.catalog.extensions import load_extension
from inventory_assets.lake.catalog.postgres import PREFIX, server_reason, split_password
from inventory_assets.lake.errors import LakeError

NAME = "server"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is: libpq's connection string without the password, and the password."""

    connection: str
    password: str | None = field(default=None, repr=False)


def read_server(connection: str, *, password: str | None = None, said_in: str) -> Server:
    """Take a connection string apart.

    Args:
        connection: As libpq has it, `dbname=… host=… user=…` or a URI.
        password: From elsewhere; it counts before the one in the string.
        said_in: Where the string was written, for errors.

    Raises:
        LakeError: The password is in a URI, or goes with one.
    """
    # With the catalog's prefix, so that a URI is seen to be one.
    bare, own = split_password(PREFIX + connection, said_in=said_in)
    bare, password = bare.removeprefix(PREFIX), password or own
    if password is not None and "://" in bare:
        raise LakeError(
            f"{said_in} was a URI with a password beside it, which DuckDB cannot put together. "
            "Write dbname=… host=… user=…, or set PGPASSWORD."
        )
    return Server(bare, password)


def attach_server(connection: duckdb.DuckDBPyConnection, server: Server, *, read_only: bool) -> None:
    """Attach a server as `server`.

    Raises:
        LakeError: It does not answer, or does not let this user in.
    """
    load_extension(connection, "postgres_scanner")
    options = ["TYPE postgres"]
    if server.password:
        # Errors and `duckdb_databases()` show the connection string, never a secret's values.
        connection.execute(f"CREATE OR REPLACE SECRET {NAME} (TYPE postgres, PASSWORD {quoted(server.password)})")
        options.append(f"SECRET '{NAME}'")
    if read_only:
        options.append("READ_ONLY")
    try:
        connection.execute(f"ATTACH {quoted(server.connection)} AS {NAME} ({', '.join(options)})")
    except duckdb.Error as error:
        if reason := server_reason(str(error)):
            raise LakeError(
                f"the server at {server.connection!r} could not be reached: {reason}. "
                "Check the connection and its password, and that the server runs and has the database."
            ) from error
        raise


def ask(query: str) -> str:
    """SQL of ours for the rows of a query in the server's own SQL."""
    return f"FROM postgres_query('{NAME}', {quoted(query)})"


def tell(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Have the server run a statement, in the open transaction."""
    connection.execute(f"CALL postgres_execute('{NAME}', {quoted(statement)})")


def quoted(text: str) -> str:
    """A text as an SQL literal, ours and the server's alike."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
