"""Open the lake: extensions from the installed wheels, the catalog, the first tables.

Nothing is downloaded: DuckDB gets an extension directory of our own and is told
not to install anything by itself.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from inventory_assets.lake.catalog.create import ensure_tables
from inventory_assets.lake.catalog.extensions import load_extension, open_with_extensions
from inventory_assets.lake.catalog.older import OLDER, is_older, show_whole
from inventory_assets.lake.catalog.postgres import server_reason, split_password
from inventory_assets.lake.catalog.readable import attach_readable
from inventory_assets.lake.catalog.spill import spill_folder
from inventory_assets.lake.durable import commit_written
from inventory_assets.lake.errors import LakeError, LakeMissingError
from inventory_assets.lake.journal.open import make_journal
from inventory_assets.lake.lock import DEFAULT_TIMEOUT_SECONDS, writer_lock
from inventory_assets.lake.retries import try_again
from inventory_assets.lake.tables import CATALOG
from inventory_assets.private import keep_private, make_private
from inventory_assets.settings import Settings

# Making an empty lake takes a second; whoever lost that race finds it made.
MAKE_TRIES = 5
SQLITE = "sqlite:"
UNSAFE_OPTIMIZERS = "statistics_propagation,compressed_materialization"
MADE_BY_ANOTHER = ("Failed to initialize DuckLake", "already exists", "Transaction conflict")


def connect(settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a connection with the lake attached as `lake` and in use.

    A writer's first connection makes the lake and its tables.

    Raises:
        LakeMissingError: `read_only`, and there is no lake.
        LakeError: The catalog's server does not answer, or the data are in a
            bucket and no key for it is set.
    """
    if read_only:
        make_private()  # a query may spill to disk
    else:
        keep_private(settings.home)
    if settings.is_embedded:
        catalog_path = Path(settings.catalog_uri.removeprefix(SQLITE))
        if read_only and not catalog_path.exists():
            raise LakeMissingError(
                f"there is no lake at {str(catalog_path)!r} yet. "
                "Start `make run`, or publish messages and run `inventory drain`."
            )
        if not read_only:
            catalog_path.parent.mkdir(parents=True, exist_ok=True)
            _check_writable(settings)
    connection = open_duckdb(settings, *extensions_of(settings))
    _use_credentials(connection, settings)
    if read_only:
        attach_whole(connection, settings)
    else:
        with lake_lock(settings):
            _until_made(lambda: attach(connection, settings, read_only=False))
            _make_tables(connection, settings)
    connection.execute(f"USE {CATALOG}")
    return connection


def _check_writable(settings: Settings) -> None:
    # SQLite would find out at its first commit, and say neither which file nor whose.
    if (path := _unwritable(settings)) is not None:
        raise LakeError(
            f"the lake's catalog cannot be written: {str(path)!r} is not this user's to write, or its disk is "
            "read-only. Run this as its owner (see `ls -l`), or set INVENTORY_HOME; commands that only read still do."
        )


def is_writable(settings: Settings) -> bool:
    """Whether this process may write the lake, as far as files tell; a server tells at the first try."""
    return _unwritable(settings) is None


def _unwritable(settings: Settings) -> Path | None:
    if not settings.is_embedded:
        return None
    catalog = Path(settings.catalog_uri.removeprefix(SQLITE))
    paths = (catalog.parent, catalog)
    return next((path for path in paths if path.exists() and not os.access(path, os.W_OK)), None)


def open_duckdb(settings: Settings, *extensions: str) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that downloads nothing, within the settings' bounds."""
    connection = open_with_extensions(duckdb_config(settings), *extensions)
    # DuckDB imports pandas to look at the first parameter that it binds: 0.4 s and 50 MiB of every process, for
    # nothing here. Not there, it goes without; `resources.gcs`, whose library needs it, takes this back.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    prepare(connection)
    return connection


def duckdb_config(settings: Settings) -> dict[str, str | bool | int | float | list[str]]:
    """What one DuckDB starts with: nothing is downloaded, and it stays within its bounds. Anew for each instance."""
    return {
        "extension_directory": str(settings.home / "extensions"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": settings.duckdb_threads,
        "memory_limit": settings.duckdb_memory_limit,
        # What does not fit goes to disk, below our home and not into the current directory.
        "temp_directory": str(spill_folder(settings.home)),
        # A burst reads no file twice: the cache only grows, to whatever memory there is.
        "enable_external_file_cache": False,
        # Give back what a sort or a new base took; without it the process keeps its peak.
        "allocator_background_threads": True,
    }


def prepare(connection: duckdb.DuckDBPyConnection, *extensions: str) -> None:
    """Make a connection that is open already as safe and as silent as ours, with these extensions."""
    # They believe DuckLake's column statistics, which can lack what a table's first commit brought:
    # sorted, 10^12 then came out as 256 (docs/adr/0012).
    connection.execute(f"SET disabled_optimizers = '{UNSAFE_OPTIMIZERS}'")
    # In a process without a script of its own, as a code server may be, DuckDB takes itself to be
    # interactive: a query of over two seconds then draws its progress on stdout, between lines of JSON.
    connection.execute("SET enable_progress_bar = false")
    for name in extensions:
        load_extension(connection, name)


def extensions_of(settings: Settings) -> list[str]:
    """The extensions that reading the lake takes."""
    names = ["ducklake", "sqlite_scanner" if settings.is_embedded else "postgres_scanner"]
    # Snapshot files can do without (`partition_files.attach_views`).
    if any("://" in uri for uri in (settings.data_uri, settings.archive_uri)):
        names.append("httpfs")
    return names


def _use_credentials(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let DuckDB sign its requests to the bucket; it knows HMAC keys only, no service account files."""
    if not any(uri.startswith("gs://") for uri in (settings.data_uri, settings.archive_uri)):
        return
    if not settings.gcs_key_id or not settings.gcs_secret:
        if not settings.data_uri.startswith("gs://"):
            return  # the lake works without them; whoever asks for the others is told by the store
        raise LakeError(
            f"the data are at {settings.data_uri!r} but INVENTORY_GCS_KEY_ID or INVENTORY_GCS_SECRET is not set. "
            "Make an HMAC key for a service account: gcloud storage hmac create ACCOUNT."
        )
    options = [f"KEY_ID '{_quoted(settings.gcs_key_id)}'", f"SECRET '{_quoted(settings.gcs_secret)}'"]
    if settings.gcs_endpoint:
        scheme, _, host = settings.gcs_endpoint.rpartition("://")
        uses_tls = "false" if scheme == "http" else "true"
        options += [f"ENDPOINT '{_quoted(host)}'", "URL_STYLE 'path'", f"USE_SSL {uses_tls}"]
    connection.execute(f"CREATE SECRET lake_data (TYPE gcs, {', '.join(options)})")


def attach_at_snapshot(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Attach the lake to a connection that is open already, read-only and as of now, whatever is committed later.

    Raises:
        LakeMissingError: There is no lake.
    """
    prepare(connection, *extensions_of(settings))
    _use_credentials(connection, settings)
    attach(connection, settings, read_only=True)
    row = connection.execute(f"SELECT max(snapshot_id) FROM {CATALOG}.snapshots()").fetchone()
    connection.execute(f"DETACH {CATALOG}")
    attach_whole(connection, settings, snapshot=row[0] if row else None)


def attach_whole(connection: duckdb.DuckDBPyConnection, settings: Settings, *, snapshot: int | None = None) -> None:
    """Attach the lake as `lake` to read, with all of this release's tables and columns, whoever wrote it last."""
    attach(connection, settings, read_only=True, snapshot=snapshot)
    if is_older(connection):
        connection.execute(f"DETACH {CATALOG}")
        attach(connection, settings, read_only=True, snapshot=snapshot, name=OLDER)
        show_whole(connection)


def attach(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    read_only: bool,
    snapshot: int | None = None,
    name: str = CATALOG,
) -> None:
    """Attach the lake under a name; with `snapshot`, as of that DuckLake snapshot."""
    # Row inlining is off: it made merges slower when it was measured. Not for the one row of the
    # watermark on a server: in a file, it would be lost with the answer to a COMMIT (`files`).
    limit = 0 if settings.is_embedded else 1
    options = [f"DATA_PATH '{_quoted(settings.data_uri)}'", f"DATA_INLINING_ROW_LIMIT {limit}"]
    catalog = settings.catalog_uri
    if settings.is_embedded and not settings.data_path:
        # The files lie beside the catalog, whatever their home was called when they were written.
        options.append("OVERRIDE_DATA_PATH true")
    if settings.is_embedded:
        # This SQLite waits in whole seconds: a writer is better told at once, and tries again
        # after milliseconds (`with_retries`). A reader has nothing that tries again.
        # The journal's mode stays with the file: only a writer sets it, as setting it writes.
        options.append(f"META_BUSY_TIMEOUT {5000 if read_only else 0}")
        if not read_only:
            options.append("META_JOURNAL_MODE 'WAL'")
    else:
        catalog, password = split_password(catalog)
        if password:
            # Errors and `duckdb_databases()` show the connection string, never a secret's values.
            connection.execute(f"CREATE OR REPLACE SECRET lake_catalog (TYPE postgres, PASSWORD '{_quoted(password)}')")
            options.append("META_SECRET 'lake_catalog'")
    if read_only:
        options.append("READ_ONLY")
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {snapshot}")

    def attach_from(uri: str) -> None:
        connection.execute(f"ATTACH 'ducklake:{_quoted(uri)}' AS {name} ({', '.join(options)})")

    try:
        if settings.is_embedded and read_only:
            attach_readable(
                Path(catalog.removeprefix(SQLITE)),
                lambda path: attach_from(f"{SQLITE}{path}"),
            )
        else:
            attach_from(catalog)
    except duckdb.Error as error:
        text = str(error)
        if read_only and "creating a new DuckLake is explicitly disabled" in text:
            raise LakeMissingError(
                f"there is no lake at {catalog!r} yet. Start `make run`, or publish messages and run `inventory drain`."
            ) from None
        if reason := server_reason(text):
            raise LakeError(
                f"the catalog at {catalog!r} could not be reached: {reason}. "
                "Check INVENTORY_CATALOG, and that the server runs, lets this user in and has the database."
            ) from error
        raise


@contextmanager
def lake_lock(settings: Settings, *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Iterator[None]:
    """The right to write the lake itself: a file's lock, or on a server one of its own.

    Raises:
        LakeBusyError: Not free within `timeout_seconds`.
    """
    if settings.is_embedded:
        with writer_lock(settings.lock_path, timeout_seconds=timeout_seconds):
            yield
        return
    # Here, not at the top: the server's client takes 50 ms of every command.
    from inventory_assets.lake.journal.server import server_lock

    with server_lock(settings.catalog_uri, timeout_seconds=timeout_seconds):
        yield


def _make_tables(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    def make() -> None:
        began = time.time()
        try:
            ensure_tables(
                connection,
                lambda journal_id, epoch, version: make_journal(settings, journal_id, epoch=epoch, version=version),
                lambda: commit_written(connection, settings, began),
            )
        except BaseException:
            try:
                connection.execute("ROLLBACK")
            except duckdb.Error:
                pass  # a failed COMMIT has ended the transaction already
            raise

    _until_made(make)


def _until_made(make: Callable[[], None]) -> None:
    def is_made_by_another(error: Exception) -> bool:
        return isinstance(error, duckdb.Error) and any(sign in str(error) for sign in MADE_BY_ANOTHER)

    try_again(make, when=is_made_by_another, tries=MAKE_TRIES, pause=lambda number: 0.2 * number)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
