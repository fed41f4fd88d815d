"""What a journal is, whatever keeps it: its head, its versions, and what can be done to them.

The head says where the lake stands: the newest version journaled, and the
newest that is in the lake and on disk. A commit moves it from exactly the
version that its maker knew, and adds the version's rows: a moment, whatever
the lake weighs. The key of the versions alone would compare nothing, as landed
ones go.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

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


class Journal(Protocol):
    """The one of a lake, open. Methods raise `LakeError` where it cannot be read or written."""

    def head(self) -> Head:
        """Where the lake stands now."""
        ...

    def commit(self, epoch: int, known: int, entry: JournaledVersion, marks: Mapping[str, int]) -> None:
        """Make `entry` the next version, durably, and set marks.

        Raises:
            StaleStateError: The head is not at (epoch, known), or the lake is being rebuilt.
        """
        ...

    def read(self, after: int, upto: int) -> Iterator[JournaledVersion]:
        """Versions in order, those that it still has."""
        ...

    def stages(self, after: int, upto: int) -> list[str]:
        """What made the versions, of those that it still has."""
        ...

    def backlog(self) -> Backlog:
        """What has not landed."""
        ...

    def lacking(self) -> int:
        """Of how many versions that have not landed it has no rows; 0 while it is whole."""
        ...

    def note_landed(self, version: int, snapshot: int) -> None:
        """The versions up to this one are in the lake and on disk."""
        ...

    def forget(self, now: int) -> None:
        """Let go of landed versions that are old and many; `now` in microseconds."""
        ...

    def begin_barrier(self, barrier: Barrier) -> None:
        """Move the head past a version that is written to the lake itself; no writer passes it.

        Raises:
            StaleStateError: The head is not where `barrier` begins, or something has not landed.
        """
        ...

    def end_barrier(self, snapshot: int) -> None:
        """The barrier's version is in the lake and on disk."""
        ...

    def withdraw_barrier(self) -> None:
        """The barrier's version did not come about: the head is where it was."""
        ...

    def mark_lander(self) -> None:
        """Say, until it is closed, that somebody lands."""
        ...

    def has_lander(self) -> bool:
        """Whether somebody lives who lands."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers of the journal away: for who was late, to catch up and be first."""
        ...

    def close(self) -> None:
        """Close it."""
        ...
