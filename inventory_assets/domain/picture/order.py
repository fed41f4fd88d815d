"""Rows in order, to which later ones are added, and of which some are forgotten: in parts, so that those go soon.

Not here: which are forgotten (`kept`).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

R = TypeVar("R")

# To walk a part takes half a millisecond.
PART_ROWS = 1_024
# Of a part so much may be forgotten and still be held: an eighth of all rows at most.
FORGOTTEN_SHARE = 8


class Order(Generic[R]):
    """Rows by their place; no two have the same.

    Attributes:
        place: Of a row.
    """

    def __init__(self, place: Callable[[R], Any], is_kept: Callable[[R], bool]) -> None:
        """Begin empty.

        Args:
            place: Of a row, such as its version and key.
            is_kept: Whether a row is not forgotten.
        """
        self.place = place
        self._is_kept = is_kept
        self._parts: list[list[R]] = []
        # By part: not after its first row, and after the last of the part before; how many of it are forgotten.
        self._begins: list[Any] = []
        self._forgotten: list[int] = []

    def __iter__(self) -> Iterator[R]:
        """All rows that are held, those that are forgotten and did not go yet too."""
        return (row for part in self._parts for row in part)

    def extend(self, rows: list[R]) -> None:
        """Add rows in order, later than all that are here."""
        begin = 0
        if self._parts:
            begin = max(0, PART_ROWS - len(self._parts[-1]))
            self._parts[-1] += rows[:begin]
        for place in range(begin, len(rows), PART_ROWS):
            part = rows[place : place + PART_ROWS]
            self._parts.append(part)
            self._begins.append(self.place(part[0]))
            self._forgotten.append(0)

    def forget(self, row: R) -> None:
        """Note that a row is not kept any more."""
        at = bisect_right(self._begins, self.place(row)) - 1
        self._forgotten[at] += 1
        part = self._parts[at]
        if self._forgotten[at] * FORGOTTEN_SHARE < len(part):
            return
        part[:] = filter(self._is_kept, part)
        self._forgotten[at] = 0
        if not part:
            del self._parts[at], self._begins[at], self._forgotten[at]

    def after(self, place: Any, key: Callable[[R], Any]) -> Iterator[R]:
        """The rows after a place, in order.

        Args:
            place: As `key` gives it.
            key: The place itself, or the beginning of it.
        """
        # Every part before this one begins, and so ends, at or before the place.
        at = max(0, bisect_right(self._parts, place, key=lambda part: key(part[0])) - 1)
        for number in range(at, len(self._parts)):
            part = self._parts[number]
            begin = bisect_right(part, place, key=key) if number == at else 0
            yield from _from(part, begin)


def _from(part: list[R], begin: int) -> Iterable[R]:
    return (part[place] for place in range(begin, len(part)))
