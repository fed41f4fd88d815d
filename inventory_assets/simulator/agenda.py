"""What the shop has planned, by due time. Nothing about what the plans are."""

import heapq
from collections.abc import Callable

from inventory_assets.simulator.documents import SECOND_US
from inventory_assets.simulator.writer import Draft

Action = Callable[[int], Draft | None]
NEVER_US = 1 << 62


class Agenda:
    """Actions in order of due time, then of adding.

    A heap within the current second and unsorted lists for later ones: one heap over the tens
    of thousands of orders under way spends more on comparing than the orders cost.
    """

    def __init__(self) -> None:
        self._number = 0
        self._near: list[tuple[int, int, Action]] = []
        self._near_second = 0
        self._later: dict[int, list[tuple[int, int, Action]]] = {}
        self._later_seconds: list[int] = []
        self.next_due_us = NEVER_US

    def add(self, due_us: int, action: Action) -> None:
        """Plan an action."""
        self._number += 1
        entry = (due_us, self._number, action)
        second = due_us // SECOND_US
        if second <= self._near_second:
            heapq.heappush(self._near, entry)
            self.next_due_us = self._near[0][0]
            return
        if second not in self._later:
            self._later[second] = []
            heapq.heappush(self._later_seconds, second)
        self._later[second].append(entry)
        if not self._near:
            self._turn()

    def take(self) -> Action:
        """Remove and return the action due next.

        Raises:
            IndexError: If nothing is planned.
        """
        action = heapq.heappop(self._near)[2]
        if self._near:
            self.next_due_us = self._near[0][0]
        else:
            self._turn()
        return action

    def _turn(self) -> None:
        # The nearest later second becomes the current one.
        if not self._later_seconds:
            self.next_due_us = NEVER_US
            return
        self._near_second = heapq.heappop(self._later_seconds)
        self._near = self._later.pop(self._near_second)
        heapq.heapify(self._near)
        self.next_due_us = self._near[0][0]
