"""The current rows of one table, by key; and of the latest changes what each replaced, so that a past version shows.

Here: memory and its bound. Not here: what the rows mean.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar


class Versioned(Protocol):
    """A row of a versioned table: frozen, with the version that wrote it."""

    @property
    def version(self) -> int:
        """What wrote it."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether its key has no row since."""
        ...


R = TypeVar("R", bound=Versioned)
_VERSION = attrgetter("version")


class Kept(Generic[R]):
    """Rows by key, with `most` that were replaced at most.

    What a version showed is known as far back as `horizon`, and is exact from there on.

    Attributes:
        horizon: The earliest version that can be asked for.
        newest: The version that last changed a row; or with which it began, as what went before is not known.
    """

    def __init__(self, most: int, *key: str, is_listed: bool = False) -> None:
        """Begin empty.

        Args:
            most: How many replaced rows are kept.
            key: The fields of a row that are its key.
            is_listed: `changed` can be asked; the key's fields must then compare.
        """
        self._most = most
        self._key = attrgetter(*key)
        self._now: dict[Any, R] = {}
        # Every row, current or replaced and still kept, by version and key: what changed since when.
        self._place = attrgetter("version", *key) if is_listed else None
        self._order: list[R] = []
        # By key, what was replaced, oldest first; and all of it in the order in which it was.
        self._before: dict[Any, list[R]] = {}
        self._replaced: deque[tuple[int, R]] = deque()
        self._forgotten = 0
        self.horizon = 0
        self.newest = 0

    def __len__(self) -> int:
        """How many keys have a row, those that went lately too."""
        return len(self._now)

    def __iter__(self) -> Iterator[R]:
        """The current rows."""
        return (row for row in self._now.values() if not row.is_gone)

    def start(self, rows: Iterable[R], version: int) -> None:
        """Keep the rows of a version, none of them gone: nothing earlier can be asked for."""
        listed = list(rows)
        self._now = dict(zip(map(self._key, listed), listed, strict=True))
        if self._place is not None:
            self._order = sorted(listed, key=self._place)
        self.horizon = self.newest = version

    def put(self, rows: Iterable[R]) -> list[R]:
        """Take in the rows of one version, later than all before, one a key; they in the order of their keys."""
        taken = list(rows)
        if self._place is not None:
            taken.sort(key=self._place)
            self._order += taken
        now, key_of = self._now, self._key
        for row in taken:
            key = key_of(row)
            before = now.get(key)
            if before is not None:
                self._before.setdefault(key, []).append(before)
                self._replaced.append((row.version, before))
            now[key] = row
            if row.is_gone:
                # Nothing may ever replace it: it goes in its turn, as what was replaced does.
                self._replaced.append((row.version, row))
        if taken:
            self.newest = taken[0].version
        if len(self._replaced) > self._most:
            self._forget()
        return taken

    def get(self, key: Hashable) -> R | None:
        """The current row of a key."""
        row = self._now.get(key)
        return None if row is None or row.is_gone else row

    def last(self, key: Hashable) -> R | None:
        """The newest row of a key, also where it went lately; None where there is none in memory."""
        return self._now.get(key)

    def at(self, key: Hashable, version: int) -> R | None:
        """The row of a key as of a version, not earlier than `horizon`."""
        row = self._at(key, version)
        return None if row is None or row.is_gone else row

    def _at(self, key: Hashable, version: int) -> R | None:
        row = self._now.get(key)
        if row is None or row.version <= version:
            return row
        for earlier in reversed(self._before.get(key, ())):
            if earlier.version <= version:
                return earlier
        return None

    def changed(self, since: int, upto: int, *, after: tuple[Any, ...] | None = None, limit: int) -> list[R]:
        """The rows as of `upto` of the keys that changed after `since`, by version and key.

        Args:
            since: A version; rows of it are not among them.
            upto: A version, not earlier than `horizon`.
            after: The version and the key's fields of the last row that was given before.
            limit: How many at most.

        Returns:
            Gone rows too: their keys changed.
        """
        assert self._place is not None
        begin = (
            bisect_right(self._order, since, key=_VERSION)
            if after is None
            else bisect_right(self._order, after, key=self._place)
        )
        found: list[R] = []
        for place in range(begin, len(self._order)):
            row = self._order[place]
            if row.version > upto or len(found) == limit:
                break
            if self._at(self._key(row), upto) is row:
                found.append(row)
        return found

    def _forget(self) -> None:
        while len(self._replaced) > self._most:
            by, row = self._replaced.popleft()
            self.horizon = max(self.horizon, by)
            self._forgotten += 1
            key = self._key(row)
            if self._now.get(key) is row:
                del self._now[key]
                continue
            mine = self._before.get(key)
            # One that went is there twice when its key came back.
            if mine and mine[0] is row:
                del mine[0]
                if not mine:
                    del self._before[key]
        # Seldom: it walks all rows.
        if self._forgotten > max(self._most, len(self._now)):
            self._order = [row for row in self._order if self._is_kept(row)]
            self._forgotten = 0

    def _is_kept(self, row: R) -> bool:
        key = self._key(row)
        return self._now.get(key) is row or any(each is row for each in self._before.get(key, ()))
