"""What a journal is, whatever keeps it: its head, its versions, and what can be done to them.

The head says where the lake stands: the newest version journaled, and the
newest that is in the lake and on disk. A commit moves it from exactly the
version that its maker knew, and adds the version's rows: a moment, whatever
the lake weighs. The key of the versions alone would compare nothing, as landed
ones go.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

# One that follows the journal finds what landed so long ago, or so many versions ago, whichever is more.
KEPT_SECONDS = 60
KEPT_VERSIONS = 1000
FORMAT = 1


class Barrier(msgspec.Struct, frozen=True):
    """A version that is written to the lake itself, all of its tables anew, and what it follows."""

    stage: str
    epoch: int
    version: int
    next_epoch: int
    next_version: int


@dataclass(frozen=True, slots=True)
class Head:
    """Where a lake stands.

    Attributes:
        journal_id: Of which journal; the lake names it, too.
        epoch: Changes with a rebuild.
        version: The newest version.
        landed: The newest version that is in the lake, and on disk.
        snapshot: DuckLake's number for the landing that brought it.
        barrier: What is being rebuilt at this moment; None else.
        marks: How far something has come that a version may depend on, by name; set with a version.
    """

    journal_id: str
    epoch: int
    version: int
    landed: int
    snapshot: int = 0
    barrier: Barrier | None = None
    marks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournaledVersion:
    """A version as the journal keeps it: `body` holds its rows (`body`), `committed_at` is in microseconds."""

    version: int
    stage: str
    committed_at: int
    rows: int
    body: bytes


class Backlog(NamedTuple):
    """What has not landed: how many versions, their bytes, and when the oldest was committed, in microseconds."""

    versions: int
    bytes: int
    oldest_at: int | None
