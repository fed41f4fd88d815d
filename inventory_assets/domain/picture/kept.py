"""The current rows of one table, by key; and of the latest changes what each replaced, so that a past version shows.

Here: memory and its bound. Not here: what the rows mean.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from inventory_assets.domain.picture.order import Order


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
        told_from: The earliest version after which `changed` knows all; before the horizon where it was begun with what
            was replaced of late, as what that had replaced is not known.
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
        self._order: Order[R] | None = Order(self._place, self._is_kept) if self._place is not None else None
        # By key, what was replaced, oldest first; and all of it in the order in which it was, and by which version.
        self._before: dict[Any, list[R]] = {}
        self._replaced: deque[R] = deque()
        self._replaced_by: deque[int] = deque()
        self.horizon = 0
        self.told_from = 0
        self.newest = 0

    def __len__(self) -> int:
        """How many keys have a row, those that went lately too."""
        return len(self._now)

    def keys(self) -> Iterator[Any]:
        """The keys of all these."""
        return iter(self._now)

    def __iter__(self) -> Iterator[R]:
        """The current rows."""
        return (row for row in self._now.values() if not row.is_gone)

    def start(
        self, rows: Iterable[R], version: int, *, since: int | None = None, keys_of: "Kept[Any] | None" = None
    ) -> None:
        """Keep the rows of a version: nothing earlier can be asked for.

        Args:
            rows: None of them gone; with `since` also all that were replaced or went after it.
            version: Which.
            since: After which version what changed can be asked for.
            keys_of: Another table of the same keys: they are held once.
        """
        listed = list(rows)
        if self._order is not None:
            listed.sort(key=self._order.place)
        end = len(listed) if since is None else bisect_right(listed, since, key=_VERSION)
        first = listed[:end]
        keys: Iterable[Any] = map(self._key, first)
        if keys_of is not None:
            same = dict(zip(keys_of._now, keys_of._now, strict=True))
            keys = list(keys)
            keys = map(same.get, keys, keys)
        self._now = dict(zip(keys, first, strict=True))
        if self._order is not None:
            self._order.extend(first)
        self.told_from = version if since is None else since
        for _, each in groupby(listed[end:], key=_VERSION):
            self.put(each)
        self.horizon = self.newest = version

    def put(self, rows: Iterable[R]) -> list[R]:
        """Take in the rows of one version, later than all before, one a key; they in the order of their keys."""
        taken = list(rows)
        if self._order is not None:
            taken.sort(key=self._order.place)
            self._order.extend(taken)
        now, key_of = self._now, self._key
        for row in taken:
            key = key_of(row)
            before = now.get(key)
            if before is not None:
                self._before.setdefault(key, []).append(before)
                self._note(before, row.version)
            now[key] = row
            if row.is_gone:
                # Nothing may ever replace it: it goes in its turn, as what was replaced does.
                self._note(row, row.version)
        if taken:
            self.newest = taken[0].version
        if len(self._replaced) > self._most:
            self._forget()
        return taken

    def _note(self, row: R, version: int) -> None:
        self._replaced.append(row)
        self._replaced_by.append(version)

    def get(self, key: Hashable) -> R | None:
        """The current row of a key."""
        row = self._now.get(key)
        return None if row is None or row.is_gone else row

    def as_of(self, version: int) -> Iterator[R]:
        """All rows as of a version, not earlier than `horizon`."""
        return (row for key in self._now if (row := self.at(key, version)) is not None)

    def last(self, key: Hashable) -> R | None:
        """The newest row of a key, also where it went lately; None where there is none in memory."""
        return self._now.get(key)

    def at(self, key: Hashable, version: int) -> R | None:
        """The row of a key as of a version, not earlier than `horizon`."""
        row = self._at(key, version)
        return None if row is None or row.is_gone else row

    def many(self, keys: Sequence[Hashable], version: int) -> list[R | None]:
        """The row of each key as of a version, as `at` has it, but those that are gone, too."""
        rows = list(map(self._now.get, keys))
        if version >= self.newest:
            return rows
        return [
            row if row is None or row.version <= version else self._at(key, version)
            for key, row in zip(keys, rows, strict=True)
        ]

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
        assert self._order is not None
        assert self._place is not None
        rows = self._order.after(since, _VERSION) if after is None else self._order.after(after, self._place)
        found: list[R] = []
        for row in rows:
            if row.version > upto or len(found) == limit:
                break
            if self._at(self._key(row), upto) is row:
                found.append(row)
        return found

    def _forget(self) -> None:
        while len(self._replaced) > self._most:
            row, by = self._replaced.popleft(), self._replaced_by.popleft()
            self.horizon = max(self.horizon, by)
            self.told_from = max(self.told_from, by)
            key = self._key(row)
            if self._now.get(key) is row:
                del self._now[key]
            else:
                mine = self._before.get(key)
                # One that went is there twice when its key came back.
                if not mine or mine[0] is not row:
                    continue
                del mine[0]
                if not mine:
                    del self._before[key]
            if self._order is not None:
                self._order.forget(row)

    def _is_kept(self, row: R) -> bool:
        key = self._key(row)
        if self._now.get(key) is row:
            return True
        mine = self._before.get(key)
        # Those of a key are forgotten in order.
        return bool(mine) and mine[0].version <= row.version  # type: ignore[index]
