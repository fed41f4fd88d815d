"""Exchange files and servers for tests.

Belongs here: a database of a test's own and the file that names it. Does not
belong: what must come of an exchange.
"""

from dataclasses import dataclass, field
from pathlib import Path

from tests.lake.catalog.postgres import PASSWORD, PostgresServer, database_of

VARIABLE = "SHOP_PASSWORD"


@dataclass
class Shop:
    """Somebody's database."""

    server: PostgresServer
    database: str = field(init=False)

    def __post_init__(self) -> None:
        self.database = database_of(self.server.new_catalog())

    @property
    def connection(self) -> str:
        """How it is reached, without the password."""
        return f"dbname={self.database} host={self.server.directory} user=inventory"

    @property
    def password(self) -> str:
        """Of its user."""
        return PASSWORD

    def sql(self, statement: str) -> str:
        """Run a statement there; its rows, unaligned."""
        return self.server.sql(statement, self.database)

    def write_file(self, path: Path, text: str, *, connection: str | None = None) -> Path:
        """Write an exchange file with this server and `text`."""
        path.write_text(
            f'[server]\nconnection = "{connection or self.connection}"\npassword_env = "{VARIABLE}"\n{text}'
        )
        return path
