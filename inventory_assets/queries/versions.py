"""What versions did, for who reports them."""

from datetime import date, datetime

from inventory_assets.lake.query.reader import Reader
from inventory_assets.lake.tables import Table


def versions_after(reader: Reader, after: int) -> list[tuple[int, str, int, str]]:
    """(version, stage, messages, counts as JSON) of the versions after one, in order."""
    query = "SELECT version, stage, messages, counts FROM meta.versions WHERE version > ? ORDER BY version"
    return reader.query(query, [after]).rows()  # type: ignore[return-value]


def days_of_versions(reader: Reader, table: Table, first: int, last: int) -> list[date]:
    """The days of a partitioned table that versions wrote rows of, both included."""
    of_versions = f"FROM {table.full_name} WHERE version BETWEEN ? AND ?"
    query = f"SELECT DISTINCT {table.partition_by} AS day {of_versions} ORDER BY day"
    return reader.query(query, [first, last])["day"].to_list()


def newest_version(reader: Reader) -> tuple[int, datetime | None]:
    """The newest version that has landed, and when the lake last got one (UTC)."""
    version, committed_at = reader.query("SELECT max(version), max(committed_at) FROM meta.versions").row(0)
    return version or 0, committed_at
