"""The rows of one version as bytes: each table an Arrow stream, without the version that is the same in every row."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec
import polars as pl

from inventory_assets.lake.errors import JournalError
from inventory_assets.lake.journal.sql import REMEDY

# 2 ms of a burst of 1,000, for a sixth of the bytes (docs/performance.md).
COMPRESSION: Final = "lz4"


def encode(tables: Mapping[str, pl.DataFrame]) -> bytes:
    """Rows by table, as bytes."""
    streams = {}
    for name, rows in tables.items():
        streams[name] = rows.write_ipc_stream(None, compression=COMPRESSION).getvalue()
    return msgspec.msgpack.encode(streams)


def decode(body: bytes, only: Collection[str] | None = None) -> dict[str, pl.DataFrame]:
    """Rows by table, from bytes; those of `only` some tables cost only these."""
    streams = msgspec.msgpack.decode(body, type=dict[str, bytes])
    return {name: pl.read_ipc_stream(stream) for name, stream in streams.items() if only is None or name in only}


def same(version: int, height: int) -> pl.Series:
    """A version as a column: a third of what a literal costs."""
    return pl.Series("version", [version], pl.Int64).new_from_index(0, height)


def gather(bodies: Iterable[tuple[int, bytes]], only: Collection[str] | None = None) -> dict[str, pl.DataFrame]:
    """The rows of several versions, by table, each with its version; of `only` some tables, or of all."""
    parts: dict[str, list[pl.DataFrame]] = {}
    for version, body in bodies:
        for name, rows in _decode(version, body, only).items():
            if "version" not in rows.columns:
                rows = rows.hstack([same(version, rows.height)])
            parts.setdefault(name, []).append(rows)
    return {name: _join(frames) for name, frames in parts.items()}


def _join(frames: list[pl.DataFrame]) -> pl.DataFrame:
    # Diagonal: a version that older code journaled lacks the columns that came since.
    try:
        return pl.concat(frames, how="diagonal")
    except pl.exceptions.SchemaError:
        # A column of nothing but nulls may have no type of its own. Three times the cost.
        return pl.concat(frames, how="diagonal_relaxed")


def _decode(version: int, body: bytes, only: Collection[str] | None) -> dict[str, pl.DataFrame]:
    try:
        return decode(body, only)
    # Whatever bytes at random make of the three that read them, which have no base in common.
    except (Exception, pl.exceptions.PanicException) as error:
        raise JournalError(f"version {version} is damaged in the journal: {error}. {REMEDY}") from error
