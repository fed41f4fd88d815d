"""Read from the lake what a picture begins with, or what changed where the journal has forgotten it."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from inventory_assets.domain.picture.picture import KEPT_CHANGES, MOST_MOMENTS, Picture, Step
from inventory_assets.lake.catalog.connect import CATALOG
from inventory_assets.lake.memory import without_collecting
from inventory_assets.lake.query.reader import LakeReader
from inventory_assets.lake.query.rows import current_rows_query
from inventory_assets.lake.tables import LANDED, VERSIONS
from inventory_assets.picture.frames import SOURCES, Reading, Source
from inventory_assets.settings import Settings

# A part of this many rows at a time: frames beside the rows made of them should stay small.
PARTS = 4


def load_picture(settings: Settings, reading: Reading, *, kept_changes: int = KEPT_CHANGES) -> Picture:
    """The picture of what has landed.

    Raises:
        LakeError, duckdb.Error: The lake cannot be read, or is not there.
    """
    reader = LakeReader(settings)
    try:
        reader.connection.execute("BEGIN")
        epoch, version = landed(reader)
        picture = Picture(epoch, kept_changes=kept_changes)
        with without_collecting():
            rows = {name: _read(reader, source, reading) for name, source in SOURCES.items()}
            picture.start(version, _moments(reader), rows)
        return picture
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
        committed = {each: at for each, at in _moments(reader) if each > after}
        rows: dict[int, dict[str, Sequence[Any]]] = {each: {} for each in range(after + 1, version + 1)}
        for name, source in SOURCES.items():
            query = (
                f"SELECT {', '.join(source.columns)} FROM {source.table.changes} "
                f"WHERE version > {after} AND version <= {version}"
            )
            for row in reading.rows(source, reader.query(query)):
                rows[row.version].setdefault(name, []).append(row)  # type: ignore[attr-defined]
        return [Step(each, committed.get(each, 0), rows[each]) for each in sorted(rows)]
    finally:
        reader.connection.close()


def _read(reader: LakeReader, source: Source, reading: Reading) -> list[Any]:
    current = current_rows_query(reader, source.table)
    key = source.table.key[-1]
    rows: list[Any] = []
    for part in range(PARTS):
        query = (
            f"SELECT {', '.join(source.columns)} FROM ({current}) "
            f"WHERE ({source.wanted}) AND hash({key}) % {PARTS} = {part}"
        )
        rows += reading.rows(source, reader.query(query))
    return rows


def _moments(reader: LakeReader) -> list[tuple[int, int]]:
    frame: pl.DataFrame = reader.query(
        f"SELECT version, epoch_us(committed_at) AS at FROM {VERSIONS.full_name} "
        f"ORDER BY version DESC LIMIT {MOST_MOMENTS}"
    )
    return frame.reverse().rows()  # type: ignore[return-value]
