"""Read from the lake what a picture begins with, or what changed where the journal has forgotten it."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from inventory_assets.domain.picture.picture import LISTED, MOST_MOMENTS, Picture, Step
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.memory import without_collecting
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.query.rows import read_bases
from inventory_assets.lake.stages import Stage
from inventory_assets.lake.tables import LANDED, VERSIONS
from inventory_assets.picture.frames import SOURCES, Column, Reading, Source
from inventory_assets.settings import Settings

# Of what is newer than the newest version less this, it is read what changed, for who was away while this was not here.
PAST_US = 600_000_000


class Loaded(msgspec.Struct):
    """What a picture begins with, as columns: it may come from another process.

    Attributes:
        epoch, version: What the lake shows.
        since: After which version rows of `LISTED` are all that there were; else there are the current ones only.
        versions, moments: Arrays of "q": when each version was committed.
        tables: Columns by name, in the order of a row's fields.
    """

    epoch: int
    version: int
    since: int
    versions: bytes
    moments: bytes
    tables: dict[str, list[Column]]


def picture_of(loaded: Loaded, reading: Reading, *, kept_changes: int) -> Picture:
    """The picture that begins with what was read; the columns go as its rows are made."""
    picture = Picture(loaded.epoch, kept_changes=kept_changes)
    with without_collecting():
        rows = {name: reading.make(SOURCES[name], loaded.tables.pop(name)) for name in list(loaded.tables)}
        versions, moments = array("q", loaded.versions), array("q", loaded.moments)
        picture.start(loaded.version, zip(versions, moments, strict=True), rows, since=loaded.since)
    return picture


def read_loaded(settings: Settings, kept_changes: int) -> Loaded:
    """Read what a picture begins with.

    Args:
        settings: Which lake.
        kept_changes: Of what changed lately, so much at most.

    Raises:
        LakeError, duckdb.Error: The lake cannot be read, or is not there.
    """
    reader = LakeReader(settings)
    try:
        reader.connection.execute("BEGIN")
        epoch, version = landed(reader)
        versions, moments = _moments(reader)
        since = _since(reader, version, kept_changes)
        with without_collecting():
            bases = read_bases(reader)
            tables = {name: _read(reader, name, source, bases=bases, since=since) for name, source in SOURCES.items()}
        return Loaded(epoch, version, since, versions.tobytes(), moments.tobytes(), tables)
    finally:
        reader.connection.close()


def landed(reader: LakeReader) -> tuple[int, int]:
    """(epoch, version) that the lake shows."""
    return reader.query(f"SELECT epoch, version FROM {CATALOG}.{LANDED.full_name} WHERE name = 'lake'").row(0)


def read_steps(settings: Settings, reading: Reading, epoch: int, after: int, most: int) -> list[Step] | None:
    """What the versions after one changed, of those that have landed.

    Returns:
        None where it was made anew since, or there are more than `most`.
    """
    reader = LakeReader(settings)
    try:
        reader.connection.execute("BEGIN")
        now_epoch, version = landed(reader)
        if now_epoch != epoch or version - after > most:
            return None
        committed = {each: at for each, at in zip(*_moments(reader), strict=True) if each > after}
        rows: dict[int, dict[str, Sequence[Any]]] = {each: {} for each in range(after + 1, version + 1)}
        for name, source in SOURCES.items():
            query = f"SELECT {source.listed} FROM {_changes(source, after)} WHERE version <= {version}"
            for row in reading.rows(source, reader.query(query)):
                rows[row.version].setdefault(name, []).append(row)  # type: ignore[attr-defined]
        return [Step(each, committed.get(each, 0), rows[each]) for each in sorted(rows)]
    finally:
        reader.connection.close()


def _read(
    reader: LakeReader, name: str, source: Source, *, bases: Mapping[str, int], since: int
) -> list[Column]:  # fmt: skip
    rows = source.table.current_rows(f"{CATALOG}.", bases.get(source.table.full_name))
    current = f"SELECT {source.listed} FROM ({rows}) WHERE ({source.wanted})"
    if name in LISTED:
        # In the order in which they are kept: sorted here it takes a tenth of the time.
        order = ", ".join(("version", *source.table.key))
        current = (
            f"SELECT * FROM ({current} AND version <= {since} UNION ALL "
            f"SELECT {source.listed} FROM {_changes(source, since)}) ORDER BY {order}"
        )
    return source.columns_of(reader.query(current))


def _changes(source: Source, after: int) -> str:
    return f"(FROM {source.table.changes} WHERE version > {after})"


def _since(reader: LakeReader, version: int, kept_changes: int) -> int:
    """After which version all that changed is read: of the last ten minutes, bounded, and not of before a rebuild."""
    anew = ", ".join(f"'{each}'" for each in (Stage.REBUILD, Stage.RESTORE))
    since = reader.query(
        f"SELECT greatest(coalesce(max(version) FILTER (WHERE stage IN ({anew}) OR committed_at < newest), 0), "
        f"min(version) - 1) FROM {VERSIONS.full_name}, "
        f"(SELECT max(committed_at) - INTERVAL {PAST_US} MICROSECONDS AS newest FROM {VERSIONS.full_name})"
    ).item()
    since = version if since is None else min(since, version)
    for name in sorted(LISTED):
        left = kept_changes
        counts: Mapping[int, int] = dict(
            reader.query(f"SELECT version, count(*) FROM {_changes(SOURCES[name], since)} GROUP BY version").iter_rows()
        )
        for each in sorted(counts, reverse=True):
            left -= counts[each]
            if left < 0:
                since = each
                break
    return since


def _moments(reader: LakeReader) -> tuple["array[int]", "array[int]"]:
    frame: pl.DataFrame = reader.query(
        f"SELECT version, epoch_us(committed_at) AS at FROM {VERSIONS.full_name} "
        f"ORDER BY version DESC LIMIT {MOST_MOMENTS}"
    )
    return array("q", reversed(frame["version"].to_list())), array("q", reversed(frame["at"].to_list()))
