"""The current rows of one table, by key; and of the latest changes what each replaced, so that a past version shows.

Here: memory and its bound. Not here: what the rows mean.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar


class Versioned(Protocol):
    """A row of a versioned table: frozen, with the version that wrote it."""

    @property
    def key(self) -> Any:
        """What it is the row of; keys of a table compare, but for None beside text."""
        ...

    @property
    def version(self) -> int:
        """What wrote it."""
        ...

    @property
    def is_gone(self) -> bool:
        """Whether its key has no row since."""
        ...


R = TypeVar("R", bound=Versioned)


class Kept(Generic[R]):
    """Rows in the order of their versions, with `most` that were replaced at most.

    What a version showed is known as far back as `horizon`, and is exact from there on.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._now: dict[Any, R] = {}
        # Every row, current or replaced and still kept, by (version, key): what changed since when.
        self._order: list[R] = []
        # By key, what was replaced, oldest first; and all of it in the order in which it was.
        self._before: dict[Any, list[R]] = {}
        self._replaced: deque[tuple[int, R]] = deque()
        self._forgotten = 0
        self.horizon = 0

    def __len__(self) -> int:
        """How many keys have a row, those that went lately too."""
        return len(self._now)

    def __iter__(self) -> Iterator[R]:
        """The current rows."""
        return (row for row in self._now.values() if not row.is_gone)

    def start(self, rows: Iterable[R], version: int) -> None:
        """Keep rows as of a version: nothing earlier can be asked for."""
        for row in rows:
            if not row.is_gone:
                self._now[row.key] = row
        self._order = sorted(self._now.values(), key=_place)
        self.horizon = version

    def put(self, rows: Iterable[R]) -> list[R]:
        """Take in the rows of one version, later than all before; those it had not."""
        taken = sorted(rows, key=_place)
        for row in taken:
            before = self._now.get(row.key)
            if before is not None:
                self._before.setdefault(row.key, []).append(before)
                self._replaced.append((row.version, before))
            self._now[row.key] = row
            if row.is_gone:
                # Nothing will replace it: it goes in its turn, as what was replaced does.
                self._replaced.append((row.version, row))
            self._order.append(row)
        self._forget()
        return taken

    def get(self, key: Hashable) -> R | None:
        """The current row of a key."""
        row = self._now.get(key)
        return None if row is None or row.is_gone else row

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

    def changed(self, since: int, upto: int, *, after: Any = None, limit: int) -> list[R]:
        """The rows as of `upto` of the keys that changed after `since`, by (version, key).

        Args:
            since: A version; rows of it are not among them.
            upto: A version, not earlier than `horizon`.
            after: The (version, key) of the last row that was given before.
            limit: How many at most.

        Returns:
            Gone rows too: their keys changed.
        """
        begin = (since, _LAST) if after is None else (after[0], (0, _comparable(after[1])))
        found: list[R] = []
        for place in range(bisect_right(self._order, begin, key=_place), len(self._order)):
            row = self._order[place]
            if row.version > upto or len(found) == limit:
                break
            if self._at(row.key, upto) is row:
                found.append(row)
        return found

    def _forget(self) -> None:
        while len(self._replaced) > self._most:
            by, row = self._replaced.popleft()
            self.horizon = max(self.horizon, by)
            self._forgotten += 1
            if self._now.get(row.key) is row:
                del self._now[row.key]
                continue
            mine = self._before.get(row.key)
            # One that went is there twice when its key came back.
            if mine and mine[0] is row:
                del mine[0]
                if not mine:
                    del self._before[row.key]
        # Seldom: it walks all rows.
        if self._forgotten > max(self._most, len(self._now)):
            self._order = [row for row in self._order if self._is_kept(row)]
            self._forgotten = 0

    def _is_kept(self, row: R) -> bool:
        return self._now.get(row.key) is row or any(each is row for each in self._before.get(row.key, ()))


_LAST = (1, ())


def _comparable(key: Any) -> Any:
    # None, for all warehouses, comes before every name.
    return tuple("" if part is None else part for part in key) if isinstance(key, tuple) else (key,)


def _place(row: Versioned) -> tuple[int, Any]:
    return row.version, (0, _comparable(row.key))
