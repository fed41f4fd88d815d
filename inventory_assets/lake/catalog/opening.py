"""The statements with which a DuckDB of somebody's own opens the lake read-only: its shell, a notebook, a BI tool.

Belongs here: what the product itself executes to attach, as text. Does not belong: how it attaches (`connect`,
`marts`, `partition_files`), or anything that opens a lake.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from inventory_assets.lake.catalog.connect import SQLITE, UNSAFE_OPTIMIZERS, attach, extensions_of
from inventory_assets.lake.catalog.extensions import extension_path
from inventory_assets.lake.catalog.marts import MartsMissingError, attach_marts
from inventory_assets.lake.catalog.postgres import split_password
from inventory_assets.lake.errors import LakeMissingError
from inventory_assets.lake.files.partition_files import attach_views
from inventory_assets.lake.tables import CATALOG
from inventory_assets.settings import Settings


class _Written:
    """Stands where a connection is, and writes down what it is told: what is printed cannot differ from what is done.

    An extension that is loaded is left out: whoever prints has loaded them all.
    """

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, statement: str, parameters: list[Any] | None = None) -> "_Written":
        assert not parameters  # a text has none
        # Twice in one session, as in a notebook's cell, is no error.
        self.statements.append(re.sub("^ATTACH '", "ATTACH IF NOT EXISTS '", statement))
        return self

    def load_extension(self, name: str) -> None:
        """Done already."""


def opening_statements(settings: Settings) -> list[str]:
    """SQL that opens the lake as `lake`, the marts and the snapshot files beside it where there are any.

    No password and no key is in it: libpq takes the first from its environment, whoever asks gives the second.
    Snapshot files are those of now.

    Raises:
        LakeMissingError: There is no lake.
        LakeError: The catalog's password is in a URI.
    """
    if settings.is_embedded and not Path(settings.catalog_uri.removeprefix(SQLITE)).exists():
        raise LakeMissingError(
            f"there is no lake at {settings.catalog_uri.removeprefix(SQLITE)!r} yet. "
            "Start `make run`, or publish messages and run `inventory drain`."
        )
    if not settings.is_embedded:
        settings = replace(settings, catalog=split_password(settings.catalog_uri)[0])
    names = dict.fromkeys([*extensions_of(settings), "sqlite_scanner"])
    written = _Written()
    # Sorted, numbers came out wrong with them (docs/adr/0012).
    written.execute(f"SET disabled_optimizers = '{UNSAFE_OPTIMIZERS}'")
    for name in names:
        written.execute(f"LOAD '{str(extension_path(name)).replace(chr(39), chr(39) * 2)}'")
    connection: duckdb.DuckDBPyConnection = written  # type: ignore[assignment]
    attach(connection, settings, read_only=True)
    try:
        attach_marts(connection, settings, read_only=True)
    except MartsMissingError:
        pass  # the lake is what was asked for
    if "://" not in settings.snapshots_uri:
        attach_views(connection, settings.snapshots_uri)
    written.execute(f"USE {CATALOG}")
    return written.statements
