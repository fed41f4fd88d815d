"""A simulation played by a clock: each message when its time has come, counted, so that a restart goes on.

Belongs here: what is due, and how far it is. Not here: whose clock, nor where messages go.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice

from inventory_assets.simulator.incidents import Note
from inventory_assets.simulator.simulation import Simulation
from inventory_assets.simulator.writer import SimulatedMessage


class Pulse:
    """The messages of a simulation in their order, opening first; message k is always the same one.

    Attributes:
        taken: How many have been handed out.
        reached: The latest event time among those; None where none was.
    """

    def __init__(self, simulation: Simulation, *, taken: int = 0) -> None:
        """Begin after the first `taken` messages, which are made and passed over."""
        self.simulation = simulation
        self._messages: Iterator[SimulatedMessage] = chain(simulation.opening(), simulation.stream())
        self.taken = 0
        self.reached: datetime | None = None
        for message in islice(self._messages, taken):
            self._count(message)
        self._next = next(self._messages)
        self._noted = 0

    def take(self, now: datetime, most: int) -> list[SimulatedMessage]:
        """Hand out the next messages whose time has come by `now`, so many at most.

        One that is sent late, as networks do, comes in its place, behind messages of later times.
        """
        due: list[SimulatedMessage] = []
        while len(due) < most and self._next.event_time <= now:
            due.append(self._next)
            self._count(self._next)
            self._next = next(self._messages)
        return due

    def notes(self, now: datetime) -> list[Note]:
        """What has gone wrong by `now` and was not handed out before."""
        found = [note for note in self.simulation.notes[self._noted :] if note.at <= now]
        self._noted += len(found)
        return found

    def skip_notes(self, count: int) -> None:
        """Pass over the first `count` notes: they were handed out before."""
        self._noted = count

    def _count(self, message: SimulatedMessage) -> None:
        self.taken += 1
        if self.reached is None or message.event_time > self.reached:
            self.reached = message.event_time
