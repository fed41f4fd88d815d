"""Open or make the journal of a lake, of whichever kind its catalog is."""

from pathlib import Path

from inventory_assets.lake.journal.sql import Journal
from inventory_assets.settings import Settings


def open_journal(settings: Settings, *, read_only: bool = False) -> Journal:
    """The journal of the lake that the settings name.

    Raises:
        JournalError: There is none, or it is damaged.
        LakeError: It cannot be reached.
    """
    # Here, not at the top: most commands need neither, and the server's client takes them 50 ms.
    if settings.is_embedded:
        from inventory_assets.lake.journal.sqlite import SqliteJournal

        return SqliteJournal(journal_path(settings), read_only=read_only)
    from inventory_assets.lake.journal.postgres import PostgresJournal

    return PostgresJournal(settings.catalog_uri)


def has_journal(settings: Settings) -> bool:
    """Whether there is one, as far as files tell; a server tells when it is opened."""
    return not settings.is_embedded or journal_path(settings).exists()


def make_journal(settings: Settings, journal_id: str, *, epoch: int, version: int) -> None:
    """Make the journal of a lake that stands at a version: all of its versions have landed."""
    if settings.is_embedded:
        from inventory_assets.lake.journal.sqlite import make_sqlite_journal

        make_sqlite_journal(journal_path(settings), journal_id, epoch=epoch, version=version)
    else:
        from inventory_assets.lake.journal.postgres import make_postgres_journal

        make_postgres_journal(settings.catalog_uri, journal_id, epoch=epoch, version=version)


def drop_journal(settings: Settings) -> None:
    """Put the journal away, for good."""
    if settings.is_embedded:
        path = journal_path(settings)
        for suffix in ("-wal", "-shm", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    else:
        from inventory_assets.lake.journal.postgres import drop_postgres_journal

        drop_postgres_journal(settings.catalog_uri)


def journal_path(settings: Settings) -> Path:
    """The file of an embedded lake's journal: beside the catalog, so that they are copied together."""
    return Path(settings.catalog_uri.removeprefix("sqlite:")).with_suffix(".journal.sqlite")
